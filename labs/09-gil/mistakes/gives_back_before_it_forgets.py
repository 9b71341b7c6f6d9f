"""Releases the raw lock first, and then erases the name of the next owner."""

CAUGHT_BY = "owned"
MESSAGE = """\
wrong: in release(), another thread takes it the moment the raw lock is free; who owns it then
  expected: the other thread
  got:      nobody, or still the first
Once the raw lock is given back, owner and count belong to the next one: change them before.
"""


class RLock:
    def release(self):
        self._check_owned()
        self._count -= 1
        if self._count == 0:
            self._lock.release()
            self._owner = None
