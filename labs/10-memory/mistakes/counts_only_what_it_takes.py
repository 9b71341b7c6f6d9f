"""Counts a block when it is taken, and forgets to when it comes back."""

CAUGHT_BY = "last_first"
MESSAGE = """\
wrong: put([32768, 28672, 16384]), one by one; used
  expected: 6
  got:      9
"""


class Pool:
    def put(self, start):
        self._free.append(start)
