"""Catches everything, and the program can't be interrupted any more."""

CAUGHT_BY = "failures_are_reported"
MESSAGE = """\
wrong: a call that raises KeyboardInterrupt
  expected: it comes out of run_ready()
  got:      nothing came
Ctrl+C is for the whole program, and so are the other exceptions that are no Exception.
"""


class Scheduler:
    def run_ready(self):
        for _ in range(len(self.ready)):
            callback, args = self.ready.popleft()
            try:
                callback(*args)
            except BaseException as error:
                self.on_error(error, callback)
