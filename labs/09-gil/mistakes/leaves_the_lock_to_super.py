"""Looks for room without the lock, since the release below takes it anyway."""

CAUGHT_BY = "too_many"
MESSAGE = """\
wrong: one place is taken, and two threads give it back at the same moment; free places of 4
  expected: 4
  got:      5
Both looked, both found room for one, and both added it. To look and to add must be under one hold of the lock.
"""


class BoundedSemaphore:
    def release(self, n=1):
        if self._value + n > self._most:
            raise ValueError("more was given back than taken")
        super().release(n)
