"""Thinks of the timers only; a call that is ready waits for the next of them."""

CAUGHT_BY = "patience"
MESSAGE = """\
wrong: _patience(), when a call is ready
  expected: 0
  got:      999.0
It would sleep past what there is to do.
"""


class Loop:
    def _patience(self):
        if not self._timers:
            return None
        return max(0, self._timers[0][0] - monotonic())
