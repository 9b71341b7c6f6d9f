"""Counts places from the beginning of the arena, and not of the pool."""

CAUGHT_BY = "each_once"
MESSAGE = """\
wrong: Pool(arena, 589824).cut(8192): where its blocks begin, sorted
  expected: [589824, 598016, 606208, 614400, 622592, 630784, 638976, 647168]
  got:      [0, 8192, 16384, 24576, 32768, 40960, 49152, 57344]
The places before the pool's start are another pool's.
"""


class Pool:
    def cut(self, size):
        self.size = size
        self.used = 0
        self._free = []
        self._fresh = 0
        self._end = POOL
