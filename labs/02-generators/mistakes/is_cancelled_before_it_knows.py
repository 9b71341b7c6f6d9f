"""Sets the task's result itself; the coroutine never hears of it."""

CAUGHT_BY = "cancels"
MESSAGE = """\
wrong: cancelling() until the step
  expected: True
  got:      False
The coroutine may have something to put in order. So cancel() only leaves a note, and the next step throws it in.
"""


class Task:
    def cancel(self, error=None):
        if self._done:
            return False
        self.set_exception(error or CancelledError())
        return True
