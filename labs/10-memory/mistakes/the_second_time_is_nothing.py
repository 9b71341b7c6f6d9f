"""Says nothing when it is told to give the block back for the second time."""

CAUGHT_BY = "released_once"
MESSAGE = """\
wrong: release() for the second time
  expected: ValueError is raised
  got:      no exception
Given back twice, the block would have two owners later.
"""


class Block:
    def release(self):
        allocator, self._allocator = self._allocator, None
        if allocator is not None:
            allocator.take_back(self._pool, self._start, len(self.view))
            self.view.release()
