"""The checks of lab 10: `memory`, rebuilt.

No check measures memory or time: what an allocator does is told by which place it
hands out, and by which pools and arenas it still holds.
"""

import gc
import weakref

from workshop.labs.checks import (
    Bench,
    Wrong,
    check,
    expect,
    expect_raises,
    expect_true,
)

ANEW = "A pool that is cut begins anew, and forgets what it was before."
KEPT: list = []  # blocks that nobody releases; dropped, they would complain


def sizes_in_use(allocator) -> dict[int, int]:
    """The blocks in use by size, without the sizes that have none."""
    return {size: count for size, count in allocator._blocks.items() if count}


def allocate(allocator, size: int):
    """A block that lives until the check is over, unless the check releases it."""
    block = allocator.allocate(size)
    expect_true(
        f"allocate({size})",
        hasattr(block, "view"),
        "a Block, with its view",
        repr(block),
    )
    KEPT.append(block)
    return block


@check(
    "A size is rounded up to the next block",
    step=1,
    read="Sizes",
    hints=[
        "The sizes double, beginning at SMALLEST. Which is the first that is not "
        "smaller than what was asked for?",
        "A loop that doubles is right. So is arithmetic: (9).bit_length() is 4, and "
        "1 << 4 is the power of two above 9. What does it give for 8?",
        "return max(SMALLEST, 1 << (size - 1).bit_length())",
    ],
)
def rounds_up(bench: Bench) -> None:
    size_class = bench.memory.size_class
    power = bench.random.choice([1024, 2048, 4096, 8192, 16384, 32768])
    between = bench.random.randint(power // 2 + 2, power - 1)
    cases = [
        (power, power, "A request that is just a block's size needs no larger one."),
        (power + 1, 2 * power, "One byte more does not fit."),
        (between, power, ""),
        (1, 512, "No block is smaller than SMALLEST."),
        (512, 512, ""),
        (513, 1024, ""),
        (65536, 65536, ""),
    ]
    for size, wanted, why in cases:
        expect(f"size_class({size})", size_class(size), wanted, why)


@check(
    "A pool hands out each of its blocks once",
    step=2,
    read="Pools",
    hints=[
        "A pool is the bytes from self.start to self.start + POOL of its arena. In "
        "blocks of `size`, where does each begin, and where does the last one end?",
        "self._fresh is where the next block begins that was never used, self._end "
        "where the pool ends. take() gives _fresh and moves it on by the size.",
        "cut sets size, used = 0, _free = [], _fresh = start, _end = start + POOL. And "
        "full is: not self._free and self._fresh == self._end.",
    ],
)
def each_once(bench: Bench) -> None:
    POOL = bench.memory.POOL
    start = POOL * bench.random.randint(2, 9)
    pool = bench.memory.Pool(None, start)
    first = bench.random.choice([8192, 16384])
    last = bench.random.choice([4096, 32768])
    for size in (first, POOL, last):
        pool.cut(size)
        what = f"Pool(arena, {start}).cut({size})"
        count = POOL // size
        got = getattr(pool, "size", None), getattr(pool, "used", None)
        expect(f"{what}: size and used", got, (size, 0))
        places = []
        for number in range(count):
            expect_true(
                f"{what}: full, after {number} of {count} blocks were taken",
                pool.full is False,
                "False",
                repr(pool.full),
                ANEW if not number else "",
            )
            places.append(pool.take())
        expect(
            f"{what}: where its blocks begin, sorted",
            sorted(places) if all(type(p) is int for p in places) else places,
            list(range(start, start + POOL, size)),
            _about_places(places, start, POOL) or (size != first and ANEW) or "",
        )
        expect(
            f"{what}: full and used, when all {count} were taken",
            (pool.full, pool.used),
            (True, count),
        )
        for place in places[-2:]:
            pool.put(place)  # cut anew, it is to forget these


def _about_places(places: list, start: int, length: int) -> str:
    """Why these places can't be right."""
    if len(set(places)) < len(places):
        return "Two owners of one block write over each other's bytes."
    if all(type(place) is int for place in places):
        if min(places) < start:
            return "The places before the pool's start are another pool's."
        if max(places) >= start + length:
            return "The places beyond the pool's end are another pool's."
    return ""


@check(
    "The block that was freed last is taken first",
    step=2,
    read="A pool",
    hints=[
        "What comes back goes into the list of free blocks, and whoever takes a block "
        "looks there first.",
        "A list is quickest at its end: append() and pop(). And the memory that was "
        "used a moment ago is still in the processor's cache.",
        "put: self.used -= 1, self._free.append(start). take: if self._free: return "
        "self._free.pop(), after self.used += 1.",
    ],
)
def last_first(bench: Bench) -> None:
    pool = bench.memory.Pool(None, 0)
    pool.cut(4096)
    places = [pool.take() for _ in range(bench.random.randint(8, 12))]
    freed = bench.random.sample(places, 3)
    for place in freed:
        pool.put(place)
    expect(f"put({freed}), one by one; used", pool.used, len(places) - 3)
    expect(
        f"put({freed}), one by one; the next three that are taken",
        [pool.take() for _ in range(3)],
        freed[::-1],
        "What was in use a moment ago is still in the processor's cache.",
    )
    rest = [pool.take() for _ in range(16 - len(places))]
    expect(
        "the places of all blocks, sorted, when the rest is taken too",
        sorted(places + rest),
        list(range(0, 65536, 4096)),
    )
    expect("full, when all are taken", pool.full, True)
    pool.put(places[0])
    expect(
        "full, when one has come back",
        pool.full,
        False,
        "There is a free block, though none is left that was never used.",
    )


def arenas_with(bench: Bench, allocator, free: list[int]) -> list:
    """Arenas that have so many free pools each, known to the allocator."""
    arenas = [bench.memory.Arena() for _ in free]
    for arena, count in zip(arenas, free, strict=True):
        del arena.free[count:]
    allocator._arenas += arenas
    allocator._most_arenas = len(arenas)
    return arenas


@check(
    "A new pool comes from the fullest arena",
    step=3,
    read="Which arena?",
    hints=[
        "Which arenas can give a pool at all? And of those, which one is least likely "
        "to become empty soon?",
        "len(arena.free) is the number of its free pools. The fullest has the fewest, "
        "but one at least. If no arena has any, a new Arena() is needed.",
        "fullest = min(usable, key=lambda arena: len(arena.free)); pool = "
        "fullest.free.pop(); pool.cut(size); self._roomy[size][pool] = None",
    ],
)
def fullest_first(bench: Bench) -> None:
    allocator = bench.memory.Allocator()
    free = [*bench.random.sample(range(2, 9), 3), 0, 16]
    bench.random.shuffle(free)
    arenas = arenas_with(bench, allocator, free)
    size = bench.random.choice([512, 4096, 32768])
    what = f"arenas with {', '.join(map(str, free))} free pools"
    left = list(free)
    taken = []
    for _ in range(sum(free)):
        wanted = min(n for n in left if n)
        pool = _new_pool(allocator, size, what)
        expect_true(
            f"{what}; the next new pool, when {left} are free",
            pool.arena is arenas[left.index(wanted)]
            or len(pool.arena.free) == wanted - 1,
            f"it comes from the one with {wanted}",
            f"it comes from the one with {_before(arenas, left, pool)}",
            "The emptier arenas may become empty, and go back to the system.",
        )
        left[arenas.index(pool.arena)] -= 1
        expect(
            f"{what}; how many are free after a pool was taken",
            [len(arena.free) for arena in arenas],
            left,
            "A pool that is in use is not on its arena's list of free ones.",
        )
        taken.append(pool)
    expect("how often the same pool was handed out", len(taken) - len(set(taken)), 0)
    expect_true(
        f"{what}; _most_arenas, while these are enough",
        allocator._most_arenas == len(free) == len(allocator._arenas),
        f"{len(free)} arenas, and no more",
        f"{len(allocator._arenas)} arenas, and _most_arenas is "
        f"{allocator._most_arenas}",
    )
    _a_new_arena(bench, allocator, size)


def _new_pool(allocator, size: int, what: str):
    try:
        pool = allocator._new_pool(size)
    except IndexError as error:
        raise Wrong(
            f"{what}; _new_pool({size})\n  expected: a pool of one that has some\n"
            f"  got:      IndexError: {error}\n"
            "An arena without a free pool is the fullest of all, and of no use."
        ) from error
    expect_true(
        f"{what}; what _new_pool({size}) returns",
        hasattr(pool, "arena"),
        "the pool",
        repr(pool),
    )
    expect_true(
        f"the pool of _new_pool({size})",
        (getattr(pool, "size", 0), getattr(pool, "used", 0)) == (size, 0),
        f"is cut into blocks of {size}, none of them in use",
        "is as it was",
    )
    expect_true(
        f"_roomy[{size}] after _new_pool({size})",
        pool in allocator._roomy[size],
        "the new pool is in it: it has room for blocks of this size",
        "it is not in it, and nobody will find it",
    )
    return pool


def _before(arenas: list, left: list[int], pool) -> str:
    if pool.arena not in arenas:
        return "an arena that was not there before"
    return str(left[arenas.index(pool.arena)])


def _a_new_arena(bench: Bench, allocator, size: int) -> None:
    before = list(allocator._arenas)
    what = "no arena has a free pool"
    pool = _new_pool(allocator, size, what)
    expect_true(
        f"{what}; where the new pool comes from",
        pool.arena not in before and allocator._arenas == [*before, pool.arena],
        "a new Arena(), added to _arenas",
        f"an old one, or one that _arenas ({len(allocator._arenas)}) does not have",
    )
    expect(f"{what}; _most_arenas", allocator._most_arenas, len(before) + 1)
    del allocator._arenas[:3]
    pool.arena.free.clear()
    _new_pool(allocator, size, what)
    expect(
        "_most_arenas, when some arenas were given back and one was added since",
        allocator._most_arenas,
        len(before) + 1,
        "It tells how many there were at the worst time.",
    )


@check(
    "A block of the right size, for its owner alone",
    step=4,
    read="Allocate",
    hints=[
        "Round up, look for a pool of that size with room, take a block from it, and "
        "hand it out. What if no pool has room?",
        "self._roomy[fitting] holds the pools with room, as keys of a dict; "
        "self._new_pool(fitting) makes one more. A pool that is full after take() has "
        "to leave the dict.",
        "start = pool.take(); if pool.full: del roomy[pool]; return Block(self, pool, "
        "start, pool.arena.memory[start : start + size])",
    ],
)
def allocates(bench: Bench) -> None:
    _fills_pools(bench)
    allocator = bench.memory.Allocator()
    owners = []
    for number in range(1, 120):
        size = bench.random.randint(1, 9000)
        block = allocate(allocator, size)
        expect(
            f"allocate({size}): len(block.view)",
            len(block.view),
            size,
            "The owner sees what he asked for. The rest of the block is nobody's.",
        )
        block.view[:] = bytes([number]) * size
        owners.append((number, block))
    for number, block in owners:
        expect_true(
            f"{len(owners)} owners write into their blocks; what number {number} reads",
            block.view == bytes([number]) * len(block.view),
            "what it wrote",
            "somebody else's bytes",
            "Two blocks have memory in common.",
        )
    classes = [bench.memory.size_class(len(block.view)) for _, block in owners]
    expect(
        "_blocks: blocks in use by size",
        sizes_in_use(allocator),
        {size: classes.count(size) for size in sorted(set(classes))},
    )
    expect("_asked", allocator._asked, sum(len(block.view) for _, block in owners))


def _fills_pools(bench: Bench) -> None:
    allocator = bench.memory.Allocator()
    size = bench.random.choice([4096, 8192])
    room = bench.memory.POOL // size
    pools = []
    for number in range(3 * room):
        try:
            pools.append(allocate(allocator, size)._pool)
        except KeyError as error:
            raise Wrong(
                f"allocate({size}), call number {number + 1}\n"
                f"  expected: a block\n  got:      KeyError: {error}"
            ) from error
        expect_true(
            f"the table of pools with room, after {number + 1} times allocate({size})",
            not any(pool.full for pool in allocator._roomy[size]),
            "no full pool is in it",
            "a full one is in it",
            f"A pool has {room} blocks of {size}; then it leaves the table.",
        )
    expect(
        f"how many pools {3 * room} blocks of {size} need",
        len(set(pools)),
        3,
        f"{room} fit into one.",
    )


@check(
    "What is too large or too small",
    step=4,
    read="Allocate",
    hints=[
        "Two kinds of request are not for the pools: those that are larger than the "
        "largest block, and those that are no request at all.",
        "Refuse first, before anything is counted. A large one gets a bytearray of its "
        "own, no pool, and is counted in _direct.",
        "if size > SIZES[-1]: self._direct += 1; return Block(self, None, 0, "
        "memoryview(bytearray(size)))",
    ],
)
def too_large(bench: Bench) -> None:
    allocator = bench.memory.Allocator()
    for size in (0, -bench.random.randint(1, 99)):
        with expect_raises(ValueError, f"allocate({size})"):
            allocator.allocate(size)
        expect(
            f"_asked after allocate({size}) was refused",
            allocator._asked,
            0,
            "Refuse before you count: nothing was handed out.",
        )
    one = allocate(allocator, 1)
    expect("allocate(1): len(block.view)", len(one.view), 1)
    largest = bench.memory.SIZES[-1]
    size = largest + bench.random.randint(1, 9999)
    block = allocate(allocator, size)
    expect(f"allocate({size}): len(block.view)", len(block.view), size)
    expect(
        f"allocate(1), allocate({size}): arenas, _direct, _asked, blocks in use",
        (
            len(allocator._arenas),
            allocator._direct,
            allocator._asked,
            sizes_in_use(allocator),
        ),
        (1, 1, size + 1, {512: 1}),
        f"No block is larger than {largest}: it gets memory of its own.",
    )
    expect_true(
        f"allocate({size}): the block's pool",
        block._pool is None,
        "None: it lies in no pool",
        "a pool",
    )
    block = allocate(allocator, largest)
    expect(
        f"allocate({largest}): arenas, _direct",
        (len(allocator._arenas), allocator._direct),
        (1, 1),
        "The largest block is one of ours.",
    )


@check(
    "A block is released once, and then its view is closed",
    step=5,
    read="Blocks",
    hints=[
        "The block knows its allocator as long as it is in use. How can it know that "
        "it was released already?",
        "Let it forget self._allocator, and look at that first. take_back wants the "
        "pool, the start, and how many bytes were asked for; then the view is closed.",
        "allocator, self._allocator = self._allocator, None; if allocator is None: "
        "raise ValueError; allocator.take_back(pool, self._start, len(self.view)); "
        "self.view.release()",
    ],
)
def released_once(bench: Bench) -> None:
    told = []

    class MadeUp:
        def take_back(self, *what):
            told.append(what)

    buffers = bench.memory
    start, asked = 4096 * bench.random.randint(1, 15), bench.random.randint(5, 4096)
    pool = buffers.Pool(None, 0)
    block = buffers.Block(MadeUp(), pool, start, memoryview(bytearray(asked)))
    KEPT.append(block)
    block.release()
    expect_true(
        "what take_back() is told by release()",
        told == [(pool, start, asked)],
        f"the pool, {start}, {asked}",
        f"{len(told)} calls"
        if len(told) != 1
        else ", ".join("the pool" if w is pool else repr(w) for w in told[0]),
        "The pool takes its place back, and the bytes that were asked for are counted.",
    )
    with expect_raises(
        ValueError,
        "block.view[0] after release()",
        "The block may be somebody else's by now: who keeps the view would read his "
        "bytes.",
    ):
        _ = block.view[0]
    with expect_raises(
        ValueError,
        "release() for the second time",
        "Given back twice, the block would have two owners later.",
    ):
        block.release()
    expect("how often take_back() was called in all", len(told), 1)
    with buffers.Block(MadeUp(), pool, start, memoryview(bytearray(1))) as other:
        KEPT.append(other)
    expect("how often it was called after `with` another block", len(told), 2)


@check(
    "A pool that was full has room again, an empty one goes back",
    step=5,
    read="Giving back",
    hints=[
        "take_back does the opposite of allocate, in every account: _asked, _blocks, "
        "_direct, the pool, and the table of pools with room.",
        "Two things may happen to the pool. If blocks of it are still in use, it has "
        "room now, and belongs into _roomy. If none is, it leaves the table and its "
        "arena gets it back.",
        "if pool.used: self._roomy[pool.size][pool] = None; else: "
        "self._roomy[pool.size].pop(pool, None), pool.arena.free.append(pool), "
        "self._give_back(pool.arena)",
    ],
)
def the_way_back(bench: Bench) -> None:
    allocator = bench.memory.Allocator()
    asked_about = []
    allocator._give_back = asked_about.append
    size = bench.random.choice([4096, 8192, 16384])
    asked = size - bench.random.randint(1, 99)
    room = bench.memory.POOL // size
    blocks = [allocate(allocator, asked) for _ in range(room)]
    pool = blocks[0]._pool
    arena = pool.arena
    place = blocks[1]._start
    _take_back(allocator, blocks.pop(1), asked)
    expect_true(
        f"a full pool of {room} blocks, one of which comes back; the pools with room",
        list(allocator._roomy[size]) == [pool],
        "this pool is among them",
        "it is not",
        "A full pool is in no table. When a block comes back, somebody has to enter "
        "it, or its room is lost.",
    )
    expect("free pools of the arena, meanwhile", len(arena.free), 15)
    again = allocate(allocator, asked)
    blocks.append(again)
    expect(
        "where the next block of this size lies",
        (again._pool is pool, again._start),
        (True, place),
        "The block that was freed last is taken first.",
    )
    one, other = allocate(allocator, 600), allocate(allocator, 700)
    _take_back(allocator, one, 600)
    expect(
        "_asked and blocks in use, after one of two small ones came back",
        (allocator._asked, sizes_in_use(allocator)),
        (asked * room + 700, {1024: 1, size: room}),
    )
    _take_back(allocator, other, 700)
    for block in blocks:
        _take_back(allocator, block, asked)
    expect(
        "when all blocks have come back: free pools of the arena",
        len(arena.free),
        16,
        "A pool without a block in use is free, for any size.",
    )
    expect(
        "when all blocks have come back: pools with room, _asked, blocks in use",
        (sum(map(len, allocator._roomy.values())), allocator._asked),
        (0, 0),
        "A free pool belongs to its arena. In the table too, it would be handed out "
        "twice.",
    )
    expect("blocks in use, then", sizes_in_use(allocator), {})
    expect(
        "how often _give_back() was asked about the arena",
        asked_about,
        [arena, arena],
        "Each time that one of its pools has become free.",
    )
    _large_ones(bench, allocator)


def _take_back(allocator, block, asked: int) -> None:
    """What release() does, whoever wrote that."""
    allocator.take_back(block._pool, block._start, asked)
    block._allocator = None


def _large_ones(bench: Bench, allocator) -> None:
    size = bench.random.randint(70_000, 90_000)
    blocks = [allocate(allocator, size) for _ in range(2)]
    _take_back(allocator, blocks[0], size)
    expect(
        f"two of {size} bytes, one comes back; _direct, _asked",
        (allocator._direct, allocator._asked),
        (1, size),
        "One that is larger than any block lies in no pool: `pool` is None.",
    )


@check(
    "An empty arena goes back, unless it is the last with room",
    step=6,
    read="Giving back",
    hints=[
        "When may an arena go? All of its pools must be free. And somebody else must "
        "have room for the next block.",
        "arena.empty: as many free pools as an arena has, ARENA // POOL. any(one.free "
        "for one in self._arenas if one is not arena) says whether another has room.",
        "if arena.empty and any(…): self._arenas.remove(arena), and then "
        "arena.free.clear(), because pools and arena refer to each other.",
    ],
)
def arenas_go(bench: Bench) -> None:
    buffers = bench.memory
    arena = buffers.Arena()
    expect("Arena().empty", arena.empty, True, "All of its 16 pools are free.")
    taken = [arena.free.pop() for _ in range(bench.random.randint(1, 15))]
    expect(f"empty, with {len(taken)} of 16 pools in use", arena.empty, False)
    arena.free.extend(taken)
    expect("empty, when they have come back", arena.empty, True)
    _who_goes(bench)
    _lets_go_of_memory(bench)
    made = []
    real = buffers.Arena
    buffers.Arena = lambda: made.append(1) or real()
    allocator = buffers.Allocator()
    for _ in range(10):
        allocator.allocate(600).release()
    expect(
        "arenas asked from the system, to allocate one block and release it, ten times",
        len(made),
        1,
        "The last arena with room stays: the next request is sure to come.",
    )
    buffers.Arena = real


def _who_goes(bench: Bench) -> None:
    cases = [
        ([16, 3], True, "It is empty, and the other has room."),
        ([16, 0], False, "The other one is full: this is the last with room."),
        ([16, 0, 1], True, "It is empty, and one of the others has room."),
        ([15, 3], False, "A block of it is in use; who owns it would lose his bytes."),
        ([16], False, "It is the only one."),
        ([1, 16], False, "A block of it is in use, in 15 of its pools."),
    ]
    for free, goes, why in cases:
        allocator = bench.memory.Allocator()
        arenas = arenas_with(bench, allocator, free)
        allocator._give_back(arenas[0])
        stayed = [len(arena.free) for arena in allocator._arenas if arena in arenas[1:]]
        expect_true(
            f"arenas with {free} free pools of 16; _give_back(the first)",
            (arenas[0] not in allocator._arenas) == goes and stayed == free[1:],
            f"it {'goes' if goes else 'stays'}, the others stay",
            f"{len(allocator._arenas)} of {len(free)} stay",
            why,
        )


def _lets_go_of_memory(bench: Bench) -> None:
    gc.disable()
    allocator = bench.memory.Allocator()
    refs = [weakref.ref(arena) for arena in arenas_with(bench, allocator, [16, 5])]
    allocator._give_back(allocator._arenas[0])
    expect_true(
        "the memory of an arena that was given back, without the garbage collector",
        refs[0]() is None,
        "is gone",
        "is still there",
        "The arena refers to its pools, and each pool to its arena: a circle that no "
        "reference count undoes. Empty its list.",
    )
    gc.enable()


@check(
    "A crowd comes and goes",
    step=6,
    read="Giving back",
    hints=[
        "Everything together: hundreds of blocks of all sizes, released in any order. "
        "The message says what was lost first; which function keeps that account?",
        "Compare take_back with allocate, line by line: each has to undo what the "
        "other does.",
        "workshop lab diff 10 shows your file beside ours.",
    ],
)
def a_crowd(bench: Bench) -> None:
    allocator = bench.memory.Allocator()
    held: list = []
    for moment in range(900):
        coming = moment < 400 or (moment < 600 and bench.random.random() < 0.5)
        if coming or not held:
            size = int(2 ** bench.random.uniform(3, 17))
            block = allocate(allocator, size)
            mark = bytes([bench.random.randrange(256)])
            block.view[:1], block.view[-1:] = mark, mark
            held.append((block, size, mark))
        else:
            block, size, mark = held.pop(bench.random.randrange(len(held)))
            expect_true(
                f"moment {moment}: a block of {size} bytes, first and last byte",
                block.view[:1] == block.view[-1:] == mark,
                "as its owner left them",
                "changed",
                "Somebody else has the same memory.",
            )
            block.release()
        if moment % 30 == 0:
            _accounts(bench, allocator, held, moment)
    for block, _, _ in held:
        block.release()
    _accounts(bench, allocator, [], 900)
    expect("arenas that stay when everybody has left", len(allocator._arenas), 1)


def _accounts(bench: Bench, allocator, held: list, moment: int) -> None:
    buffers = bench.memory
    sizes = [size for _, size, _ in held]
    small = [size for size in sizes if size <= buffers.SIZES[-1]]
    pools = {id(block._pool) for block, _, _ in held if block._pool is not None}
    free = sum(len(arena.free) for arena in allocator._arenas)
    expect(
        f"moment {moment}: pools in use, _asked, blocks, _direct",
        (
            len(allocator._arenas) * (buffers.ARENA // buffers.POOL) - free,
            allocator._asked,
            sum(allocator._blocks.values()),
            allocator._direct,
        ),
        (len(pools), sum(sizes), len(small), len(sizes) - len(small)),
    )
    roomy = [pool for table in allocator._roomy.values() for pool in table]
    expect_true(
        f"moment {moment}: the pools with room",
        all(pool.used and not pool.full for pool in roomy),
        "have blocks in use, and free ones",
        "one of them is full, or empty",
    )
    in_use = {id(block._pool): block._pool for block, _, _ in held if block._pool}
    lost = [pool for pool in in_use.values() if not pool.full and pool not in roomy]
    expect(f"moment {moment}: pools with room that no table knows", len(lost), 0)


@check(
    "The statistics are those of the blocks",
    step=7,
    read="Giving back",
    hints=[
        "Statistics is a NamedTuple; its fields say what belongs where. All but one of "
        "the numbers are kept already.",
        "The pools in use are all pools of all arenas, without the free ones.",
        "pools=sum(ARENA // POOL - len(arena.free) for arena in self._arenas), and "
        "blocks=dict(self._blocks), a copy.",
    ],
)
def statistics(bench: Bench) -> None:
    allocator = bench.memory.Allocator()
    sizes = [bench.random.randint(1, 60_000) for _ in range(60)] + [70_000]
    blocks = [allocate(allocator, size) for size in sizes]
    most = len(allocator._arenas)
    now = allocator.statistics()
    expect_true(
        "what statistics() returns",
        isinstance(now, bench.memory.Statistics),
        "a Statistics",
        repr(now),
    )
    expect(
        "61 blocks; pools",
        now.pools,
        len({id(block._pool) for block in blocks[:-1]}),
        "Pools that are free are not in use.",
    )
    for block in blocks[:40]:
        block.release()
    now = allocator.statistics()
    left = blocks[40:-1]
    wanted = {
        "arenas": len(allocator._arenas),
        "most_arenas": most,
        "pools": len({id(block._pool) for block in left}),
        "blocks": dict(allocator._blocks),
        "asked": sum(sizes[40:]),
        "direct": 1,
    }
    for name, value in wanted.items():
        expect(f"61 blocks, 40 were released; {name}", getattr(now, name), value)
    before = dict(now.blocks)
    allocate(allocator, 100)
    expect(
        "the blocks of earlier statistics, after another allocate()",
        now.blocks,
        before,
        "Statistics tell how things stood. Hand out a copy.",
    )
