"""Keeps the timers in a list that is sorted anew for each one, as Tornado 1.0 did not
quite, but almost: it searched the place by bisection and took the first by pop(0)."""

CAUGHT_BY = "timers"
MESSAGE = """\
wrong: comparisons of times to add one timer to 500
  expected: a few more than log2(500), 9
  got:      about 500
Sorting a list anew for each timer looks at all of them; a heap looks at one branch.
"""


class Loop:
    def call_at(self, when, callback, *args):
        timer = Timer(self, when, callback, args)
        self._timers.append((when, next(self._order), timer))
        self._timers.sort(key=lambda entry: entry[:2])
        return timer

    def _release_timers(self):
        while self._timers and self._timers[0][0] <= monotonic():
            timer = self._timers.pop(0)[2]
            if timer.callback is None:
                self._cancelled -= 1
            else:
                self.call_soon(timer.callback, *timer.args)
                timer.callback = None
