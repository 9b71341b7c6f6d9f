"""Has only the return in mind; an exception leaves the task without a result."""

CAUGHT_BY = "steps"
MESSAGE = """\
wrong: a step in which the coroutine raises ValueError
  expected: it is kept, as the task's exception
  got:      step() raises ValueError
The scheduler serves other tasks too.
at step: yielded = self._coroutine.send(value)
"""


class Task:
    def step(self, value=None, error=None):
        self._waits_for = None
        if self._cancelling:
            self._cancelling, error = None, self._cancelling
        try:
            if error is None:
                yielded = self._coroutine.send(value)
            else:
                yielded = self._coroutine.throw(error)
        except StopIteration as stop:
            self.set_result(stop.value)
        else:
            self.wait_for(yielded)
