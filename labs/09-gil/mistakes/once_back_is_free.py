"""Frees it at the first release, however often it was taken."""

CAUGHT_BY = "owned"
MESSAGE = """\
wrong: taken 3 times; release() number 1
  expected: it is given back once more
  got:      this thread does not hold the lock
It stays ours until it has been given back as often as it was taken.
at _check_owned: raise RuntimeError("this thread does not hold the lock")
"""


class RLock:
    def release(self):
        self._check_owned()
        self._owner, self._count = None, 0
        self._lock.release()
