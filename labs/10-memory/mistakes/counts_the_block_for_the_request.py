"""Counts the size of the block, and not what its owner asked for."""

CAUGHT_BY = "the_way_back"
MESSAGE = """\
wrong: _asked and blocks in use, after one of two small ones came back
  expected: (65500, {1024: 1, 8192: 8})
  got:      (64984, {1024: 1, 8192: 8})
"""


class Allocator:
    def take_back(self, pool, start, asked):
        self._asked -= pool.size if pool else asked
        if pool is None:
            self._direct -= 1
            return
        self._blocks[pool.size] -= 1
        pool.put(start)
        if pool.used:
            self._roomy[pool.size][pool] = None
        else:
            self._roomy[pool.size].pop(pool, None)
            pool.arena.free.append(pool)
            self._give_back(pool.arena)
