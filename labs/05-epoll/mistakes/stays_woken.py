"""Notes that a byte was sent, and not that the loop has read it."""

CAUGHT_BY = "wakes"
MESSAGE = """\
wrong: three times call_from_thread() while the loop sleeps; bytes that wait to be read
  expected: 1
  got:      0
self._woken says that a byte is on its way: _on_wake takes it back.
"""


class Loop:
    def _on_wake(self, events):
        for number in self._wake_recv.recv(4096):
            if number in self._signals:
                callback, args, _ = self._signals[number]
                self.call_soon(callback, *args)
