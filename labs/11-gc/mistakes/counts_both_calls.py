"""Counts the start of a collection as a collection, too."""

CAUGHT_BY = "measures"
MESSAGE = """\
wrong: collections of generation 2, that took [0.107, 0.292, 0.453] s; how many are in the histogram
  expected: 3
  got:      6
Two calls are one collection.
"""


class Collector:
    def _on_collection(self, phase, info):
        now = perf_counter()
        generation = info["generation"]
        self.pauses[generation].observe(now - self._began)
        self._last[generation] = now - self._began
        self._began = now
        if generation == 2:
            self._rest_until = now + self._last[2] / self.share
