"""Counts before it knows whether it got the lock."""

CAUGHT_BY = "owned"
MESSAGE = """\
wrong: taken 3 times, given back 3 times: another thread's acquire(False)
  expected: True
  got:      False
It is free when it has been given back as often as it was taken.
"""


class RLock:
    def acquire(self, blocking=True, timeout=-1):
        self._count += 1
        if not self._is_owned():
            if not self._lock.acquire(blocking, timeout):
                return False
            self._owner = get_ident()
        return True
