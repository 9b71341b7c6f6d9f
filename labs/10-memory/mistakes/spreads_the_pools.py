"""Takes the emptiest arena, to be fair to all of them."""

CAUGHT_BY = "fullest_first"
MESSAGE = """\
wrong: arenas with 6, 0, 4, 7, 16 free pools; the next new pool, when [6, 0, 4, 7, 16] are free
  expected: it comes from the one with 4
  got:      it comes from the one with 16
The emptier arenas may become empty, and go back to the system.
"""


class Allocator:
    def _new_pool(self, size):
        usable = [arena for arena in self._arenas if arena.free]
        if not usable:
            usable = [Arena()]
            self._arenas += usable
            self._most_arenas = max(self._most_arenas, len(self._arenas))
        emptiest = max(usable, key=lambda arena: len(arena.free))
        pool = emptiest.free.pop()
        pool.cut(size)
        self._roomy[size][pool] = None
        return pool
