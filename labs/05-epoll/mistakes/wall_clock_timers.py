"""Takes the time of day for a clock, as Tornado 1.0 did."""

import time

CAUGHT_BY = "the_right_clock"
MESSAGE = """\
wrong: call_later(49), then the clock on the wall is set an hour ahead; calls made at once
  expected: []
  got:      ['rung']
"""


class Loop:
    def call_later(self, delay, callback, *args):
        return self.call_at(time.time() + delay, callback, *args)

    def _release_timers(self):
        now = time.time()
        while self._timers and self._timers[0][0] <= now:
            timer = heapq.heappop(self._timers)[2]
            if timer.callback is not None:
                self.call_soon(timer.callback, *timer.args)
                timer.callback = None
