"""Hands out a view of the whole block, with bytes that nobody asked for."""

CAUGHT_BY = "allocates"
MESSAGE = """\
wrong: allocate(4460): len(block.view)
  expected: 4460
  got:      8192
The owner sees what he asked for. The rest of the block is nobody's.
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
        return Block(self, pool, start, pool.arena.memory[start : start + fitting])
