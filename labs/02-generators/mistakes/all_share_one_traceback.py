"""Throws the exception with the lines that the others have added to it."""

CAUGHT_BY = "take_turns"
MESSAGE = """\
wrong: how often the waiter's line and the failed one's are in each traceback
  expected: [[1, 1], [1, 1], [1, 1]]
  got:      [[1, 1], [2, 1], [3, 1]]
Each who waits adds lines of his own; the next begins with those that the exception came with.
"""


class Task:
    def _wake(self, future):
        future._heard = True
        if future._error is None:
            self.step(future._result)
        else:
            self.step(None, future._error)
