"""The free places are the keys of a dict, which keeps the order in which they came;
the size is found by searching among the sizes."""

import bisect


def size_class(size):
    return SIZES[bisect.bisect_left(SIZES, size)]


class Pool:
    def cut(self, size):
        self.size = size
        self._free = dict.fromkeys(range(self.start, self.start + POOL, size))
        self.used = 0

    @property
    def full(self):
        return len(self._free) == 0

    def take(self):
        start, _ = self._free.popitem()
        self.used += 1
        return start

    def put(self, start):
        self._free[start] = None
        self.used -= 1


class Arena:
    @property
    def empty(self):
        return not any(True for _ in range(ARENA // POOL - len(self.free)))


class Block:
    def release(self):
        if not self._allocator:
            raise ValueError("released already")
        with self.view:
            self._allocator.take_back(self._pool, self._start, self.view.nbytes)
        self._allocator = None
        self._pool = None
