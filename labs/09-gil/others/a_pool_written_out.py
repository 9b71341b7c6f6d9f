"""Closures for partial, the context's run in a function, each case on its own."""


class ThreadPool:
    async def run(self, function, /, *args, **kwargs):
        await self._room.acquire()
        future = self._put(lambda: function(*args, **kwargs))
        try:
            result = await future
        except BaseException:
            future.cancel()
            raise
        return result

    def _put(self, call):
        if self.closed:
            self._room.release()
            raise RuntimeError("the thread pool is closed")
        context = copy_context()
        future = Future(self.loop)
        self._pending.add(future)
        busy = len(self._pending)
        if busy > len(self._threads) and len(self._threads) < self.size:
            self._start_thread()

        def in_context():
            return context.run(call)

        self.loop.call_soon(self._calls.put, (future, in_context))
        return future

    def _make(self, item):
        if item is None:
            return False
        future, call = item
        outcome = (None, None)
        if not future.done():
            try:
                outcome = (call(), None)
            except BaseException as raised:
                outcome = (None, trimmed(raised))
        self.loop.call_from_thread(self._finish, future, *outcome)
        return True

    def _finish(self, future, value, error):
        known = future in self._pending
        if known:
            self._pending.remove(future)
            self._room.release()
        if not future.done():
            if error is None:
                future.set_result(value)
            else:
                future.set_exception(error)
        elif error is not None:
            self.loop.on_error(error, future)
