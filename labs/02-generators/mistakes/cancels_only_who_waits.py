"""Thinks of a waiting task only; one that has not begun goes on."""

CAUGHT_BY = "cancelled_at_odd_moments"
MESSAGE = """\
wrong: what a task does that is cancelled before its first step
  expected: []
  got:      ['began']
"""


class Task:
    def cancel(self, error=None):
        if self._done:
            return False
        waits_for = self._waits_for
        if waits_for is not None and waits_for.remove_done_callback(self._wake):
            self._cancelling = error or CancelledError()
            self.scheduler.call_soon(self.step)
        return True
