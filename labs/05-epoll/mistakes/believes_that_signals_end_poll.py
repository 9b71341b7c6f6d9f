"""Believes that a signal makes poll() return. It did, with EINTR, until Python 3.5:
since PEP 475 the call goes on sleeping once the handler has run."""

CAUGHT_BY = "signals"
MESSAGE = """\
wrong: SIGUSR1 comes while the loop sleeps in poll()
  expected: it wakes at once
  got:      it slept on, until we gave up waiting after 2 s
"""


class Loop:
    def on_signal(self, number, callback, *args):
        earlier = signal.signal(number, lambda *_: self.call_soon(callback, *args))
        self._earlier_wakeup = -1
        self._signals[number] = callback, args, earlier
