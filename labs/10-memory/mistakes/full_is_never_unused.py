"""Believes that a pool is full once each of its blocks was used."""

CAUGHT_BY = "last_first"
MESSAGE = """\
wrong: full, when one has come back
  expected: False
  got:      True
There is a free block, though none is left that was never used.
"""


class Pool:
    @property
    def full(self):
        return self._fresh == self._end
