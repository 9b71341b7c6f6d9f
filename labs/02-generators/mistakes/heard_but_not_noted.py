"""Wakes the task and forgets that the failure has been heard of."""

CAUGHT_BY = "take_turns"
MESSAGE = """\
wrong: failures reported, though all three have heard of it
  expected: []
  got:      ['monisisi']
"""


class Task:
    def _wake(self, future):
        if future._error is None:
            self.step(future._result)
        else:
            self.step(None, future._error.with_traceback(future._traceback))
