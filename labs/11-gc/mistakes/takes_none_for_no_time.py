"""Writes `if timeout`, and takes None, a sleep without end, for no sleep."""

CAUGHT_BY = "idles"
MESSAGE = """\
wrong: poll(None), which is to sleep for ever; nothing is ready, and there is work; what is called
  expected: ['idle(None)', 'poll(0)', 'work']
  got:      ['poll(None)']
A loop without timers is idle, too.
"""


class IdlePoller:
    def poll(self, timeout):
        work = self._idle(timeout) if timeout else None
        if work is None:
            return self.inner.poll(timeout)
        ready = self.inner.poll(0)
        if not ready:
            work()
        return ready
