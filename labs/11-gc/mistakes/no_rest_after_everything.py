"""Collects everything as often as the thresholds say, however long it takes."""

CAUGHT_BY = "chooses"
MESSAGE = """\
wrong: a collection of everything took 0.08 s, and may take 1 % of the time; due 7.92 s later
  expected: 0
  got:      2
0.08 s are a hundredth of 8 s.
"""


class Collector:
    def due(self, timeout):
        made, young, middle = gc.get_count()
        often, seldom, rarely = self._usual
        if made <= often:
            return None
        generation = 2 if middle > rarely else 1 if young > seldom else 0
        if timeout is not None and timeout < self._last[generation]:
            return None
        return partial(gc.collect, generation)
