"""Takes the lock back, and forgets how often it had been taken."""

CAUGHT_BY = "given_up_whole"
MESSAGE = """\
wrong: _recursion_count() after _acquire_restore()
  expected: 6
  got:      1
It is held again as often as before.
"""


class RLock:
    def _acquire_restore(self, count):
        self.acquire()
