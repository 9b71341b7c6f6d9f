"""Forgets an error because nobody waits for it any more."""

CAUGHT_BY = "finished"
MESSAGE = """\
wrong: an error that nobody waits for any more
  expected: loop.on_error() is told of it, and of its future
  got:      loop.on_error() is told nothing
The visitor is gone, and the mistake is still there: somebody should read of it.
"""


class ThreadPool:
    def _finish(self, future, value, error):
        if future in self._pending:
            self._pending.discard(future)
            self._room.release()
        if future.done():
            return
        if error is not None:
            future.set_exception(error)
        else:
            future.set_result(value)
