"""Takes the most arenas there ever were for those that are there now."""

CAUGHT_BY = "fullest_first"
MESSAGE = """\
wrong: _most_arenas, when some arenas were given back and one was added since
  expected: 6
  got:      4
It tells how many there were at the worst time.
"""


class Allocator:
    def _new_pool(self, size):
        usable = [arena for arena in self._arenas if arena.free]
        if not usable:
            usable = [Arena()]
            self._arenas += usable
            self._most_arenas = len(self._arenas)
        fullest = min(usable, key=lambda arena: len(arena.free))
        pool = fullest.free.pop()
        pool.cut(size)
        self._roomy[size][pool] = None
        return pool
