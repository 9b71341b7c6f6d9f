"""Answers what is mostly right: everybody is ready for what was asked."""

CAUGHT_BY = "asks_with_select"
MESSAGE = """\
wrong: poll(0), registered for READ, nothing sent yet
  expected: nothing
  got:      READ
"""


class SelectPoller:
    def poll(self, timeout):
        return list(self._events.items())
