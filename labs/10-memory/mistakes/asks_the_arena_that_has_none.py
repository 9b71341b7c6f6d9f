"""Takes the fullest arena of all: the one without any free pool."""

CAUGHT_BY = "fullest_first"
MESSAGE = """\
wrong: arenas with 6, 0, 4, 7, 16 free pools; _new_pool(32768)
  expected: a pool of one that has some
  got:      IndexError: pop from empty list
An arena without a free pool is the fullest of all, and of no use.
at _new_pool: pool = fullest.free.pop()
"""


class Allocator:
    def _new_pool(self, size):
        if not any(arena.free for arena in self._arenas):
            self._arenas.append(Arena())
            self._most_arenas = max(self._most_arenas, len(self._arenas))
        fullest = min(self._arenas, key=lambda arena: len(arena.free))
        pool = fullest.free.pop()
        pool.cut(size)
        self._roomy[size][pool] = None
        return pool
