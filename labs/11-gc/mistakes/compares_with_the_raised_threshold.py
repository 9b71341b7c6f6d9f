"""Asks gc.get_threshold() in due, where start has raised it already."""

CAUGHT_BY = "on_the_loop"
MESSAGE = """\
wrong: how many are there after a turn with nothing to do (the next timer is due in a quarter of an hour)
  expected: 0
  got:      60
"""


class Collector:
    def due(self, timeout):
        made, young, middle = gc.get_count()
        often, seldom, rarely = gc.get_threshold()
        if made <= often:
            return None
        if middle > rarely and perf_counter() >= self._rest_until:
            generation = 2
        else:
            generation = 1 if young > seldom else 0
        if timeout is not None and timeout < self._last[generation]:
            return None
        return partial(gc.collect, generation)
