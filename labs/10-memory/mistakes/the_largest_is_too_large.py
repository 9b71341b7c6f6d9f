"""Allocates the largest block directly, as if it did not fit into a pool."""

CAUGHT_BY = "too_large"
MESSAGE = """\
wrong: allocate(65536): arenas, _direct
  expected: (1, 1)
  got:      (1, 2)
The largest block is one of ours.
"""


class Allocator:
    def allocate(self, size):
        if size < 1:
            raise ValueError(f"a block has a byte at least, not {size}")
        self._asked += size
        if size >= SIZES[-1]:
            self._direct += 1
            return Block(self, None, 0, memoryview(bytearray(size)))
        fitting = size_class(size)
        roomy = self._roomy[fitting]
        pool = next(reversed(roomy)) if roomy else self._new_pool(fitting)
        start = pool.take()
        if pool.full:
            del roomy[pool]
        self._blocks[fitting] += 1
        return Block(self, pool, start, pool.arena.memory[start : start + size])
