"""Raises the flag, and wakes one of those who wait for it."""

CAUGHT_BY = "flag"
MESSAGE = """\
wrong: 3 sleep; woken by set()
  expected: 3
  got:      1
A flag is for everybody.
"""


class Event:
    def set(self):
        with self._cond:
            self._up = True
            self._cond.notify()
