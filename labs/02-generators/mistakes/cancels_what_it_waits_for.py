"""Cancels the future, for which others may be waiting too."""

CAUGHT_BY = "cancels"
MESSAGE = """\
wrong: mafe and puzusisu wait for one future; mafe is cancelled
  expected: [('mafe', 'cancelled')]
  got:      [('mafe', 'cancelled'), ('puzusisu', 'cancelled')]
"""


class Task:
    def cancel(self, error=None):
        if self._done:
            return False
        self._cancelling = error or CancelledError()
        if self._waits_for is not None:
            self._waits_for.cancel()
        return True
