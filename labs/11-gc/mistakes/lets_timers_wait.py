"""An idle loop is an idle loop; forgets that a timer may be due soon."""

CAUGHT_BY = "chooses"
MESSAGE = """\
wrong: the last collection of generation 0 took 0.006 s, of 1 0.5 s; thresholds (37, 49, 44), counted (38, 0, 0); due in a sleep of 0.003 s
  expected: None
  got:      0
A timer must not wait for a collection that is known to take longer.
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
        return partial(gc.collect, generation)
