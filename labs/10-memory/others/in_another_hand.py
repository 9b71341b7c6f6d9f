"""A loop that doubles, a list of all free places, sorting in the place of min()."""


def size_class(size):
    block = SMALLEST
    while block < size:
        block *= 2
    return block


class Block:
    def release(self):
        if self._allocator is None:
            raise ValueError("this block is not in use")
        asked = len(self.view)
        self.view.release()
        self._allocator.take_back(self._pool, self._start, asked)
        self._allocator = self._pool = None


class Pool:
    def cut(self, size):
        self.size, self.used = size, 0
        self._free = list(range(self.start + POOL - size, self.start - 1, -size))

    @property
    def full(self):
        return self.used == POOL // self.size

    def take(self):
        self.used += 1
        return self._free.pop()

    def put(self, start):
        self._free += [start]
        self.used -= 1


class Arena:
    @property
    def empty(self):
        return sum(POOL for pool in self.free) == ARENA


class Allocator:
    def allocate(self, size):
        if size <= 0:
            raise ValueError("a block has a byte at least")
        if size > SIZES[-1]:
            pool, start, memory = None, 0, memoryview(bytearray(size))
            self._direct += 1
        else:
            fitting = size_class(size)
            if not self._roomy[fitting]:
                self._new_pool(fitting)
            pool = next(iter(self._roomy[fitting]))
            start, memory = pool.take(), pool.arena.memory
            self._blocks[fitting] += 1
            if pool.full:
                self._roomy[fitting].pop(pool)
        self._asked += size
        return Block(self, pool, start, memory[start : start + size])

    def _new_pool(self, size):
        by_room = sorted(self._arenas, key=lambda arena: len(arena.free))
        for arena in by_room:
            if arena.free:
                break
        else:
            arena = Arena()
            self._arenas.append(arena)
            if len(self._arenas) > self._most_arenas:
                self._most_arenas = len(self._arenas)
        pool = arena.free.pop(0)
        pool.cut(size)
        self._roomy[size].update({pool: None})
        return pool

    def take_back(self, pool, start, asked):
        self._asked -= asked
        if pool is None:
            self._direct -= 1
        else:
            self._blocks[pool.size] -= 1
            pool.put(start)
            table = self._roomy[pool.size]
            table[pool] = None
            if not pool.used:
                del table[pool]
                pool.arena.free.append(pool)
                self._give_back(pool.arena)

    def _give_back(self, arena):
        if not arena.empty:
            return
        others = [one for one in self._arenas if one is not arena and one.free]
        if others:
            self._arenas = [one for one in self._arenas if one is not arena]
            del arena.free[:]

    def statistics(self):
        everything = len(self._arenas) * (ARENA // POOL)
        free = sum(len(arena.free) for arena in self._arenas)
        return Statistics(
            len(self._arenas),
            self._most_arenas,
            everything - free,
            {**self._blocks},
            self._asked,
            self._direct,
        )
