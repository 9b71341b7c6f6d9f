"""The contract of dustdevil.sync."""

import gc
import socket

import pytest

from dustdevil.coroutine import CancelledError, Future, let_others_run
from dustdevil.loop import READ
from dustdevil.sync import (
    BoundedSemaphore,
    Condition,
    Event,
    Lock,
    Queue,
    Semaphore,
    gather,
    sleep,
    timeout,
)


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


@pytest.mark.parametrize("first", ["timeout", "cancel"])
def test_a_cancellation_in_the_turn_of_a_timeout_is_not_taken_for_it(loop, first):
    limit = timeout(1000)

    async def wait():
        async with limit:
            await Future()

    async def main():
        task = loop.spawn(wait())
        await turns()
        calls = [limit._expire, task.cancel]
        for call in calls if first == "timeout" else reversed(calls):
            call()
        with pytest.raises(CancelledError):
            await task

    loop.run(main())


def test_the_outer_of_two_timeouts_comes_after_the_inner_of_the_same_turn(loop):
    log = []

    async def main():
        async with timeout(0):
            try:
                async with timeout(0):
                    await Future()
            except TimeoutError:
                log.append("inner")
            await Future()

    async def outer_later():
        async with timeout(0.002):
            try:
                async with timeout(0.001):
                    while loop.time() < start + 0.003:
                        pass  # both are due when we look again
                    await Future()
            except TimeoutError:
                log.append("inner")
            await Future()

    with pytest.raises(TimeoutError):
        loop.run(main())
    assert log == []  # the outer was first
    start = loop.time()
    with pytest.raises(TimeoutError, match=r"0\.002"):
        loop.run(outer_later())
    assert log == ["inner"]


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


def test_a_cancelled_gather_waits_until_all_have_ended(loop):
    log = []

    async def slow():
        try:
            await Future()
        finally:
            await sleep(0)
            log.append("cleaned up")

    async def main():
        with pytest.raises(TimeoutError):
            async with timeout(0.001):
                await gather(slow(), slow())
        return list(log)

    assert loop.run(main()) == ["cleaned up"] * 2


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


def test_who_is_cancelled_after_set_and_clear_wakes_nobody_else(loop):
    event = Event()

    async def main():
        first = loop.spawn(event.wait())
        await turns()
        second = loop.spawn(event.wait())  # begins after the clear()
        event.set()
        event.clear()
        first.cancel()
        await turns()
        assert not second.done()
        event.set()
        await second

    loop.run(main())


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


@pytest.mark.parametrize(
    "wait", [Queue().get, Event().wait, Semaphore(0).acquire, Lock().acquire]
)
def test_who_gives_up_is_forgotten(loop, wait):
    # Somebody who looks in now and then, as long as there is nothing.
    async def give_up(times):
        for _ in range(times):
            task = loop.spawn(wait())
            await let_others_run()
            task.cancel()
            await let_others_run()
        gc.collect()
        return sum(type(one) is Future for one in gc.get_objects())

    async def main():
        first = loop.spawn(wait())
        grown = await give_up(1) - await give_up(10)
        first.cancel()
        return grown

    assert loop.run(main()) == 0


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


def test_a_bounded_semaphore_notices_what_is_given_back_twice(loop):
    async def main():
        semaphore = BoundedSemaphore(2)
        async with semaphore:
            pass
        with pytest.raises(RuntimeError, match="more often"):
            semaphore.release()

    loop.run(main())


# Locks


def test_a_lock_keeps_steps_together(loop):
    lock = Lock()
    balance = 0

    async def deposit():
        nonlocal balance
        async with lock:
            before = balance
            await let_others_run()
            balance = before + 1

    loop.run(gather(*[deposit() for _ in range(10)]))
    assert balance == 10
    assert not lock.locked()
    with pytest.raises(RuntimeError, match="more often"):
        lock.release()


def test_a_block_that_fails_gives_the_lock_back(loop):
    lock = Lock()

    async def fail():
        async with lock:
            assert lock.locked()
            raise KeyError

    async def main():
        with pytest.raises(KeyError):
            await fail()
        assert not lock.locked()

    loop.run(main())


# Conditions


def waiters(loop, condition, names, log):
    async def wait(name):
        async with condition:
            try:
                await condition.wait()
                log.append(name)
            finally:
                assert condition.lock.locked()

    return [loop.spawn(wait(name)) for name in names]


async def notify(condition, n=1):
    async with condition:
        condition.notify(n)


def test_a_condition_wakes_as_many_as_it_is_told_in_turn(loop):
    condition, log = Condition(), []

    async def main():
        tasks = waiters(loop, condition, "abcde", log)
        await turns()
        await notify(condition, 2)
        await turns(20)
        assert log == ["a", "b"]
        async with condition:
            condition.notify_all()
            await turns()
            assert log == ["a", "b"]  # they need the lock
        await gather_tasks(tasks)
        await notify(condition, 3)  # nobody waits

    loop.run(main())
    assert log == ["a", "b", "c", "d", "e"]


def test_wait_for_waits_until_it_is_so(loop):
    condition, items = Condition(), []

    async def main():
        async def take():
            async with condition:
                await condition.wait_for(lambda: items)
                return items.pop()

        task = loop.spawn(take())
        await turns()
        await notify(condition)
        await turns()
        assert not task.done()
        async with condition:
            items.append("x")
            condition.notify()
        assert await task == "x"

    loop.run(main())


def test_a_condition_without_its_lock_is_refused(loop):
    async def main():
        condition = Condition()
        with pytest.raises(RuntimeError):
            await condition.wait()
        with pytest.raises(RuntimeError, match="lock"):
            condition.notify()

    loop.run(main())


@pytest.mark.parametrize("when", ["told", "needs the lock"])
def test_who_is_told_and_cancelled_passes_it_on(loop, when):
    condition, log = Condition(), []

    async def main():
        tasks = waiters(loop, condition, "ab", log)
        await turns()
        async with condition:
            condition.notify()
            if when == "needs the lock":
                await turns()
            tasks[0].cancel()
            await turns()
            tasks[0].cancel()  # and again, while it waits for the lock
        await tasks[1]
        assert tasks[0].cancelled()
        assert not condition.lock.locked()

    loop.run(main())
    assert log == ["b"]


def test_who_is_cancelled_before_he_is_told_leaves_it_to_the_others(loop):
    condition, log = Condition(), []

    async def main():
        tasks = waiters(loop, condition, "ab", log)
        await turns()
        tasks[0].cancel()
        await notify(condition)
        await tasks[1]
        assert tasks[0].cancelled()

    loop.run(main())
    assert log == ["b"]


# Queues are fair


def test_who_waits_for_an_item_gets_it_before_who_comes_by(loop):
    queue, log = Queue(), []

    async def get(name):
        log.append((name, await queue.get()))

    async def main():
        first = loop.spawn(get("waits"))
        await turns()
        late = loop.spawn(get("comes by"))
        queue.put_now(1)
        await first
        assert not late.done()
        queue.put_now(2)
        await late

    loop.run(main())
    assert log == [("waits", 1), ("comes by", 2)]


def test_who_waits_for_room_gets_it_before_who_comes_by(loop):
    queue = Queue(limit=1)

    async def main():
        await queue.put("first")
        waits = loop.spawn(queue.put("waits"))
        await turns()
        assert await queue.get() == "first"
        assert queue.full()  # the room is promised
        late = loop.spawn(queue.put("comes by"))
        assert await queue.get() == "waits"
        assert await queue.get() == "comes by"
        await gather_tasks([waits, late])

    loop.run(main())


@pytest.mark.parametrize("woken", [True, False])
def test_a_cancelled_putter_passes_the_room_on(loop, woken):
    queue = Queue(limit=1)

    async def main():
        await queue.put("first")
        tasks = [loop.spawn(queue.put(name)) for name in "ab"]
        await turns()
        if woken:
            await queue.get()
        tasks[0].cancel()
        if not woken:
            await turns()
            await queue.get()
        assert await queue.get() == "b"
        assert tasks[0].cancelled()
        assert len(queue) == 0
        assert not queue.full()

    loop.run(main())


def test_a_queue_without_room_is_refused():
    with pytest.raises(ValueError, match="limit of 0"):
        Queue(limit=0)
