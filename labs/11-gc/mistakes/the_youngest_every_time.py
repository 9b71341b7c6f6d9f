"""Collects the youngest only: what has survived once is never looked at again."""

CAUGHT_BY = "chooses"
MESSAGE = """\
wrong: thresholds (37, 49, 44), counted (38, 50, 44); the generation that is due
  expected: 1
  got:      0
What has survived a collection is older: somebody must look there, too.
"""


class Collector:
    def due(self, timeout):
        made, young, middle = gc.get_count()
        if made <= self._usual[0]:
            return None
        if timeout is not None and timeout < self._last[0]:
            return None
        return partial(gc.collect, 0)
