"""Gives back several places, and wakes one of those who wait."""

CAUGHT_BY = "places"
MESSAGE = """\
wrong: of six who wait, woken by release(2)
  expected: 2
  got:      1
As many as there are places now.
"""


class Semaphore:
    def release(self, n=1):
        if n < 1:
            raise ValueError(f"at least one place is given back, not {n}")
        with self._changed:
            self._value += n
            self._changed.notify()
