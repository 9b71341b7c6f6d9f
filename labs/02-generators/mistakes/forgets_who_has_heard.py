"""Does not note that somebody asked: every failure is reported twice."""

CAUGHT_BY = "asks"
MESSAGE = """\
wrong: a failed future of which result() was asked is thrown away; reports
  expected: []
  got:      ['result']
self._heard says whether anybody has asked.
"""


class Future:
    def exception(self):
        if not self._done:
            raise InvalidState("there is no result yet")
        return self._error
