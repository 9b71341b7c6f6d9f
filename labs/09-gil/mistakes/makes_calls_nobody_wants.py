"""Makes a call although the one who asked has gone."""

CAUGHT_BY = "handed_over"
MESSAGE = """\
wrong: calls made, of one that was cancelled before
  expected: 0
  got:      1
"""


class ThreadPool:
    def _make(self, item):
        if item is None:
            return False
        future, call = item
        value, error = None, None
        try:
            value = call()
        except BaseException as raised:
            error = trimmed(raised)
        self.loop.call_from_thread(self._finish, future, value, error)
        return True
