"""Skips a cancelled call, and does not tell the loop that its place is free."""

CAUGHT_BY = "handed_over"
MESSAGE = """\
wrong: a call that was cancelled before it began: how often loop.call_from_thread() was called
  expected: 1
  got:      0
The loop has to hear how it ended, each time, and this call alone wakes it.
"""


class ThreadPool:
    def _make(self, item):
        if item is None:
            return False
        future, call = item
        if future.done():
            return True
        value, error = None, None
        try:
            value = call()
        except BaseException as raised:
            error = trimmed(raised)
        self.loop.call_from_thread(self._finish, future, value, error)
        return True
