"""The contract of dustdevil.loop. No test waits for a time to pass by sleeping."""

import os
import select
import signal
import socket
import threading
import time

import pytest

from dustdevil.coroutine import Future, let_others_run
from dustdevil.loop import READ, WRITE, EpollPoller, Loop, SelectPoller
from dustdevil.loop import eventloop as module

POLLERS = [EpollPoller, SelectPoller] if hasattr(select, "epoll") else [SelectPoller]


@pytest.fixture(params=POLLERS, ids=lambda cls: cls.__name__)
def loop(request):
    loop = Loop(request.param())
    yield loop
    loop.close()


@pytest.fixture
def pair():
    a, b = socket.socketpair()
    a.setblocking(False)
    b.setblocking(False)
    yield a, b
    a.close()
    b.close()


# Descriptors


def test_a_ready_descriptor_calls_its_callback(loop, pair):
    a, b = pair
    got = []

    def on_readable(events):
        got.append((events, a.recv(100)))
        loop.stop()

    loop.watch(a.fileno(), READ, on_readable)
    b.send(b"hello")
    loop.run_forever()
    assert got == [(READ, b"hello")]


def test_rewatch_and_unwatch(loop, pair):
    a, b = pair
    log = []
    loop.watch(a.fileno(), READ, lambda events: log.append(events))
    loop.rewatch(a.fileno(), WRITE)
    b.send(b"x")
    loop.turn()
    assert log == [WRITE]
    loop.unwatch(a.fileno())
    loop.call_soon(lambda: None)
    loop.turn()
    assert log == [WRITE]
    with pytest.raises(FileNotFoundError):
        loop.unwatch(a.fileno())
    with pytest.raises(FileNotFoundError):
        loop.rewatch(a.fileno(), READ)


def test_unwatching_another_in_the_same_turn_silences_it(loop, pair):
    a, b = pair
    log = []

    def only_one(events, me, other):
        log.append(me)
        loop.unwatch(other)

    for me, other in (a, b), (b, a):
        fds = me.fileno(), other.fileno()
        loop.watch(fds[0], WRITE, lambda events, fds=fds: only_one(events, *fds))
    loop.turn()
    assert len(log) == 1


def test_a_failed_callback_is_reported_and_the_loop_goes_on(loop, pair, caplog):
    loop.watch(pair[0].fileno(), WRITE, lambda events: 1 / 0)
    log = []
    loop.call_soon(log.append, "after")
    loop.turn()
    assert log == ["after"]
    assert "ZeroDivisionError" in caplog.text


@pytest.mark.skipif(not hasattr(select, "epoll"), reason="Linux has epoll")
def test_edges_are_kept_by_rewatch(pair):
    loop = Loop(EpollPoller())
    a, b = pair
    log = []
    loop.watch(a.fileno(), READ, log.append, edge=True)
    loop.rewatch(a.fileno(), READ)
    b.send(b"x")
    for _ in range(3):
        loop.call_soon(lambda: None)
        loop.turn()
    assert log == [READ]
    loop.close()


# Timers


@pytest.fixture
def clock(monkeypatch):
    """A clock that the test moves; the poller is never asked to sleep."""

    class Clock:
        now = 1000.0

        def __call__(self):
            return self.now

    clock = Clock()
    monkeypatch.setattr(module, "monotonic", clock)
    return clock


def ring(loop, clock, seconds):
    clock.now += seconds
    loop.call_soon(lambda: None)
    loop.turn()


def test_timers_come_in_order_of_their_time(loop, clock):
    log = []
    loop.call_later(3, log.append, "c")
    loop.call_later(1, log.append, "a")
    loop.call_at(clock.now + 2, log.append, "b")
    loop.call_later(2, log.append, "b2")
    ring(loop, clock, 0.5)
    assert log == []
    ring(loop, clock, 0.6)
    assert log == ["a"]
    ring(loop, clock, 5)
    assert log == ["a", "b", "b2", "c"]
    ring(loop, clock, 5)
    assert log == ["a", "b", "b2", "c"]


def test_a_cancelled_timer_is_silent_and_lets_go(loop, clock):
    log = []
    timer = loop.call_later(1, log.append, "never")
    timer.cancel()
    timer.cancel()
    assert not timer.args
    late = loop.call_later(1, log.append, "kept")
    ring(loop, clock, 2)
    late.cancel()
    assert log == ["kept"]


def test_a_timer_can_cancel_one_of_the_same_turn_that_was_not_released(loop, clock):
    log = []
    second = loop.call_later(2, log.append, "second")
    loop.call_later(1, second.cancel)
    ring(loop, clock, 1)
    ring(loop, clock, 1)
    assert log == []


def test_cancelled_timers_do_not_pile_up(loop, clock):
    keep = loop.call_later(60, lambda: None)
    for _ in range(10_000):
        loop.call_later(30, lambda: None).cancel()
    assert len(loop._timers) < 500
    assert any(entry[2] is keep for entry in loop._timers)


def test_many_timers_stay_cheap(clock):
    """Counted, not timed: comparisons grow with the logarithm of the number."""
    loop = Loop()

    class Moment(float):
        compared = 0

        def __lt__(self, other):
            Moment.compared += 1
            return float(self) < float(other)

    number = 100_000
    log = []
    timers = [
        loop.call_at(Moment(clock.now + 1 + index % 977), log.append, index)
        for index in range(number)
    ]
    Moment.compared = 0
    loop.call_at(Moment(clock.now + 1), log.append, "one more")
    assert Moment.compared <= 20  # the heap has 17 levels

    # Releasing one: the last goes to the top, and down to its place.
    clock.now += 1
    Moment.compared = 0
    loop._release_timers()
    assert Moment.compared <= 40 * len(loop.ready)
    loop.run_ready()
    assert len(log) == len(range(0, number, 977)) + 1

    # Cancelling all: heaps are made anew, of half the size each time.
    Moment.compared = 0
    for timer in timers:
        timer.cancel()
    assert Moment.compared <= 4 * number
    assert len(loop._timers) < 500
    loop.close()


def test_the_loop_sleeps_no_longer_than_the_next_timer(loop, clock):
    asked = []
    loop.poller.poll, poll = (
        lambda timeout: asked.append(timeout) or [],
        loop.poller.poll,
    )
    loop.turn()
    loop.call_later(7, lambda: None)
    loop.turn()
    clock.now += 8
    loop.turn()
    loop.call_soon(lambda: None)
    loop.turn()
    loop.poller.poll = poll
    assert asked == [None, 7, 0, 0]


def test_the_clock_is_not_the_one_on_the_wall(loop):
    before = time.monotonic()
    assert before <= loop.time() <= time.monotonic()


# Calls, coroutines, threads, signals


def test_a_call_that_adds_a_call_does_not_starve_the_sockets(loop, pair):
    a, b = pair
    calls = []

    def again():
        calls.append("again")
        loop.call_soon(again)

    def on_readable(events):
        loop.stop()

    loop.call_soon(again)
    loop.watch(a.fileno(), READ, on_readable)
    b.send(b"x")
    loop.run_forever()
    assert 1 <= len(calls) <= 2


def test_run_returns_and_raises(loop):
    async def answer():
        await let_others_run()
        return 42

    async def fail():
        raise ValueError("failed")

    assert loop.run(answer()) == 42
    with pytest.raises(ValueError, match="failed"):
        loop.run(fail())


def test_a_coroutine_waits_for_a_socket(loop, pair):
    a, b = pair

    async def read():
        future = Future()
        loop.watch(a.fileno(), READ, lambda events: future.set_result(a.recv(10)))
        return await future

    loop.call_later(0, b.send, b"late")
    assert loop.run(read()) == b"late"


def test_another_thread_wakes_a_sleeping_loop(loop):
    thread_of_call = []

    def called():
        thread_of_call.append(threading.current_thread())
        loop.stop()

    asleep = threading.Event()
    poll = loop.poller.poll

    def poll_and_tell(timeout):
        asleep.set()
        return poll(timeout)

    loop.poller.poll = poll_and_tell

    def other():
        asleep.wait()
        loop.call_from_thread(called)

    thread = threading.Thread(target=other)
    thread.start()
    loop.run_forever()
    thread.join()
    assert thread_of_call == [threading.current_thread()]


def test_a_thousand_calls_from_threads_all_arrive(loop):
    seen = []

    def other():
        for number in range(1000):
            loop.call_from_thread(seen.append, number)
        loop.call_from_thread(loop.stop)

    thread = threading.Thread(target=other)
    thread.start()
    loop.run_forever()
    thread.join()
    assert seen == list(range(1000))


def test_calls_from_threads_wake_a_sleeping_loop_once(loop):
    rings, ring = [], loop._wake
    loop._wake = lambda: rings.append(1) or ring()
    for _ in range(3):
        for _ in range(10):
            loop.call_from_thread(int)
        loop.turn()
    assert len(rings) == 3


@pytest.mark.parametrize("moment", ["before", "after"])
def test_a_call_that_comes_while_the_loop_wakes_is_neither_lost_nor_mutes_the_bell(
    loop, moment
):
    """As another thread would make it, right before or after the byte is taken."""

    class Ear:
        def recv(self, size):
            loop._wake_recv = (
                ear  # the thread calls once, however often the ear is read
            )
            if moment == "before":
                loop.call_from_thread(seen.append, moment)
            data = ear.recv(size)
            if moment == "after":
                loop.call_from_thread(seen.append, moment)
            return data

    seen, ear, loop._wake_recv = [], loop._wake_recv, Ear()
    loop.call_from_thread(int)
    loop.turn()
    assert seen == [moment]
    rings, ring = [], loop._wake
    loop._wake = lambda: rings.append(1) or ring()
    loop.call_from_thread(int)
    assert rings == [1]


def test_a_signal_is_a_call_in_a_turn(loop):
    log = []

    def on_signal(text):
        log.append(text)
        loop.stop()

    before = signal.getsignal(signal.SIGUSR1)
    loop.on_signal(signal.SIGUSR1, on_signal, "first")
    loop.on_signal(signal.SIGUSR1, on_signal, "usr1")
    loop.call_soon(os.kill, os.getpid(), signal.SIGUSR1)
    loop.run_forever()
    assert log == ["usr1"]
    loop.close()
    assert signal.getsignal(signal.SIGUSR1) == before


def test_the_wakeup_descriptor_of_others_is_given_back(loop, pair):
    earlier = signal.set_wakeup_fd(pair[0].fileno())
    try:
        loop.on_signal(signal.SIGUSR1, lambda: None)
        loop.on_signal(signal.SIGUSR2, lambda: None)
        loop.close()
    finally:
        assert signal.set_wakeup_fd(earlier) == pair[0].fileno()


def test_a_signal_outside_the_main_thread_is_refused(loop):
    errors = []

    def other():
        try:
            loop.on_signal(signal.SIGUSR1, lambda: None)
        except ValueError as error:
            errors.append(error)

    thread = threading.Thread(target=other)
    thread.start()
    thread.join()
    assert len(errors) == 1


def test_stop_before_run_is_forgotten_and_turns_are_finished(loop):
    log = []
    loop.call_soon(loop.stop)
    loop.call_soon(log.append, "same turn")
    loop.run_forever()
    assert log == ["same turn"]


def test_what_is_shared_is_made_once_and_closed_with_the_loop():
    log = []

    def make(name):
        class Thing:
            def close(self):
                log.append(name)

        return Thing

    first, second = make("first"), make("second")
    loop, other = Loop(), Loop()
    assert loop.shared(first) is loop.shared(first)
    assert loop.shared(first) is not other.shared(first)
    assert isinstance(loop.shared(second), second)
    loop.close()
    assert log == ["second", "first"]
    loop.close()
    assert log == ["second", "first"]
    other.close()


def test_close_gives_back_every_descriptor():
    before = set(os.listdir("/proc/self/fd"))
    loop = Loop()
    loop.call_later(5, lambda: None)
    loop.close()
    loop.close()
    loop.call_from_thread(lambda: None)
    assert set(os.listdir("/proc/self/fd")) == before
