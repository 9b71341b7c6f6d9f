"""Puts every call into the queue, however many lie there."""

CAUGHT_BY = "waits_its_turn"
MESSAGE = """\
wrong: a pool of 2 with a backlog of 2, asked 6 times: calls that are out
  expected: 4
  got:      6
Past both, run() waits: self._room knows how many there may be.
"""


class ThreadPool:
    async def run(self, function, /, *args, **kwargs):
        future = self._put(partial(function, *args, **kwargs))
        try:
            return await future
        finally:
            future.cancel()
