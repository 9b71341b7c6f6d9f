"""Starts a thread for every call, as many as come."""

CAUGHT_BY = "lies_ready"
MESSAGE = """\
wrong: a pool of 3: threads after 4 calls, none of them finished
  expected: 3
  got:      4
Each is started when it is needed first, and there are at most as many.
"""


class ThreadPool:
    def _put(self, call):
        if self.closed:
            self._room.release()
            raise RuntimeError("the thread pool is closed")
        future = Future(self.loop)
        self._pending.add(future)
        self._start_thread()
        item = future, partial(copy_context().run, call)
        self.loop.call_soon(self._calls.put, item)
        return future
