"""`yield self` and then `self.result()`, whatever was sent; a wake-up that asks the
future; a step that is told to throw by what the future has."""


class Future:
    def __await__(self):
        if not self._done:
            yield self
        return self.result()

    def remove_done_callback(self, callback):
        kept = [other for other in self._callbacks if other != callback]
        removed = len(self._callbacks) - len(kept)
        self._callbacks[:] = kept
        return bool(removed)


class Task:
    def _wake(self, future):
        error = future.exception()
        if error is not None:
            error = error.with_traceback(future._traceback)
        self.step(None if error else future._result, error)

    def cancel(self, error=None):
        if self.done():
            return False
        self._cancelling = error or CancelledError()
        if self._waits_for is None:
            return True
        if self._waits_for.remove_done_callback(self._wake):
            self._waits_for = None
            self.scheduler.call_soon(self.step)
        return True
