"""Takes the wake-up itself for the message, and never reads the byte.

A level-triggered poller then reports the socket in every turn, and the loop, which has
nothing to do, never sleeps again.
"""

CAUGHT_BY = "wakes"
MESSAGE = """\
wrong: poll(0), ten turns after the last call_from_thread()
  expected: nothing: the bytes that woke it were read
  got:      self._wake_recv is still readable
Bytes that nobody reads keep the level high: the loop never sleeps again.
"""


class Loop:
    def _on_wake(self, events):
        for callback, args, _ in self._signals.values():
            self.call_soon(callback, *args)
