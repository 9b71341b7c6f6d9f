"""Takes "before now" for "due": a timer whose moment is now waits for another turn."""

CAUGHT_BY = "timers"
MESSAGE = """\
wrong: call_later(28, 13, 10, 49, 31, 11), now at 13 seconds
  expected: ['after 10', 'after 11', 'after 13']
  got:      ['after 10', 'after 11']
A timer whose moment is just now is due.
"""


class Loop:
    def _release_timers(self):
        while self._timers and self._timers[0][0] < monotonic():
            timer = heapq.heappop(self._timers)[2]
            if timer.callback is None:
                self._cancelled -= 1
            else:
                self.call_soon(timer.callback, *timer.args)
                timer.callback = None
