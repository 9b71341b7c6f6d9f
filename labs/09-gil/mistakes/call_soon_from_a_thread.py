"""Makes the queue of the loop longer, and lets the loop sleep."""

CAUGHT_BY = "handed_over"
MESSAGE = """\
wrong: a call that returns: how often loop.call_from_thread() was called
  expected: 1
  got:      0
The loop has to hear how it ended, each time, and this call alone wakes it.
"""


class ThreadPool:
    def _make(self, item):
        if item is None:
            return False
        future, call = item
        value, error = None, None
        if not future.done():
            try:
                value = call()
            except BaseException as raised:
                error = trimmed(raised)
        self.loop.call_soon(self._finish, future, value, error)
        return True
