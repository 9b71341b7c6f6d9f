"""Lets release() find out whose lock it is, when the count is changed already."""

CAUGHT_BY = "given_up_whole"
MESSAGE = """\
wrong: _recursion_count() of its owner, who has taken it twice, after that
  expected: 2
  got:      1
Who does not hold it is refused before anything has changed.
"""


class RLock:
    def _release_save(self):
        count, self._count = self._count, 1
        self.release()
        return count
