"""Takes the first arena in the list that has a free pool."""

CAUGHT_BY = "fullest_first"
MESSAGE = """\
wrong: arenas with 6, 0, 4, 7, 16 free pools; the next new pool, when [6, 0, 4, 7, 16] are free
  expected: it comes from the one with 4
  got:      it comes from the one with 6
The emptier arenas may become empty, and go back to the system.
"""


class Allocator:
    def _new_pool(self, size):
        for arena in self._arenas:
            if arena.free:
                break
        else:
            arena = Arena()
            self._arenas.append(arena)
            self._most_arenas = max(self._most_arenas, len(self._arenas))
        pool = arena.free.pop()
        pool.cut(size)
        self._roomy[size][pool] = None
        return pool
