"""Lets SystemExit end the thread, and somebody wait for ever."""

CAUGHT_BY = "handed_over"
MESSAGE = """\
wrong: a call that raises KeyboardInterrupt
  expected: the exception goes to the one who asked
  got:      it comes out of _make: KeyboardInterrupt
It would end the thread, and whoever waits would wait for ever.
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
            except Exception as raised:
                error = trimmed(raised)
        self.loop.call_from_thread(self._finish, future, value, error)
        return True
