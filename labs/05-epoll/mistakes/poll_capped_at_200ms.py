"""Wakes five times a second to be on the safe side, as Tornado 1.0 did."""

CAUGHT_BY = "patience"
MESSAGE = """\
wrong: _patience(), when nothing is ready, and no timer is set
  expected: None
  got:      0.2
It would wake, find nothing to do, and sleep again, all day long.
"""


class Loop:
    def _patience(self):
        if self.ready or self._stopping:
            return 0
        if not self._timers:
            return 0.2
        return min(0.2, max(0, self._timers[0][0] - monotonic()))
