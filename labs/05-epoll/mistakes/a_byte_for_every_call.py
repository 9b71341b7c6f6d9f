"""Sends a byte for each call, and never looks whether one is on its way.

It works. But each ring is a system call, and a thread that has a thousand results
makes a thousand of them for one turn.
"""

CAUGHT_BY = "wakes"
MESSAGE = """\
wrong: three times call_from_thread() while the loop sleeps; bytes that wait to be read
  expected: 1
  got:      3
The first byte wakes the loop, and it makes all the calls then.
"""


class Loop:
    def call_from_thread(self, callback, *args):
        self.call_soon(callback, *args)
        self._wake()

    def _on_wake(self, events):
        for number in self._wake_recv.recv(4096):
            if number in self._signals:
                callback, args, _ = self._signals[number]
                self.call_soon(callback, *args)
