"""Takes every descriptor out of the edges, also those that were never among them."""

CAUGHT_BY = "watches"
MESSAGE = """\
error: KeyError: 2303
at unwatch: self._edges.remove(fd)
"""


class Loop:
    def unwatch(self, fd):
        self.poller.unregister(fd)
        del self._watched[fd]
        self._edges.remove(fd)
