"""Gives the poller back, and leaves the process with its threshold raised."""

CAUGHT_BY = "starts_and_stops"
MESSAGE = """\
wrong: gc.get_threshold() after stop()
  expected: (22, 40, 11)
  got:      (132, 40, 11)
"""


class Collector:
    def stop(self):
        self.loop.poller = self.loop.poller.inner
        gc.callbacks.remove(self._on_collection)
        gc.unfreeze()
