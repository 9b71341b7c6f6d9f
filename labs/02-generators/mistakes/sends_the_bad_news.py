"""Sends the exception as if it were a result."""

CAUGHT_BY = "take_turns"
MESSAGE = """\
wrong: three wait for a task that fails; who heard of it
  expected: ['musipa', 'fura', 'lifoge']
  got:      []
Bad news is thrown into every one who waits.
"""


class Task:
    def _wake(self, future):
        future._heard = True
        self.step(future._error or future._result)
