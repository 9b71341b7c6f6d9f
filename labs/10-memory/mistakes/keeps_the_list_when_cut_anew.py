"""Cuts a pool anew, and leaves the places of the old size in its list."""

CAUGHT_BY = "each_once"
MESSAGE = """\
wrong: Pool(arena, 589824).cut(65536): where its blocks begin, sorted
  expected: [589824]
  got:      [647168]
A pool that is cut begins anew, and forgets what it was before.
"""


class Pool:
    def cut(self, size):
        self.size = size
        self.used = 0
        self._free = getattr(self, "_free", [])
        self._fresh = self.start
        self._end = self.start + POOL
