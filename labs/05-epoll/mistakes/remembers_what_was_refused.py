"""Remembers the callback before the poller has agreed."""

CAUGHT_BY = "watches"
MESSAGE = """\
wrong: the callback of a descriptor after a second watch() that was refused
  expected: the first one, as before
  got:      the second one
Ask the poller first: if it raises, nothing has happened yet.
"""


class Loop:
    def watch(self, fd, events, on_ready, edge=False):
        self._watched[fd] = on_ready
        if edge:
            self._edges.add(fd)
        self.poller.register(fd, events, edge)
