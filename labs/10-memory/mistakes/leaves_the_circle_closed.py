"""Takes the arena out of the list, and leaves it to the garbage collector."""

CAUGHT_BY = "arenas_go"
MESSAGE = """\
wrong: the memory of an arena that was given back, without the garbage collector
  expected: is gone
  got:      is still there
The arena refers to its pools, and each pool to its arena: a circle that no reference count undoes. Empty its list.
"""


class Allocator:
    def _give_back(self, arena):
        if arena.empty and any(one.free for one in self._arenas if one is not arena):
            self._arenas.remove(arena)
