"""Hands the callback to signal.signal(): it runs in the middle of another."""

CAUGHT_BY = "signals"
MESSAGE = """\
wrong: SIGUSR1 comes while a callback runs; what runs when
  expected: ['begins', 'ends', 'ralazo']
  got:      ['begins', 'ralazo', 'ends']
A handler that runs in the middle of another function finds everything half done.
"""


class Loop:
    def on_signal(self, number, callback, *args):
        earlier = signal.signal(number, lambda *_: callback(*args))
        self._earlier_wakeup = -1
        self._signals[number] = callback, args, earlier
