"""Raises the TypeError in the scheduler, where the coroutine can't see it."""

CAUGHT_BY = "five_kinds"
MESSAGE = """\
wrong: what a coroutine gets that yields an int
  expected: a TypeError is raised there
  got:      it was not gone on with
The mistake belongs at the line with the yield.
"""


class Task:
    def wait_for(self, yielded):
        if self._cancelling or yielded is None:
            self.scheduler.call_soon(self.step)
        elif yielded is CURRENT_TASK:
            self.scheduler.call_soon(self.step, self)
        elif isinstance(yielded, Future) and yielded is not self:
            self._waits_for = yielded
            yielded.add_done_callback(self._wake)
        elif isinstance(yielded, CoroutineType | GeneratorType):
            self.wait_for(self.scheduler.spawn(yielded))
        else:
            complaint = TypeError(f"{self!r} can't wait for {yielded!r}")
            raise complaint
