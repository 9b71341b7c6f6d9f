"""Tells from the value whether there is a result, and None is one."""

CAUGHT_BY = "set_once"
MESSAGE = """\
wrong: set_result() of a future that has the result None
  expected: InvalidState is raised
  got:      no exception
self._done says whether it is done. The value does not: it may be None.
"""


class Future:
    def _finish(self, value, error):
        if self._result is not None or self._error is not None:
            raise InvalidState("it has its result already")
        self._done, self._result, self._error = True, value, error
        callbacks, self._callbacks = self._callbacks, []
        for callback in callbacks:
            self.scheduler.call_soon(callback, self)
