"""Adds the places, and wakes nobody."""

CAUGHT_BY = "places"
MESSAGE = """\
wrong: acquire(), no place left; another thread gives one back meanwhile
  expected: it goes on
  got:      it sleeps for ever
release() has to notify those who wait.
"""


class Semaphore:
    def release(self, n=1):
        if n < 1:
            raise ValueError(f"at least one place is given back, not {n}")
        with self._changed:
            self._value += n
