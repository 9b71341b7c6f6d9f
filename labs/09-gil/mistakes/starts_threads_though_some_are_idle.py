"""Starts threads until there are as many as may be, though those it has are idle."""

CAUGHT_BY = "lies_ready"
MESSAGE = """\
wrong: a pool of 3: threads after three calls, each finished before the next
  expected: 1
  got:      3
The one that there is has nothing else to do.
"""


class ThreadPool:
    def _put(self, call):
        if self.closed:
            self._room.release()
            raise RuntimeError("the thread pool is closed")
        future = Future(self.loop)
        self._pending.add(future)
        if len(self._threads) < self.size:
            self._start_thread()
        item = future, partial(copy_context().run, call)
        self.loop.call_soon(self._calls.put, item)
        return future
