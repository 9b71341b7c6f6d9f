"""Raises the exception as it is, with the lines of all who asked before."""

CAUGHT_BY = "asks"
MESSAGE = """\
wrong: lines in the traceback, when result() is asked three times
  expected: [5, 5, 5]
  got:      [5, 8, 11]
An exception collects lines each time it is raised. self._traceback keeps it as it was when the exception came: begin with that.
"""


class Future:
    def result(self):
        error = self.exception()
        if error is not None:
            raise error
        return self._result
