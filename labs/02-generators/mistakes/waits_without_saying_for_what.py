"""Yields, and goes on yielding until the future is done: a busy loop."""

CAUGHT_BY = "waits"
MESSAGE = """\
wrong: what `await future` hands out to the driver
  expected: a Future object
  got:      None
"""


class Future:
    def __await__(self):
        while not self._done:
            yield
        return self.result()
