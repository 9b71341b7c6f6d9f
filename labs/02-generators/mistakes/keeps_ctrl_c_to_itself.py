"""Makes Ctrl+C the failure of one task, and the program goes on."""

CAUGHT_BY = "steps"
MESSAGE = """\
wrong: a step in which the coroutine raises KeyboardInterrupt
  expected: it comes out of step(), for the whole program
  got:      step() went on
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
        except BaseException as raised:
            self.set_exception(trimmed(raised))
        else:
            self.wait_for(yielded)
