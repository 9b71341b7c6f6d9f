"""Keeps an empty pool for the size that it has."""

CAUGHT_BY = "the_way_back"
MESSAGE = """\
wrong: when all blocks have come back: free pools of the arena
  expected: 16
  got:      14
A pool without a block in use is free, for any size.
"""


class Allocator:
    def take_back(self, pool, start, asked):
        self._asked -= asked
        if pool is None:
            self._direct -= 1
            return
        self._blocks[pool.size] -= 1
        pool.put(start)
        self._roomy[pool.size][pool] = None
