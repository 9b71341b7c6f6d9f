"""Waits once if there is no place, and takes one when it wakes up."""

CAUGHT_BY = "places"
MESSAGE = """\
wrong: free places after that
  expected: 0
  got:      -1
To be woken is not yet to have a place: look again.
"""


class Semaphore:
    def acquire(self, blocking=True, timeout=None):
        if not blocking and timeout is not None:
            raise ValueError("who does not wait has no use for a timeout")
        with self._changed:
            if self._value == 0 and not self._changed.wait(timeout if blocking else 0):
                return False
            self._value -= 1
            return True
