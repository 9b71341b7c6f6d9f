"""Takes a place, and shows the beginning of the pool all the same."""

CAUGHT_BY = "allocates"
MESSAGE = """\
wrong: 119 owners write into their blocks; what number 1 reads
  expected: what it wrote
  got:      somebody else's bytes
Two blocks have memory in common.
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
        if pool.full:
            del roomy[pool]
        self._blocks[fitting] += 1
        return Block(self, pool, start, pool.arena.memory[pool.start : pool.start + size])
