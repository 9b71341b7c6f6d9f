"""Leaves the call in the queue when the one who asked goes away."""

CAUGHT_BY = "waits_its_turn"
MESSAGE = """\
wrong: the second one goes away while he waits; the future of his call
  expected: it is cancelled: no thread need begin
  got:      it still waits for a result
"""


class ThreadPool:
    async def run(self, function, /, *args, **kwargs):
        await self._room.acquire()
        return await self._put(partial(function, *args, **kwargs))
