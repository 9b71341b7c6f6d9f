"""Hangs itself onto a future although a cancellation is on its way."""

CAUGHT_BY = "cancelled_at_odd_moments"
MESSAGE = """\
wrong: a task that cancels itself, then waits for what never comes
  expected: ['goes on to its next wait', 'cancelled']
  got:      ['goes on to its next wait']
wait_for() has to look whether a cancellation is on its way.
"""


class Task:
    def wait_for(self, yielded):
        if yielded is None:
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
            self.scheduler.call_soon(self.step, None, complaint)
