"""Gives back every arena that is empty, the last one too."""

CAUGHT_BY = "arenas_go"
MESSAGE = """\
wrong: arenas with [16, 0] free pools of 16; _give_back(the first)
  expected: it stays, the others stay
  got:      1 of 2 stay
The other one is full: this is the last with room.
"""


class Allocator:
    def _give_back(self, arena):
        if arena.empty:
            self._arenas.remove(arena)
            arena.free.clear()
