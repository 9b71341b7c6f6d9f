"""Collects at once when asked what is due, and not when the loop has seen that it is
idle."""

CAUGHT_BY = "chooses"
MESSAGE = """\
wrong: due(None), thresholds (37, 49, 44), counted (38, 0, 0)
  expected: a function that collects, or None
  got:      it has collected already
due() is asked before the loop knows whether something is ready.
"""


class Collector:
    def due(self, timeout):
        made, young, middle = gc.get_count()
        often, seldom, rarely = self._usual
        if made <= often:
            return None
        if middle > rarely and perf_counter() >= self._rest_until:
            generation = 2
        else:
            generation = 1 if young > seldom else 0
        if timeout is not None and timeout < self._last[generation]:
            return None
        gc.collect(generation)
        return lambda: None
