"""Counts the pools that are free, and not those in use."""

CAUGHT_BY = "statistics"
MESSAGE = """\
wrong: 61 blocks; pools
  expected: 41
  got:      7
Pools that are free are not in use.
"""


class Allocator:
    def statistics(self):
        return Statistics(
            arenas=len(self._arenas),
            most_arenas=self._most_arenas,
            pools=sum(len(arena.free) for arena in self._arenas),
            blocks=dict(self._blocks),
            asked=self._asked,
            direct=self._direct,
        )
