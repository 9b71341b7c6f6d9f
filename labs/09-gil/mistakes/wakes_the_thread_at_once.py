"""Puts the call into the queue in the middle of the turn."""

CAUGHT_BY = "lies_ready"
MESSAGE = """\
wrong: calls in the queue before the turn is over
  expected: 0
  got:      5
A thread that is woken now wants the GIL, and gets it at the next recv().
"""


class ThreadPool:
    def _put(self, call):
        if self.closed:
            self._room.release()
            raise RuntimeError("the thread pool is closed")
        future = Future(self.loop)
        self._pending.add(future)
        if len(self._threads) < min(self.size, len(self._pending)):
            self._start_thread()
        self._calls.put((future, partial(copy_context().run, call)))
        return future
