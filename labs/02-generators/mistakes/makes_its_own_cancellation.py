"""Throws a new exception, by which who cancelled can't know it again."""

CAUGHT_BY = "cancelled_at_odd_moments"
MESSAGE = """\
wrong: the exception that was given to cancel()
  expected: CancelledError('nazike')
  got:      CancelledError()
"""


class Task:
    def cancel(self, error=None):
        if self._done:
            return False
        self._cancelling = CancelledError()
        waits_for = self._waits_for
        if waits_for is not None and waits_for.remove_done_callback(self._wake):
            self.scheduler.call_soon(self.step)
        return True
