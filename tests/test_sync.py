"""The contract of dustdevil.sync."""

import socket

import pytest

from dustdevil.coroutine import CancelledError, Future, let_others_run
from dustdevil.loop import Loop
from dustdevil.poller import READ
from dustdevil.sync import Event, Queue, Semaphore, gather, sleep, timeout


@pytest.fixture
def loop():
    loop = Loop()
    yield loop
    loop.close()


def test_sleep_lets_time_pass(loop):
    start = loop.time()
    loop.run(sleep(0.02))
    assert loop.time() - start >= 0.02


def test_sleepers_wake_in_order(loop):
    log = []

    async def nap(seconds):
        await sleep(seconds)
        log.append(seconds)

    loop.run(gather(nap(0.02), nap(0), nap(0.01)))
    assert log == [0, 0.01, 0.02]


def test_a_cancelled_sleep_leaves_no_timer(loop):
    async def main():
        task = loop.spawn(sleep(1000))
        await let_others_run()
        task.cancel()
        await let_others_run()
        return task.cancelled()

    assert loop.run(main())
    assert all(timer.callback is None for _, _, timer in loop._timers)


def test_timeout_ends_a_block_that_takes_too_long(loop):
    async def main():
        async with timeout(0.01):
            await Future()

    with pytest.raises(TimeoutError, match=r"0\.01 s"):
        loop.run(main())


def test_timeout_lets_a_quick_block_be(loop):
    async def main():
        async with timeout(1000) as limit:
            await sleep(0)
        async with timeout(None):
            await sleep(0)
        return limit.expired

    assert loop.run(main()) is False
    assert all(timer.callback is None for _, _, timer in loop._timers)


def test_timeout_leaves_other_exceptions_alone(loop):
    async def fail():
        async with timeout(1000):
            raise KeyError("mine")

    async def wait():
        async with timeout(1000):
            await Future()

    async def main():
        with pytest.raises(KeyError):
            await fail()
        task = loop.spawn(wait())
        await let_others_run()
        await let_others_run()
        task.cancel()
        with pytest.raises(CancelledError):
            await task

    loop.run(main())


def test_a_block_that_ends_in_the_turn_of_its_timer_is_let_go(loop):
    ours, theirs = socket.socketpair()

    async def main():
        future = Future()
        async with timeout(0) as limit:
            loop.watch(ours.fileno(), READ, lambda _: future.set_result("in time"))
            result = await future
        loop.unwatch(ours.fileno())
        await let_others_run()
        return result, limit.expired

    theirs.send(b"x")
    with ours, theirs:
        assert loop.run(main()) == ("in time", False)


def test_the_inner_of_two_timeouts_is_the_one_that_raises(loop):
    async def main():
        async with timeout(1000) as outer:
            with pytest.raises(TimeoutError):
                async with timeout(0.001):
                    await Future()
        return outer.expired

    assert loop.run(main()) is False


def test_gather_keeps_the_order_of_its_arguments(loop):
    async def late(value, seconds):
        await sleep(seconds)
        return value

    assert loop.run(gather(late("a", 0.01), late("b", 0))) == ["a", "b"]
    assert loop.run(gather()) == []


def test_gather_cancels_the_rest_when_one_fails_and_waits_for_them(loop):
    log = []

    async def fail():
        await let_others_run()
        raise ValueError("first")

    async def slow():
        try:
            await Future()
        finally:
            await sleep(0)
            log.append("cleaned up")

    with pytest.raises(ValueError, match="first"):
        loop.run(gather(slow(), fail()))
    assert log == ["cleaned up"]


def test_cancelling_gather_cancels_all(loop):
    ended = []

    async def wait():
        try:
            await Future()
        finally:
            ended.append(True)

    async def main():
        task = loop.spawn(gather(wait(), wait()))
        await let_others_run()
        await let_others_run()
        task.cancel()
        with pytest.raises(CancelledError):
            await task
        await let_others_run()

    loop.run(main())
    assert ended == [True, True]


def test_an_event_wakes_all(loop):
    event = Event()
    log = []

    async def wait(name):
        await event.wait()
        log.append(name)

    async def main():
        tasks = [loop.spawn(wait(name)) for name in "ab"]
        await let_others_run()
        assert not event.is_set()
        event.set()
        for task in tasks:
            await task
        await wait("c")
        event.clear()
        late = loop.spawn(wait("d"))
        await let_others_run()
        await let_others_run()
        assert not late.done()
        late.cancel()

    loop.run(main())
    assert log == ["a", "b", "c"]


def test_a_queue_keeps_order_and_waits_when_empty(loop):
    queue = Queue()

    async def main():
        getter = loop.spawn(queue.get())
        await let_others_run()
        assert not getter.done()
        for number in range(3):
            await queue.put(number)
        return [await getter, await queue.get(), await queue.get(), len(queue)]

    assert loop.run(main()) == [0, 1, 2, 0]


def test_a_full_queue_makes_its_producer_wait(loop):
    queue = Queue(limit=2)
    log = []

    async def produce():
        for number in range(4):
            await queue.put(number)
            log.append(number)

    async def main():
        task = loop.spawn(produce())
        for _ in range(5):
            await let_others_run()
        assert log == [0, 1]
        assert queue.full()
        got = [await queue.get() for _ in range(4)]
        await task
        return got

    assert loop.run(main()) == [0, 1, 2, 3]


def test_a_cancelled_getter_passes_its_turn_on(loop):
    queue = Queue()

    async def main():
        first = loop.spawn(queue.get())
        second = loop.spawn(queue.get())
        await let_others_run()
        queue.put_now("item")
        first.cancel()
        return await second

    assert loop.run(main()) == "item"


def test_a_cancelled_getter_is_passed_over(loop):
    queue = Queue()

    async def main():
        first = loop.spawn(queue.get())
        second = loop.spawn(queue.get())
        await let_others_run()
        first.cancel()
        await let_others_run()
        queue.put_now("item")
        return await second

    assert loop.run(main()) == "item"


# Semaphores


def inside(loop, semaphore, names, log):
    """Tasks that enter, tell, and stay until their event is set."""

    async def enter(name, leave):
        async with semaphore:
            log.append(name)
            await leave.wait()

    leaves = [Event() for _ in names]
    tasks = [loop.spawn(enter(*pair)) for pair in zip(names, leaves, strict=True)]
    return tasks, leaves


async def turns(number=5):
    for _ in range(number):
        await let_others_run()


def test_a_semaphore_lets_so_many_in_and_the_others_in_turn(loop):
    log = []

    async def main():
        semaphore = Semaphore(2)
        tasks, leaves = inside(loop, semaphore, "abcd", log)
        await turns()
        assert log == ["a", "b"]
        assert semaphore.locked()
        leaves[1].set()
        await turns()
        assert log == ["a", "b", "c"]
        for leave in leaves:
            leave.set()
        await gather_tasks(tasks)
        assert log == ["a", "b", "c", "d"]
        assert not semaphore.locked()

    loop.run(main())


async def gather_tasks(tasks):
    for task in tasks:
        await task


def test_what_is_given_back_goes_to_who_waits_and_not_to_who_comes_by(loop):
    log = []

    async def main():
        semaphore = Semaphore(1)
        await semaphore.acquire()
        tasks, [leave] = inside(loop, semaphore, ["waits"], log)
        await turns()
        semaphore.release()
        assert semaphore.locked()  # in this very turn
        log.append("comes by")
        async with timeout(1):
            leave.set()
            await semaphore.acquire()
        log.append("after")
        await tasks[0]

    loop.run(main())
    assert log == ["comes by", "waits", "after"]


@pytest.mark.parametrize("woken", [True, False])
def test_a_cancelled_waiter_of_a_semaphore_passes_its_turn_on(loop, woken):
    log = []

    async def main():
        semaphore = Semaphore(1)
        await semaphore.acquire()
        tasks, leaves = inside(loop, semaphore, "abc", log)
        await turns()
        if woken:
            semaphore.release()
            tasks[0].cancel()
        else:
            tasks[0].cancel()
            semaphore.release()
        await turns()
        assert log == ["b"]
        tasks[2].cancel()
        leaves[1].set()
        await tasks[1]
        await turns()
        assert not semaphore.locked()  # with nobody left, the place is free

    loop.run(main())


def test_the_last_waiter_woken_and_cancelled_leaves_the_place_free(loop):
    async def main():
        semaphore = Semaphore(1)
        await semaphore.acquire()
        [task], _ = inside(loop, semaphore, "a", [])
        await turns()
        semaphore.release()
        task.cancel()
        await turns()
        assert not semaphore.locked()
        await semaphore.acquire()

    loop.run(main())


def test_a_place_can_be_taken_ahead(loop):
    async def main():
        semaphore = Semaphore(1)
        semaphore.take()
        semaphore.take()
        task = loop.spawn(semaphore.acquire())
        await turns()
        semaphore.release()
        await turns()
        assert not task.done()
        semaphore.release()
        await task

    loop.run(main())


def test_a_semaphore_does_not_begin_below_zero():
    with pytest.raises(ValueError, match="below zero"):
        Semaphore(-1)
