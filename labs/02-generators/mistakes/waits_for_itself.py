"""Lets a task wait for its own result."""

CAUGHT_BY = "five_kinds"
MESSAGE = """\
wrong: what a coroutine gets that yields the task itself
  expected: a TypeError is raised there
  got:      it was not gone on with
It would wait for ever.
"""


class Task:
    def wait_for(self, yielded):
        if self._cancelling or yielded is None:
            self.scheduler.call_soon(self.step)
        elif yielded is CURRENT_TASK:
            self.scheduler.call_soon(self.step, self)
        elif isinstance(yielded, Future):
            self._waits_for = yielded
            yielded.add_done_callback(self._wake)
        elif isinstance(yielded, CoroutineType | GeneratorType):
            self.wait_for(self.scheduler.spawn(yielded))
        else:
            complaint = TypeError(f"{self!r} can't wait for {yielded!r}")
            self.scheduler.call_soon(self.step, None, complaint)
