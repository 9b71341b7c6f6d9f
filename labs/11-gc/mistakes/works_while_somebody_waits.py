"""Takes every wish to sleep for idleness, and does not look whether something is
ready."""

CAUGHT_BY = "idles"
MESSAGE = """\
wrong: poll(4), nothing is ready, and there is work; what is called
  expected: ['idle(4)', 'poll(0)', 'work']
  got:      ['idle(4)', 'work']
First it looks whether something is ready: somebody may be waiting.
"""


class IdlePoller:
    def poll(self, timeout):
        work = self._idle(timeout) if timeout != 0 else None
        if work is not None:
            work()
            return []
        return self.inner.poll(timeout)
