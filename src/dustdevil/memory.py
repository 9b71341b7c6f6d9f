"""A slab allocator for I/O buffers: arenas, in them pools, in them blocks.

CPython does not ask the operating system for each small object. It asks for an arena,
cuts it into pools, and each pool into blocks of one size. To allocate is then to take
the first block of a list, and to free is to put it back: nothing is searched, and no
neighbours are joined. This is that scheme, pymalloc's (Objects/obmalloc.c), for
buffers: with 64 KiB to a pool, and blocks from 512 bytes on.

    allocator = Allocator()
    with allocator.allocate(4000) as block:
        count = sock.recv_into(block.view)

An arena is given back when all of its pools are free, and never in part. So a new pool
is taken from the fullest arena that has one: the emptier ones may become empty.

Is it worth it? `benchmarks/buffers.py` measured both sides. To read into a block and
copy what came out of it takes a stream two to three times as long as `sock.recv()`,
which allocates each time: malloc is in C, and this is not. So our streams don't. After
a burst of 20,000 buffers of which the last two hundred stay, the system had all but a
thirtieth of the blocks' memory back, and hardly anything of that of as many bytearrays;
with survivors here and there, less than a third, and hardly anything. (When nobody
stays, both go back. And after a call of glibc's own remedy, `malloc_trim(0)`, less than
a twentieth of the bytearrays' memory was left, wherever the survivors were.)
"""

import warnings
from mmap import mmap
from typing import NamedTuple

ARENA = 1 << 20  # bytes, as pymalloc's since Python 3.10
POOL = 1 << 16  # bytes; pymalloc's is 16 KiB, for blocks of 512 bytes at most
# The sizes of blocks. A request gets the smallest that it fits into, so up to half of a
# block is lost. More sizes would lose less, but each needs pools of its own, most of
# them partly empty.
SMALLEST = 512
SIZES = tuple(SMALLEST << bits for bits in range(8))


def size_class(size: int) -> int:
    """The size of the smallest block that `size` bytes fit into."""
    return max(SMALLEST, 1 << (size - 1).bit_length())


class Block:
    """A number of bytes to read into or write from, through its `view`, a memoryview.

    They hold what their last owner left there. `release()`, or the end of a `with`,
    gives them back; the view raises ValueError from then on. A slice that was cut off
    it does not: it shows the next owner's bytes. A block that is dropped unreleased
    goes back too, with a ResourceWarning.
    """

    __slots__ = ("_allocator", "_pool", "_start", "view")

    def __init__(
        self, allocator: "Allocator", pool: "Pool | None", start: int, view: memoryview
    ) -> None:
        self._allocator: Allocator | None = allocator
        self._pool = pool
        self._start = start
        self.view = view

    def __len__(self) -> int:
        return len(self.view)

    def release(self) -> None:
        """Give the block back; ValueError the second time."""
        allocator, self._allocator = self._allocator, None
        if allocator is None:
            raise ValueError("this block was released already")
        pool, self._pool = self._pool, None
        allocator.take_back(pool, self._start, len(self.view))
        self.view.release()

    def __enter__(self) -> "Block":
        return self

    def __exit__(self, *error: object) -> None:
        self.release()

    def __del__(self) -> None:
        if self._allocator is not None:
            self.release()  # first: a warning may be made an error
            warnings.warn("a block was not released", ResourceWarning, stacklevel=2)


class Pool:
    """A piece of an arena, cut into blocks of one size once it is used."""

    __slots__ = ("_end", "_free", "_fresh", "arena", "size", "start", "used")

    def __init__(self, arena: "Arena", start: int) -> None:
        self.arena = arena
        self.start = start

    def cut(self, size: int) -> None:
        """Make all of it free, in blocks of that size.

        Blocks that were never used are not in the list yet. Their pages are touched
        when their turn comes, and only then does the system provide them.
        """
        self.size = size
        self.used = 0
        self._free: list[int] = []
        self._fresh = self.start
        self._end = self.start + POOL

    @property
    def full(self) -> bool:
        """Whether there is no free block."""
        return not self._free and self._fresh == self._end

    def take(self) -> int:
        """Take a block: the one freed last, which may still be in the cache."""
        self.used += 1
        if self._free:
            return self._free.pop()
        self._fresh += self.size
        return self._fresh - self.size

    def put(self, start: int) -> None:
        """Put a block back."""
        self.used -= 1
        self._free.append(start)


class Arena:
    """Memory from the operating system, in pools; `free` are those not in use."""

    def __init__(self) -> None:
        # It goes back to the system with the last view of it. Closing it earlier
        # would be an error while a view is open.
        self.memory = memoryview(mmap(-1, ARENA))
        self.free = [Pool(self, start) for start in range(0, ARENA, POOL)]

    @property
    def empty(self) -> bool:
        """Whether all of its pools are free."""
        return len(self.free) == ARENA // POOL


class Statistics(NamedTuple):
    """What an allocator has in use; sizes in bytes."""

    arenas: int
    most_arenas: int  # at any time so far
    pools: int
    blocks: dict[int, int]  # by size
    asked: int  # what the owners of these blocks asked for
    direct: int  # buffers larger than any block


class Allocator:
    """Hands out blocks of memory; for one thread."""

    def __init__(self) -> None:
        self._arenas: list[Arena] = []
        # The pools of each size that are neither full nor empty: allocating begins
        # here, and mostly ends here. pymalloc has linked lists in their place
        # ("usedpools"); a dict removes from its middle as quickly.
        self._roomy: dict[int, dict[Pool, None]] = {size: {} for size in SIZES}
        self._blocks = dict.fromkeys(SIZES, 0)
        self._most_arenas = self._asked = self._direct = 0

    def allocate(self, size: int) -> Block:
        """A block of `size` bytes, from an arena if that has blocks so large.

        Raises ValueError for a size that is not positive.
        """
        if size < 1:
            raise ValueError(f"a block has a byte at least, not {size}")
        self._asked += size
        if size > SIZES[-1]:
            self._direct += 1
            return Block(self, None, 0, memoryview(bytearray(size)))
        fitting = size_class(size)
        roomy = self._roomy[fitting]
        pool = next(reversed(roomy)) if roomy else self._new_pool(fitting)
        start = pool.take()
        if pool.full:
            del roomy[pool]
        self._blocks[fitting] += 1
        return Block(self, pool, start, pool.arena.memory[start : start + size])

    def _new_pool(self, size: int) -> Pool:
        usable = [arena for arena in self._arenas if arena.free]
        if not usable:
            usable = [Arena()]
            self._arenas += usable
            self._most_arenas = max(self._most_arenas, len(self._arenas))
        fullest = min(usable, key=lambda arena: len(arena.free))
        pool = fullest.free.pop()
        pool.cut(size)
        self._roomy[size][pool] = None
        return pool

    def take_back(self, pool: Pool | None, start: int, asked: int) -> None:
        """Free a block: what `Block.release` calls."""
        self._asked -= asked
        if pool is None:
            self._direct -= 1
            return
        self._blocks[pool.size] -= 1
        pool.put(start)
        if pool.used:
            self._roomy[pool.size][pool] = None
        else:
            self._roomy[pool.size].pop(pool, None)
            pool.arena.free.append(pool)
            self._give_back(pool.arena)

    def _give_back(self, arena: Arena) -> None:
        """Let go of an arena without a block in it, unless it is the last with room.

        Otherwise each allocation of a lone block would map an arena, and its release
        would unmap it.
        """
        if arena.empty and any(one.free for one in self._arenas if one is not arena):
            self._arenas.remove(arena)
            # Arena and pools refer to each other. Without this they would keep the
            # memory until the garbage collector runs.
            arena.free.clear()

    def statistics(self) -> Statistics:
        """What is in use now."""
        return Statistics(
            arenas=len(self._arenas),
            most_arenas=self._most_arenas,
            pools=sum(ARENA // POOL - len(arena.free) for arena in self._arenas),
            blocks=dict(self._blocks),
            asked=self._asked,
            direct=self._direct,
        )
