"""Leaves the number in the set of edges; the next socket of that number inherits it."""

CAUGHT_BY = "watches"
MESSAGE = """\
wrong: watch(768, READ) after unwatch, then rewatch(768, WRITE)
  expected: [('register', 768, 1, False), ('modify', 768, 4, False)]
  got:      [('register', 768, 1, False), ('modify', 768, 4, True)]
The descriptor's number is used again, by another socket: that the first one was watched for edges must be forgotten.
"""


class Loop:
    def unwatch(self, fd):
        self.poller.unregister(fd)
        del self._watched[fd]
