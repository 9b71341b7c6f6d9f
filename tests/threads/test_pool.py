"""The contract of dustdevil.threads.pool. A thread is held by an event, not by time."""

import contextvars
import gc
import logging
import queue
import subprocess
import sys
import threading
import time
import traceback
import weakref

import pytest

from dustdevil.coroutine import CancelledError, let_others_run
from dustdevil.loop import Loop
from dustdevil.sync import Event, gather, sleep
from dustdevil.threads import ThreadPool, run_in_loop, run_in_thread


@pytest.fixture
def gate():
    """A gate that holds threads; open in any case at the end of the test."""
    gate = threading.Event()
    yield gate
    gate.set()


class Calls:
    """Calls that tell when they have begun, and end when the gate is opened."""

    def __init__(self, loop, gate):
        self.loop, self.gate = loop, gate
        self.begun = []
        self.one_more = Event()

    def __call__(self, name):
        self.loop.call_from_thread(self.note, name)
        assert self.gate.wait(10)
        return name

    def note(self, name):
        self.begun.append(name)
        self.one_more.set()

    async def have_begun(self, number):
        while len(self.begun) < number:
            self.one_more.clear()
            await self.one_more.wait()


@pytest.fixture
def calls(loop, gate):
    return Calls(loop, gate)


async def turns(number=5):
    for _ in range(number):
        await let_others_run()


def test_a_function_runs_in_another_thread_and_its_result_comes_back(loop):
    def add(a, b, *, c):
        return a + b + c, threading.current_thread()

    async def main():
        return await run_in_thread(add, 1, 2, c=3)

    total, thread = loop.run(main())
    assert total == 6
    assert thread is not threading.current_thread()
    assert thread.daemon


def test_the_loop_goes_on_meanwhile(loop, gate):
    async def main():
        # The thread waits for what the loop does next: a loop that stood still
        # would never come to it.
        task = loop.spawn(run_in_thread(gate.wait, 10))
        await turns()
        gate.set()
        return await task

    assert loop.run(main()) is True


def test_keyword_arguments_of_any_name_are_the_functions(loop):
    async def main():
        return await run_in_thread(dict, function=1, self=2, call=3)

    assert loop.run(main()) == {"function": 1, "self": 2, "call": 3}


def test_an_exception_comes_back_with_its_traceback(loop):
    def deep():
        raise ValueError("from the thread")

    def shallow():
        deep()

    async def asks():
        await run_in_thread(shallow)

    with pytest.raises(ValueError, match="from the thread") as caught:
        loop.run(asks())
    names = [frame.name for frame in traceback.extract_tb(caught.value.__traceback__)]
    assert names.index("asks") < names.index("shallow")
    assert names[-2:] == ["shallow", "deep"]
    assert "_make" not in names


@pytest.mark.parametrize("error", [StopIteration("x"), StopIteration()])
def test_stop_iteration_is_no_result(loop, error):
    def stop():
        raise error

    async def asks():
        return await run_in_thread(stop)

    with pytest.raises(RuntimeError, match="StopIteration"):
        loop.run(asks())


def test_context_variables_go_along_and_stay_there(loop):
    name = contextvars.ContextVar("name", default="nobody")

    def greet():
        seen = name.get()
        name.set("changed in the thread")
        return seen

    async def main():
        token = name.set("reader")
        try:
            return await run_in_thread(greet), name.get()
        finally:
            name.reset(token)

    assert loop.run(main()) == ("reader", "reader")


# Bounds


def test_no_more_threads_than_the_size_and_no_more_ready_than_the_backlog(
    loop, calls, gate
):
    async def main():
        pool = ThreadPool(size=2, backlog=1)
        tasks = [loop.spawn(pool.run(calls, number)) for number in range(6)]
        await calls.have_begun(2)
        await turns()
        assert sorted(calls.begun) == [0, 1]
        assert len(pool._threads) == 2
        assert pool._calls.qsize() == 1  # the others wait in the loop
        gate.set()
        results = [await task for task in tasks]
        assert len(pool._threads) == 2
        pool.close()
        return results

    assert loop.run(main()) == [0, 1, 2, 3, 4, 5]


def test_who_waits_for_room_comes_in_turn(loop, calls, gate):
    async def main():
        pool = ThreadPool(size=1, backlog=0)
        tasks = [loop.spawn(pool.run(calls, number)) for number in range(5)]
        await calls.have_begun(1)
        gate.set()
        for task in tasks:
            await task
        pool.close()

    loop.run(main())
    assert calls.begun == [0, 1, 2, 3, 4]


def test_threads_are_started_when_they_are_needed(loop):
    async def main():
        pool = ThreadPool(size=4)
        for _ in range(3):
            await pool.run(int)
        assert len(pool._threads) == 1
        pool.close()

    loop.run(main())


def test_call_goes_past_the_backlog_and_counts(loop, calls, gate):
    async def main():
        pool = ThreadPool(size=1, backlog=0)
        futures = [pool.call(calls, number) for number in range(3)]
        late = loop.spawn(pool.run(calls, "late"))
        await calls.have_begun(1)
        assert pool._calls.qsize() == 2
        gate.set()
        results = [await future for future in futures]
        assert await late == "late"
        pool.close()
        return results

    assert loop.run(main()) == [0, 1, 2]
    assert calls.begun == [0, 1, 2, "late"]


@pytest.mark.parametrize("bounds", [(0, 1), (1, -1)])
def test_a_pool_without_threads_is_refused(loop, bounds):
    with pytest.raises(ValueError, match="no pool"):
        ThreadPool(*bounds, loop)


# Cancelling


def test_cancelling_the_waiter_leaves_the_thread_alone(loop, calls, gate):
    finished = []

    def work():
        finished.append(calls("work"))

    async def main():
        pool = ThreadPool(size=1, backlog=0)
        first = loop.spawn(pool.run(work))
        await calls.have_begun(1)
        first.cancel()
        with pytest.raises(CancelledError):
            await first
        # The thread is still at it, and the pool knows: the next one waits.
        task = loop.spawn(pool.run(calls, "next"))
        await turns()
        assert calls.begun == ["work"]
        gate.set()
        await task
        pool.close()

    loop.run(main())
    assert finished == ["work"]


def test_what_was_cancelled_before_it_began_never_begins(loop, calls, gate):
    async def main():
        pool = ThreadPool(size=1, backlog=1)
        tasks = [loop.spawn(pool.run(calls, name)) for name in "abcd"]
        await calls.have_begun(1)
        tasks[1].cancel()  # lies ready
        tasks[2].cancel()  # waits for room
        await turns()
        gate.set()
        assert await tasks[0] == "a"
        assert await tasks[3] == "d"
        assert tasks[1].cancelled()
        assert tasks[2].cancelled()
        pool.close()

    loop.run(main())
    assert calls.begun == ["a", "d"]


def test_an_error_nobody_waits_for_any_more_is_reported(loop, calls, gate, caplog):
    def fail():
        calls("fail")
        raise ValueError("unheard")

    async def main():
        pool = ThreadPool(size=1)
        task = loop.spawn(pool.run(fail))
        await calls.have_begun(1)
        task.cancel()
        await turns()
        gate.set()
        await pool.run(int)
        pool.close()

    with caplog.at_level(logging.ERROR, logger="dustdevil"):
        loop.run(main())
    assert "unheard" in caplog.text


# The end


def test_close_cancels_who_waits_and_ends_the_threads(loop, calls, gate):
    async def main():
        pool = ThreadPool(size=1, backlog=1)
        tasks = [loop.spawn(pool.run(calls, name)) for name in "abc"]
        await calls.have_begun(1)
        threads = list(pool._threads)
        pool.close()
        pool.close()
        for task in tasks[:2]:
            with pytest.raises(CancelledError):
                await task
        for waits in tasks[2], loop.spawn(pool.run(int)):
            with pytest.raises(RuntimeError, match="closed"):
                await waits
        with pytest.raises(RuntimeError, match="closed"):
            pool.call(int)
        gate.set()
        return threads

    [thread] = loop.run(main())
    thread.join(10)
    assert not thread.is_alive()
    assert calls.begun == ["a"]


def test_the_loop_closes_its_own_pool(gate):
    loop = Loop()

    async def main():
        return await run_in_thread(threading.current_thread)

    thread = loop.run(main())
    assert loop.run(main()) is thread
    loop.close()
    thread.join(10)
    assert not thread.is_alive()


@pytest.mark.parametrize("close", ["", "loop.close()"])
def test_a_call_that_hangs_does_not_keep_the_interpreter(close):
    program = f"""
import threading
import time
from dustdevil.loop import Loop
from dustdevil.sync import Event
from dustdevil.threads import run_in_thread

async def main():
    hangs = threading.Event()

    def hang():
        loop.call_from_thread(begun.set)
        hangs.wait()

    begun = Event()
    task = loop.spawn(run_in_thread(hang))
    await begun.wait()
    task.cancel()

loop = Loop()
loop.run(main())
{close}
print("the end")
"""
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=30
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "the end\n", "")


def test_an_idle_thread_keeps_nothing(loop):
    class Thing:
        pass

    async def main():
        thing = Thing()
        ref = weakref.ref(thing)
        result = await run_in_thread(lambda thing: [thing], thing)
        del thing, result
        await run_in_thread(int)
        await turns()
        gc.collect()
        return ref()

    assert loop.run(main()) is None


# The way back


def test_a_thread_has_a_coroutine_run_in_the_loop(loop):
    async def answer(number, *, plus):
        await sleep(0)
        return number + plus, threading.current_thread()

    async def fail():
        await sleep(0)
        raise KeyError("in the loop")

    def work():
        with pytest.raises(KeyError, match="in the loop"):
            run_in_loop(fail)
        with pytest.raises(TypeError, match="await"):
            run_in_loop(int)
        return run_in_loop(answer, 40, plus=2)

    async def main():
        return await gather(*[run_in_thread(work) for _ in range(3)])

    assert loop.run(main()) == [(42, threading.current_thread())] * 3


def test_the_way_back_starts_in_a_thread_of_a_pool(loop):
    async def main():
        run_in_loop(sleep, 0)

    with pytest.raises(RuntimeError, match="run_in_thread"):
        loop.run(main())


def test_a_thread_on_a_visit_goes_on_when_the_pool_is_closed(loop):
    errors = queue.SimpleQueue()

    def work():
        try:
            run_in_loop(visit)
        except RuntimeError as error:
            errors.put(str(error))
        try:
            run_in_loop(visit)
        except RuntimeError as error:
            errors.put(str(error))

    async def visit():
        arrived.set()
        await Event().wait()

    async def main():
        pool.call(work)
        await arrived.wait()

    arrived = Event()
    pool = ThreadPool(loop=loop)
    loop.run(main())
    pool.close()
    assert errors.get(timeout=10) == "the thread pool is closed"
    assert errors.get(timeout=10) == "the thread pool is closed"


def test_calls_of_one_turn_start_when_it_has_seen_to_all_sockets(loop, gate):
    started = []

    async def main():
        pool.call(started.append, 1)
        time.sleep(0.1)  # lets go of the interpreter, as recv() does
        assert started == []
        await pool.run(started.append, 2)

    pool = ThreadPool(1, loop=loop)
    loop.run(main())
    assert started == [1, 2]
    pool.close()
