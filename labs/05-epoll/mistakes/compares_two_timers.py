"""Puts (when, timer) into the heap; two of the same moment are compared by timer."""

CAUGHT_BY = "timers"
MESSAGE = """\
error: TypeError: '<' not supported between instances of 'Timer' and 'Timer'
at _release_timers: timer = heapq.heappop(self._timers)[1]
"""


class Loop:
    def call_at(self, when, callback, *args):
        timer = Timer(self, when, callback, args)
        heapq.heappush(self._timers, (when, timer))
        return timer

    def _release_timers(self):
        while self._timers and self._timers[0][0] <= monotonic():
            timer = heapq.heappop(self._timers)[1]
            if timer.callback is not None:
                self.call_soon(timer.callback, *timer.args)
