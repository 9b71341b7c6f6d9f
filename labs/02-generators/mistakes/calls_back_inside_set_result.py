"""Calls the callbacks itself, in the middle of whoever sets the result."""

CAUGHT_BY = "set_once"
MESSAGE = """\
wrong: callbacks called before set_result() returns
  expected: []
  got:      [('lepe', True), ('nuteba', True), ('sanisari', True)]
Whoever sets a result would be surprised to find half the program run before the next line of its own.
"""


class Future:
    def _finish(self, value, error):
        if self._done:
            raise InvalidState("it has its result already")
        self._done, self._result, self._error = True, value, error
        callbacks, self._callbacks = self._callbacks, []
        for callback in callbacks:
            callback(self)
