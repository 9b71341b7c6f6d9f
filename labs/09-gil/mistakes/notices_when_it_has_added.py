"""Adds first, and complains when it is too late."""

CAUGHT_BY = "too_many"
MESSAGE = """\
wrong: free places after that
  expected: 2
  got:      5
"""


class BoundedSemaphore:
    def release(self, n=1):
        with self._changed:
            super().release(n)
            if self._value > self._most:
                raise ValueError("more was given back than taken")
