"""Closes the view, and then wants to know how long it is."""

CAUGHT_BY = "released_once"
MESSAGE = """\
error: ValueError: operation forbidden on released memoryview object
at release: allocator.take_back(self._pool, self._start, len(self.view))
"""


class Block:
    def release(self):
        allocator, self._allocator = self._allocator, None
        if allocator is None:
            raise ValueError("this block was released already")
        self.view.release()
        allocator.take_back(self._pool, self._start, len(self.view))
