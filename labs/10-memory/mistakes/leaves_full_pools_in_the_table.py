"""Forgets to take a pool that is full out of the table."""

CAUGHT_BY = "allocates"
MESSAGE = """\
wrong: the table of pools with room, after 16 times allocate(4096)
  expected: no full pool is in it
  got:      a full one is in it
A pool has 16 blocks of 4096; then it leaves the table.
"""


class Allocator:
    def allocate(self, size):
        if size < 1:
            raise ValueError(f"a block has a byte at least, not {size}")
        self._asked += size
        if size > SIZES[-1]:
            self._direct += 1
            return Block(self, None, 0, memoryview(bytearray(size)))
        fitting = size_class(size)
        roomy = self._roomy[fitting]
        pool = next(reversed(roomy)) if roomy else self._new_pool(fitting)
        start = pool.take()
        self._blocks[fitting] += 1
        return Block(self, pool, start, pool.arena.memory[start : start + size])
