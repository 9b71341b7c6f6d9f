"""Sends always, even when there is bad news."""

CAUGHT_BY = "steps"
MESSAGE = """\
wrong: step(), step('vare'), step(None, LookupError('kadozi')), step(); what the generator got at its yields, and returned
  expected: "the result ['vare', 'kadozi', None]"
  got:      "the result ['vare', LookupError('kadozi'), None]"
A value is sent, an error is thrown; a return is a StopIteration.
"""


class Task:
    def step(self, value=None, error=None):
        self._waits_for = None
        if self._cancelling:
            self._cancelling, error = None, self._cancelling
        try:
            yielded = self._coroutine.send(value if error is None else error)
        except StopIteration as stop:
            self.set_result(stop.value)
        except (Exception, CancelledError) as raised:
            self.set_exception(trimmed(raised))
        except BaseException as raised:
            self.set_exception(raised)
            raise
        else:
            self.wait_for(yielded)
