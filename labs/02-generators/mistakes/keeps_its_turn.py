"""Takes the next step at once: a pause in which nobody else has a turn."""

CAUGHT_BY = "five_kinds"
MESSAGE = """\
wrong: steps made in the turn of a bare yield
  expected: {}
  got:      {'nothing': None}
A bare yield lets everybody else have a turn first.
"""


class Task:
    def wait_for(self, yielded):
        if self._cancelling or yielded is None:
            self.step()
        elif yielded is CURRENT_TASK:
            self.scheduler.call_soon(self.step, self)
        elif isinstance(yielded, Future) and yielded is not self:
            self._waits_for = yielded
            yielded.add_done_callback(self._wake)
        elif isinstance(yielded, CoroutineType | GeneratorType):
            self.wait_for(self.scheduler.spawn(yielded))
        else:
            complaint = TypeError(f"{self!r} can't wait for {yielded!r}")
            self.scheduler.call_soon(self.step, None, complaint)
