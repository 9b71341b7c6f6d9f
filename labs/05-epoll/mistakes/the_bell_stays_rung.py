"""Notes that the bell was rung, and not that the loop has heard it."""

CAUGHT_BY = "wakes"
MESSAGE = """\
wrong: three times call_from_thread() while the loop sleeps; bytes at the ear
  expected: 1
  got:      0
self._rung says that a byte is on its way: _on_bell takes it back.
"""


class Loop:
    def _on_bell(self, events):
        for number in self._ear.recv(4096):
            if number in self._signals:
                callback, args, _ = self._signals[number]
                self.call_soon(callback, *args)
