"""Looks at the flag first, and takes the lock to go to sleep then."""

CAUGHT_BY = "flag"
MESSAGE = """\
wrong: wait(); the flag goes up just before it takes the lock
  expected: it goes on
  got:      it sleeps for ever
It looked at the flag, and went to sleep later. In between the flag went up, and nobody was there to be woken.
"""


class Event:
    def wait(self, timeout=None):
        if self._up:
            return True
        with self._cond:
            return self._cond.wait(timeout)
