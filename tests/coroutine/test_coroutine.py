"""The contract of dustdevil.coroutine: no sockets, no clock, only order."""

import gc
import logging
import threading
import traceback

import pytest

from dustdevil.coroutine import (
    CancelledError,
    Future,
    InvalidState,
    Scheduler,
    Task,
    coroutine,
    current_scheduler,
    current_task,
    let_others_run,
)


@pytest.fixture
def scheduler():
    return Scheduler()


# Futures


def test_a_future_has_no_result_until_it_is_set(scheduler):
    future = Future(scheduler)
    assert not future.done()
    with pytest.raises(InvalidState):
        future.result()
    with pytest.raises(InvalidState):
        future.exception()
    future.set_result(7)
    assert future.done()
    assert future.result() == 7
    assert future.exception() is None


def test_a_future_is_set_once(scheduler):
    future = Future(scheduler)
    future.set_result(1)
    with pytest.raises(InvalidState):
        future.set_result(2)
    with pytest.raises(InvalidState):
        future.set_exception(ValueError())
    assert future.cancel() is False
    assert future.result() == 1


def test_callbacks_come_in_order_and_never_inside_set_result(scheduler):
    log = []
    future = Future(scheduler)
    future.add_done_callback(lambda f: log.append(("first", f.result())))
    future.add_done_callback(lambda f: log.append(("second", f.result())))
    future.set_result("x")
    assert log == []
    scheduler.run_ready()
    assert log == [("first", "x"), ("second", "x")]
    future.add_done_callback(lambda f: log.append("late"))
    assert log[-1] != "late"
    scheduler.run_ready()
    assert log[-1] == "late"


def test_a_callback_can_be_taken_back(scheduler):
    future = Future(scheduler)
    log = []
    assert future.remove_done_callback(log.append) is False
    future.add_done_callback(log.append)
    assert future.remove_done_callback(log.append) is True
    future.set_result(None)
    scheduler.run_ready()
    assert log == []


def test_a_cancelled_future_raises(scheduler):
    future = Future(scheduler)
    assert future.cancel() is True
    assert future.cancelled()
    with pytest.raises(CancelledError):
        future.result()


# Tasks, both ways of writing a coroutine


def native(future):
    async def body():
        return await future

    return body()


@coroutine
def generator(future):
    value = yield future
    return value


@coroutine
def delegating(future):
    return (yield from future)


WAYS = [native, generator, delegating]


@pytest.mark.parametrize("way", WAYS)
def test_a_coroutine_gets_the_result_it_waits_for(scheduler, way):
    future = Future(scheduler)
    task = scheduler.spawn(way(future))
    scheduler.run_ready()
    assert not task.done()
    future.set_result(42)
    assert scheduler.run(native(task)) == 42


@pytest.mark.parametrize("way", WAYS)
def test_a_coroutine_gets_the_exception_it_waits_for(scheduler, way):
    future = Future(scheduler)
    future.set_exception(KeyError("gone"))
    with pytest.raises(KeyError, match="gone"):
        scheduler.run(way(future))


@pytest.mark.parametrize("inner", WAYS)
@pytest.mark.parametrize("outer", WAYS)
def test_the_two_kinds_await_each_other(scheduler, inner, outer):
    future = Future(scheduler)
    future.set_result("deep")

    async def await_it():
        return await inner(future)

    assert scheduler.run(await_it()) == "deep"
    assert scheduler.run(outer(scheduler.spawn(inner(future)))) == "deep"


def test_a_generator_may_yield_a_coroutine(scheduler):
    async def inner():
        return "inner"

    @coroutine
    def outer():
        return ((yield inner()), (yield generator(done)))

    done = Future(scheduler)
    done.set_result("generator")
    assert scheduler.run(outer()) == ("inner", "generator")


def test_tasks_take_turns(scheduler):
    log = []

    async def count(name):
        for number in range(3):
            log.append(f"{name}{number}")
            await let_others_run()

    scheduler.spawn(count("a"))
    scheduler.run(count("b"))
    assert log == ["a0", "b0", "a1", "b1", "a2", "b2"]


def test_what_becomes_ready_waits_for_the_next_turn(scheduler):
    log = []

    def again():
        log.append("again")
        scheduler.call_soon(again)

    scheduler.call_soon(again)
    scheduler.run_ready()
    assert log == ["again"]


def test_a_deep_chain_needs_no_deep_stack(scheduler):
    async def countdown():
        done = Future()
        done.set_result(None)
        for _ in range(20_000):
            await done
            await let_others_run()
        return "flat"

    assert scheduler.run(countdown()) == "flat"


def test_a_failed_callback_is_reported_and_the_rest_goes_on(scheduler, caplog):
    log = []
    scheduler.call_soon(lambda: 1 / 0)
    scheduler.call_soon(log.append, "after")
    scheduler.run_ready()
    assert log == ["after"]
    assert "ZeroDivisionError" in caplog.text


def test_a_traceback_leads_to_the_line(scheduler):
    async def inner():
        raise ValueError("here")

    async def outer():
        await scheduler.spawn(inner())

    with pytest.raises(ValueError, match="here") as caught:
        scheduler.run(outer())
    names = [frame.name for frame in traceback.extract_tb(caught.value.__traceback__)]
    assert names.index("outer") < names.index("inner")


def frames_of(error):
    return [frame.name for frame in traceback.extract_tb(error.__traceback__)]


def test_a_traceback_through_three_awaits_has_the_users_frames_in_order(scheduler):
    async def first():
        raise ValueError("here")

    async def second():
        await let_others_run()
        await first()

    @coroutine
    def third():
        yield scheduler.spawn(second())

    async def main():
        await third()

    with pytest.raises(ValueError, match="here") as caught:
        scheduler.run(main())
    names = frames_of(caught.value)
    ours = [name for name in names if name in ("main", "third", "second", "first")]
    assert ours == ["main", "third", "second", "first"]
    assert names[names.index("main") :] == ours  # and nothing of the trampoline's


@pytest.mark.parametrize("early", [True, False])
def test_each_of_several_waiters_gets_a_traceback_of_his_own(scheduler, early):
    async def fail():
        if early:
            await let_others_run()
        raise ValueError("shared")

    async def wait(task):
        await task

    async def main():
        task = scheduler.spawn(fail())
        if not early:
            await let_others_run()
        for waiter in [scheduler.spawn(wait(task)) for _ in range(3)]:
            with pytest.raises(ValueError, match="shared") as caught:
                await waiter
            names = frames_of(caught.value)
            assert names.count("wait") == 1
            assert names.count("fail") == 1
            assert "step" not in names

    scheduler.run(main())


def test_asking_again_for_a_result_does_not_lengthen_the_traceback(scheduler):
    future = Future(scheduler)
    future.set_exception(ValueError("again"))
    lengths = set()
    for _ in range(3):
        with pytest.raises(ValueError, match="again") as caught:
            future.result()
        lengths.add(len(frames_of(caught.value)))
    assert len(lengths) == 1


def test_a_task_that_was_cancelled_and_nobody_awaited_is_no_news(scheduler, caplog):
    task = scheduler.spawn(native(Future(scheduler)))
    scheduler.run_ready()
    task.cancel()
    scheduler.run_ready()
    assert task.cancelled()
    del task
    gc.collect()
    assert caplog.records == []


def test_a_task_that_fails_while_it_is_cancelled_is_reported(scheduler, caplog):
    async def clumsy():
        try:
            await Future(scheduler)
        finally:
            raise KeyError("while cleaning up")

    task = scheduler.spawn(clumsy())
    scheduler.run_ready()
    task.cancel()
    scheduler.run_ready()
    del task
    gc.collect()
    assert "while cleaning up" in caplog.text


def test_a_task_that_failed_and_nobody_awaited_is_reported(scheduler, caplog):
    async def fail():
        raise ValueError("unheard")

    scheduler.spawn(fail())
    scheduler.run_ready()
    gc.collect()
    assert "unheard" in caplog.text
    assert "fail" in caplog.text


def test_a_task_that_failed_and_was_awaited_is_not_reported(scheduler, caplog):
    async def fail():
        raise ValueError("heard")

    with pytest.raises(ValueError, match="heard"):
        scheduler.run(native(scheduler.spawn(fail())))
    gc.collect()
    assert caplog.records == []


@pytest.mark.parametrize("wrong", [5, "text", [1], object()])
def test_waiting_for_nonsense_is_a_type_error_at_the_line(scheduler, wrong):
    @coroutine
    def confused():
        try:
            yield wrong
        except TypeError as error:
            return str(error)

    assert "can't wait for" in scheduler.run(confused())


def test_a_task_can_not_wait_for_itself(scheduler):
    async def selfish():
        await (await current_task())

    with pytest.raises(TypeError, match="can't wait for"):
        scheduler.run(selfish())


def test_current_task_is_the_task_that_runs(scheduler):
    async def who():
        return await current_task()

    task = scheduler.spawn(who())
    assert scheduler.run(native(task)) is task


def test_spawn_and_coroutine_refuse_what_is_none(scheduler):
    async def function():
        pass

    with pytest.raises(TypeError, match="takes a coroutine"):
        scheduler.spawn(function)
    with pytest.raises(TypeError, match="no yield"):
        coroutine(lambda: None)


def test_keyboard_interrupt_ends_the_run(scheduler):
    async def interrupted():
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        scheduler.run(interrupted())
    assert not scheduler.running


# Cancelling


def test_cancel_raises_where_the_coroutine_waits(scheduler):
    log = []

    async def wait():
        try:
            await Future()
        finally:
            log.append("cleaned")

    async def main():
        task = scheduler.spawn(wait())
        await let_others_run()
        assert task.cancel() is True
        try:
            await task
        except CancelledError:
            log.append("told")
        assert task.cancelled()
        assert task.cancel() is False

    scheduler.run(main())
    assert log == ["cleaned", "told"]


def test_who_cancels_knows_his_cancellation_again(scheduler):
    ours = CancelledError()
    task = scheduler.spawn(native(Future(scheduler)))
    scheduler.run_ready()
    assert not task.cancelling()
    task.cancel(ours)
    assert task.cancelling()
    scheduler.run_ready()
    assert task.exception() is ours
    assert not task.cancelling()


def test_cancel_before_the_first_step(scheduler):
    async def never():
        raise AssertionError("ran")

    task = scheduler.spawn(never())
    task.cancel()
    scheduler.run_ready()
    assert task.cancelled()


def test_cancel_leaves_what_was_waited_for_alone(scheduler):
    future = Future(scheduler)
    task = scheduler.spawn(native(future))
    scheduler.run_ready()
    task.cancel()
    scheduler.run_ready()
    assert task.cancelled()
    assert not future.done()
    future.set_result(None)
    scheduler.run_ready()


def test_cancel_between_result_and_wake_up_comes_once(scheduler):
    log = []

    async def wait():
        for _ in range(2):
            try:
                log.append(await future)
            except CancelledError:
                log.append("cancelled")
                await let_others_run()
        return "end"

    future = Future(scheduler)
    task = scheduler.spawn(wait())
    scheduler.run_ready()
    future.set_result("value")
    task.cancel()
    assert scheduler.run(native(task)) == "end"
    assert log == ["cancelled", "value"]


def test_a_task_that_cancels_itself_stops_at_its_next_wait(scheduler):
    log = []

    async def stop():
        (await current_task()).cancel()
        log.append("goes on to the wait")
        await Future()
        log.append("not here")

    with pytest.raises(CancelledError):
        scheduler.run(stop())
    assert log == ["goes on to the wait"]


def test_a_task_may_refuse_to_be_cancelled(scheduler):
    async def stubborn():
        try:
            await Future(scheduler)
        except CancelledError:
            return "no"

    task = scheduler.spawn(stubborn())
    scheduler.run_ready()
    task.cancel()
    scheduler.run_ready()
    assert task.result() == "no"


# The scheduler of this thread


def test_the_running_scheduler_is_known_inside_only(scheduler):
    async def ask():
        return current_scheduler()

    assert scheduler.run(ask()) is scheduler
    with pytest.raises(RuntimeError, match="nothing runs here"):
        current_scheduler()
    with pytest.raises(RuntimeError, match="nothing runs here"):
        Future()


def test_each_thread_has_its_own(scheduler):
    seen = []

    async def look():
        def other():
            try:
                current_scheduler()
            except RuntimeError as error:
                seen.append(str(error))

        thread = threading.Thread(target=other)
        thread.start()
        thread.join()

    scheduler.run(look())
    assert len(seen) == 1


def test_running_twice_is_refused(scheduler):
    async def nested():
        other = native(Future())
        try:
            scheduler.run_until(lambda: True)
        finally:
            other.close()

    with pytest.raises(RuntimeError, match="runs already"):
        scheduler.run(nested())


def test_an_empty_queue_is_a_deadlock(scheduler):
    with pytest.raises(RuntimeError, match="deadlock"):
        scheduler.run(native(Future(scheduler)))


def test_a_coroutine_adopted_in_the_middle_goes_on(scheduler):
    """The server steps a handler once by itself, and makes a Task if it waits."""
    future = Future(scheduler)
    body = native(future)
    yielded = body.send(None)
    task = Task(body, scheduler)
    task.wait_for(yielded)
    future.set_result("adopted")
    assert scheduler.run(native(task)) == "adopted"


@pytest.fixture(autouse=True)
def _errors_are_seen(caplog):
    caplog.set_level(logging.ERROR, logger="dustdevil")
