"""Gives a place back that close() has given back already."""

CAUGHT_BY = "finished"
MESSAGE = """\
wrong: free places after a call that ends when the pool has been closed
  expected: 5
  got:      6
close() has given its place back already.
"""


class ThreadPool:
    def _finish(self, future, value, error):
        self._pending.discard(future)
        self._room.release()
        if future.done():
            if error is not None:
                self.loop.on_error(error, future)
        elif error is not None:
            future.set_exception(error)
        else:
            future.set_result(value)
