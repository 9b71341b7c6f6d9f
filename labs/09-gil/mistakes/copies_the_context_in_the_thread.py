"""Copies the context variables where the call is made, and not where it is asked for."""

CAUGHT_BY = "lies_ready"
MESSAGE = """\
wrong: a context variable, as each call sees it
  expected: ['nonosepa', 'ruvosu', 'digi', 'niludeso', 'dunika']
  got:      ['nobody', 'nobody', 'nobody', 'nobody', 'nobody']
The call sees the variables as they were when it was asked for.
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
        item = future, lambda: copy_context().run(call)
        self.loop.call_soon(self._calls.put, item)
        return future
