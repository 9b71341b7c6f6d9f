"""Lets any thread give it back, as a raw lock does."""

CAUGHT_BY = "owned"
MESSAGE = """\
wrong: release() of a lock that nobody holds
  expected: RuntimeError is raised
  got:      no exception
Only its owner may give it back; a raw lock would not mind.
"""


class RLock:
    def release(self):
        self._count -= 1
        if self._count == 0:
            self._owner = None
            self._lock.release()
