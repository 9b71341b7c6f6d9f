"""Gives None where there is no result yet, and None is a result."""

CAUGHT_BY = "asks"
MESSAGE = """\
wrong: result() of a future that is not done
  expected: InvalidState is raised
  got:      no exception
"""


class Future:
    def result(self):
        if self._error is not None:
            raise self._error
        return self._result

    def exception(self):
        self._heard = True
        return self._error
