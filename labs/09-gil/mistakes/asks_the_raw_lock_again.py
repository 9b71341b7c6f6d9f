"""Goes to the raw lock each time, and there waits for itself."""

CAUGHT_BY = "owned"
MESSAGE = """\
wrong: acquire() 3 times in one thread
  expected: it goes on
  got:      it sleeps for ever
Its owner need not wait: the raw lock is held already, by this thread.
"""


class RLock:
    def acquire(self, blocking=True, timeout=-1):
        if not self._lock.acquire(blocking, timeout):
            return False
        self._owner = get_ident()
        self._count += 1
        return True
