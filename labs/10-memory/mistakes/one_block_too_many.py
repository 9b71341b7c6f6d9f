"""Looks whether the next block begins beyond the end, and not whether it would."""

CAUGHT_BY = "each_once"
MESSAGE = """\
wrong: Pool(arena, 589824).cut(8192): full and used, when all 8 were taken
  expected: (True, 8)
  got:      (False, 8)
"""


class Pool:
    @property
    def full(self):
        return not self._free and self._fresh > self._end
