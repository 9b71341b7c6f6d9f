"""Takes the block that has been free longest, as a queue does."""

CAUGHT_BY = "last_first"
MESSAGE = """\
wrong: put([32768, 28672, 16384]), one by one; the next three that are taken
  expected: [16384, 28672, 32768]
  got:      [32768, 28672, 16384]
What was in use a moment ago is still in the processor's cache.
"""


class Pool:
    def take(self):
        self.used += 1
        if self._free:
            return self._free.pop(0)
        self._fresh += self.size
        return self._fresh - self.size
