"""Counts the bytes first, and then refuses the request."""

CAUGHT_BY = "too_large"
MESSAGE = """\
wrong: _asked after allocate(-43) was refused
  expected: 0
  got:      -43
Refuse before you count: nothing was handed out.
"""


class Allocator:
    def allocate(self, size):
        self._asked += size
        if size < 1:
            raise ValueError(f"a block has a byte at least, not {size}")
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
        return Block(self, pool, start, pool.arena.memory[start : start + size])
