"""The contract of dustdevil.memory."""

import gc
import random
import socket
import weakref

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from dustdevil import memory as buffers
from dustdevil.memory import ARENA, POOL, SIZES, Allocator


@pytest.fixture
def allocator():
    return Allocator()


def release(blocks):
    for block in blocks:
        block.release()


def test_a_socket_reads_into_a_block(allocator):
    a, b = socket.socketpair()
    with a, b, allocator.allocate(4000) as block:
        b.send(b"hello")
        count = a.recv_into(block.view)
        assert block.view[:count] == b"hello"
        assert len(block) == 4000


@pytest.mark.parametrize(
    ("size", "block"),
    [(1, 512), (512, 512), (513, 1024), (4096, 4096), (4097, 8192), (65536, 65536)],
)
def test_a_request_gets_the_smallest_block_that_it_fits_into(allocator, size, block):
    with allocator.allocate(size) as got:
        statistics = allocator.statistics()
        assert len(got.view) == size
        assert {size: n for size, n in statistics.blocks.items() if n} == {block: 1}
        assert (statistics.asked, statistics.pools, statistics.arenas) == (size, 1, 1)
    assert allocator.statistics().asked == 0
    assert allocator.statistics().pools == 0


def test_what_is_larger_than_the_largest_is_allocated_directly(allocator):
    with allocator.allocate(SIZES[-1] + 1) as block:
        assert len(block.view) == SIZES[-1] + 1
        assert allocator.statistics()[:3] == (0, 0, 0)
        assert allocator.statistics().direct == 1
    assert allocator.statistics().direct == 0
    with pytest.raises(ValueError, match="released"):
        block.view[0]


@pytest.mark.parametrize("size", [0, -1])
def test_a_block_of_nothing_is_refused(allocator, size):
    with pytest.raises(ValueError, match=f"a byte at least, not {size}"):
        allocator.allocate(size)
    assert allocator.statistics().asked == 0


@pytest.mark.parametrize("size", [100, SIZES[-1] + 1])
def test_releasing_twice_is_an_error_and_frees_nothing_twice(allocator, size):
    block, other = allocator.allocate(size), allocator.allocate(size)
    block.release()
    with pytest.raises(ValueError, match="released already"):
        block.release()
    assert allocator.statistics().asked == size
    other.release()


def test_use_after_release_is_an_error(allocator):
    block = allocator.allocate(100)
    block.release()
    with pytest.raises(ValueError, match="released memoryview"):
        block.view[0] = 1


def test_a_block_that_is_dropped_goes_back_with_a_warning(allocator):
    with pytest.warns(ResourceWarning, match="was not released"):
        allocator.allocate(100)
    assert allocator.statistics().asked == 0


def test_the_block_that_was_freed_last_is_used_first(allocator):
    blocks = [allocator.allocate(1000) for _ in range(3)]
    blocks[1].view[:5] = b"mark!"
    blocks[0].release()
    blocks[1].release()
    with allocator.allocate(1000) as block:
        assert block.view[:5] == b"mark!"
    blocks[2].release()


def test_a_new_pool_comes_from_the_fullest_arena(allocator):
    arenas = 3
    blocks = [allocator.allocate(POOL) for _ in range(arenas * ARENA // POOL)]
    by_arena = [blocks[: ARENA // POOL], blocks[16:32], blocks[32:]]
    assert allocator.statistics().arenas == arenas
    release(by_arena[0][:9])  # the emptiest …
    release(by_arena[1][:2])  # … and the fullest of those that have room
    release(by_arena[2][:5])
    again = [allocator.allocate(POOL) for _ in range(2)]
    release(by_arena[0][9:])
    assert allocator.statistics().arenas == 2, "the emptiest became empty"
    release(by_arena[1][2:] + by_arena[2][5:] + again)


def test_empty_arenas_are_given_back_but_for_one(allocator):
    blocks = [allocator.allocate(size) for size in SIZES for _ in range(100)]
    most = allocator.statistics().arenas
    assert most > 10
    random.Random(1).shuffle(blocks)
    release(blocks)
    assert allocator.statistics() == (1, most, 0, dict.fromkeys(SIZES, 0), 0, 0)


def test_a_given_back_arena_does_not_wait_for_the_garbage_collector(allocator):
    gc.disable()
    blocks = [allocator.allocate(POOL) for _ in range(3 * ARENA // POOL)]
    arenas = [weakref.ref(arena) for arena in allocator._arenas]
    release(blocks)
    assert [arena() for arena in arenas].count(None) == 2
    gc.enable()


def test_an_arena_lives_as_long_as_somebody_has_a_view_of_it(allocator):
    blocks = [allocator.allocate(POOL) for _ in range(2 * ARENA // POOL)]
    kept = blocks[0].view[:5]
    kept[:] = b"still"
    release(blocks)
    assert allocator.statistics().arenas == 1
    assert kept == b"still"


def test_one_block_in_turns_makes_no_new_arena(allocator, monkeypatch):
    made = []
    real = buffers.Arena
    monkeypatch.setattr(buffers, "Arena", lambda: made.append(1) or real())
    for _ in range(10):
        allocator.allocate(512).release()
    assert len(made) == 1


class Memory(RuleBasedStateMachine):
    """Blocks of all sizes come and go; what is written in one is read in it."""

    def __init__(self):
        super().__init__()
        self.allocator = Allocator()
        self.blocks = []
        self.number = 0

    def fill(self, count, size):
        for _ in range(count):
            block = self.allocator.allocate(size)
            self.number += 1
            text = (b"%d." % self.number * size)[:size]
            block.view[:] = text
            self.blocks.append((block, text))

    @rule(size=st.integers(1, POOL + 10), count=st.integers(1, 40))
    def allocate(self, size, count):
        self.fill(count, size)

    @rule(size=st.sampled_from(SIZES), count=st.integers(1, 20))
    def allocate_exactly(self, size, count):
        self.fill(count, size)

    @precondition(lambda self: self.blocks)
    @rule(data=st.data(), count=st.integers(1, 60))
    def release_some(self, data, count):
        seed = data.draw(st.integers(0, 1000))
        random.Random(seed).shuffle(self.blocks)
        for block, text in self.blocks[:count]:
            assert block.view == text
            block.release()
        del self.blocks[:count]

    @precondition(lambda self: self.blocks)
    @rule()
    def release_all(self):
        self.release_some_now()
        assert self.allocator.statistics().pools == 0
        assert self.allocator.statistics().arenas <= 1

    def release_some_now(self):
        for block, text in self.blocks:
            assert block.view == text
            block.release()
        self.blocks.clear()

    @invariant()
    def no_two_overlap(self):
        # Each block is full of its own number: one byte of another would show.
        for block, text in self.blocks:
            assert block.view == text

    @invariant()
    def the_statistics_are_those_of_the_blocks(self):
        now = self.allocator.statistics()
        sizes = [len(block) for block, _ in self.blocks]
        small = [size for size in sizes if size <= POOL]
        assert now.asked == sum(sizes)
        assert now.direct == len(sizes) - len(small)
        assert sum(now.blocks.values()) == len(small)
        fitting = sum(size * many for size, many in now.blocks.items())
        assert sum(small) <= fitting <= now.pools * POOL <= now.arenas * ARENA
        for size, many in now.blocks.items():
            assert many == sum(size // 2 < n <= size or n <= size == 512 for n in small)

    def teardown(self):
        self.release_some_now()


Memory.TestCase.settings = settings(max_examples=30, stateful_step_count=20)
TestMemory = Memory.TestCase
