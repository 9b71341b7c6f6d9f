"""Believes that one release() is enough to give the lock up."""

CAUGHT_BY = "given_up_whole"
MESSAGE = """\
wrong: taken 6 times, then _release_save(): another thread's acquire(False)
  expected: True
  got:      False
It must be free, however often it was taken.
"""


class RLock:
    def _release_save(self):
        self._check_owned()
        self.release()
        return 1
