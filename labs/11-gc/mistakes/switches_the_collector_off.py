"""Disables the collector in place of a wider net: who is never idle is never
collected."""

CAUGHT_BY = "starts_and_stops"
MESSAGE = """\
wrong: usual thresholds (22, 40, 11), net=6; gc.get_threshold() after start()
  expected: (132, 40, 11)
  got:      (0, 40, 11)
The net is wider, and it is there: a loop that is never idle makes garbage, too.
"""


class Collector:
    def start(self):
        self._usual = gc.get_threshold()
        freeze()
        gc.set_threshold(0)
        gc.callbacks.append(self._on_collection)
        self.loop.poller = IdlePoller(self.loop.poller, self.due)
