"""Hands a time that has passed to poll(): to epoll, a negative one means for ever."""

CAUGHT_BY = "patience"
MESSAGE = """\
wrong: _patience(), when a timer is overdue
  expected: 0
  got:      -1.0
To epoll a negative timeout means: for as long as it takes.
"""


class Loop:
    def _patience(self):
        if self.ready or self._stopping:
            return 0
        if not self._timers:
            return None
        return self._timers[0][0] - monotonic()
