"""Lets a second result take the place of the first."""

CAUGHT_BY = "set_once"
MESSAGE = """\
wrong: set_result() of a future that is done
  expected: InvalidState is raised
  got:      no exception
"""


class Future:
    def _finish(self, value, error):
        self._done, self._result, self._error = True, value, error
        callbacks, self._callbacks = self._callbacks, []
        for callback in callbacks:
            self.scheduler.call_soon(callback, self)
