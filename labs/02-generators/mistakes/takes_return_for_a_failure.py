"""Catches Exception first, and a return is one: StopIteration."""

CAUGHT_BY = "steps"
MESSAGE = """\
wrong: step(), step('vare'), step(None, LookupError('kadozi')), step(); what the generator got at its yields, and returned
  expected: "the result ['vare', 'kadozi', None]"
  got:      "the exception StopIteration(['vare', 'kadozi', None])"
A value is sent, an error is thrown; a return is a StopIteration.
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
        except (Exception, CancelledError) as raised:
            self.set_exception(trimmed(raised))
        except BaseException as raised:
            self.set_exception(raised)
            raise
        else:
            self.wait_for(yielded)
