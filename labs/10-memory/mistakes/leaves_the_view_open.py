"""Gives the block back, and leaves its last owner a view of it."""

CAUGHT_BY = "released_once"
MESSAGE = """\
wrong: block.view[0] after release()
  expected: ValueError is raised
  got:      no exception
The block may be somebody else's by now: who keeps the view would read his bytes.
"""


class Block:
    def release(self):
        allocator, self._allocator = self._allocator, None
        if allocator is None:
            raise ValueError("this block was released already")
        allocator.take_back(self._pool, self._start, len(self.view))
