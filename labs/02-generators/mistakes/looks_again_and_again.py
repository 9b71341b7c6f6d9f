"""Looks at the future every turn, in place of being called by it."""

CAUGHT_BY = "five_kinds"
MESSAGE = """\
wrong: a coroutine that waits for a future that is not done
  expected: after some turns, nothing is left to do
  got:      the queue fills for ever
"""


class Task:
    def wait_for(self, yielded):
        if self._cancelling or yielded is None:
            self.scheduler.call_soon(self.step)
        elif yielded is CURRENT_TASK:
            self.scheduler.call_soon(self.step, self)
        elif isinstance(yielded, Future) and yielded is not self:
            if yielded.done():
                self._wake(yielded)
            else:
                self.scheduler.call_soon(self.wait_for, yielded)
        elif isinstance(yielded, CoroutineType | GeneratorType):
            self.wait_for(self.scheduler.spawn(yielded))
        else:
            complaint = TypeError(f"{self!r} can't wait for {yielded!r}")
            self.scheduler.call_soon(self.step, None, complaint)
