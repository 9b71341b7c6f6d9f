"""Gives the future its result where it was made: in the thread."""

CAUGHT_BY = "handed_over"
MESSAGE = """\
wrong: _make() of a call; the future, as long as the loop has not had its turn
  expected: it has no result yet
  got:      it is done: it was set in the thread
set_result() calls back whoever waits; that would run in the wrong thread.
"""


class ThreadPool:
    def _make(self, item):
        if item is None:
            return False
        future, call = item
        if not future.done():
            try:
                future.set_result(call())
            except BaseException as raised:
                future.set_exception(trimmed(raised))
        self.loop.call_from_thread(self._finish, future, None, None)
        return True
