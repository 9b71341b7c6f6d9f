"""Queues a step and stays with the future: two will wake it."""

CAUGHT_BY = "cancels"
MESSAGE = """\
wrong: mafe and puzusisu wait for one future; mafe is cancelled; failures reported
  expected: []
  got:      ['it has its result already']
Was the task woken a second time, by the future that it no longer waits for?
"""


class Task:
    def cancel(self, error=None):
        if self._done:
            return False
        self._cancelling = error or CancelledError()
        self.scheduler.call_soon(self.step)
        return True
