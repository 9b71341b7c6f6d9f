"""Believes that every pool with blocks in use is in the table already."""

CAUGHT_BY = "the_way_back"
MESSAGE = """\
wrong: a full pool of 8 blocks, one of which comes back; the pools with room
  expected: this pool is among them
  got:      it is not
A full pool is in no table. When a block comes back, somebody has to enter it, or its room is lost.
"""


class Allocator:
    def take_back(self, pool, start, asked):
        self._asked -= asked
        if pool is None:
            self._direct -= 1
            return
        self._blocks[pool.size] -= 1
        pool.put(start)
        if not pool.used:
            self._roomy[pool.size].pop(pool, None)
            pool.arena.free.append(pool)
            self._give_back(pool.arena)
