"""Tells the loop at every cancel(), also of a timer that is cancelled or has rung."""

CAUGHT_BY = "timers"
MESSAGE = """\
wrong: 20 timers cancelled, twice each, and one that has rung already; loop._cancelled, which forget_timer() counts
  expected: 20
  got:      42
A cancel() that changes nothing is not counted, or the loop would tidy up for nothing.
"""


class Timer:
    def cancel(self):
        self.callback, self.args = None, ()
        self._loop.forget_timer()
