"""Gives an empty pool to its arena, and leaves it in the table of pools with room."""

CAUGHT_BY = "the_way_back"
MESSAGE = """\
wrong: when all blocks have come back: pools with room, _asked, blocks in use
  expected: (0, 0)
  got:      (2, 0)
A free pool belongs to its arena. In the table too, it would be handed out twice.
"""


class Allocator:
    def take_back(self, pool, start, asked):
        self._asked -= asked
        if pool is None:
            self._direct -= 1
            return
        self._blocks[pool.size] -= 1
        pool.put(start)
        if pool.used:
            self._roomy[pool.size][pool] = None
        else:
            pool.arena.free.append(pool)
            self._give_back(pool.arena)
