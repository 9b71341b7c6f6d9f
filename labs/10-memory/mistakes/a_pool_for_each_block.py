"""Takes a new pool for each block, and looks into no table."""

CAUGHT_BY = "allocates"
MESSAGE = """\
wrong: how many pools 48 blocks of 4096 need
  expected: 3
  got:      48
16 fit into one.
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
        pool = self._new_pool(fitting)
        start = pool.take()
        if pool.full:
            del roomy[pool]
        self._blocks[fitting] += 1
        return Block(self, pool, start, pool.arena.memory[start : start + size])
