"""Marks the timer as cancelled, and lets it keep what the call would have used."""

CAUGHT_BY = "timers"
MESSAGE = """\
wrong: what a cancelled timer still holds, an hour before its time
  expected: neither the callback nor its arguments
  got:      the callback: no, arguments: yes
A timeout of a minute would keep its connection in memory for a minute after it has closed.
"""


class Timer:
    def cancel(self):
        if self.callback is not None:
            self.callback = None
            self._loop.forget_timer()
