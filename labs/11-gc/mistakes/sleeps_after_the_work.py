"""Works, and then sleeps as long as was asked before: the timers come late."""

CAUGHT_BY = "idles"
MESSAGE = """\
wrong: poll(4), nothing is ready, and there is work; what is called
  expected: ['idle(4)', 'poll(0)', 'work']
  got:      ['idle(4)', 'poll(0)', 'work', 'poll(4)']
After the work poll() returns, so that the loop looks at its clock.
"""


class IdlePoller:
    def poll(self, timeout):
        work = self._idle(timeout) if timeout != 0 else None
        if work is not None and not (ready := self.inner.poll(0)):
            work()
        elif work is not None:
            return ready
        return self.inner.poll(timeout)
