"""The contract of dustdevil.collector.policy."""

import gc
import socket
import subprocess
import sys
import weakref

import httpx
import pytest

from dustdevil.collector import Collector, IdlePoller, freeze
from dustdevil.collector import policy as module
from dustdevil.loop import READ, WRITE, Loop

OFTEN = 50  # new objects until a collection, in these tests


@pytest.fixture
def loop():
    """A loop, and a collector that has nothing to do before a test begins."""
    usual = gc.get_threshold()
    gc.collect()
    gc.set_threshold(OFTEN, 10, 10)
    loop = Loop()
    yield loop
    loop.close()
    gc.set_threshold(*usual)


@pytest.fixture
def counts(monkeypatch):
    """What the interpreter says it has counted; the test says it."""
    counts = [0, 0, 0]
    monkeypatch.setattr(module.gc, "get_count", lambda: tuple(counts))
    return counts


def make_garbage(objects):
    """Two to a cycle; a weak reference to one of them."""
    for _ in range(objects // 2):
        one, two = {1}, Thing()
        two.pair = [two, one]
    return weakref.ref(two)


class Thing:
    pass


# Idle moments


def test_work_is_done_before_a_sleep_and_the_loop_looks_again():
    log, ready = [], []

    class Poller:
        register = modify = unregister = close = None

        def poll(self, timeout):
            log.append(timeout)
            return list(ready)

    def idle(timeout):
        log.append(("idle", timeout))
        return lambda: log.append("work")

    poller = IdlePoller(Poller(), idle)
    assert poller.poll(5) == []
    assert log == [("idle", 5), 0, "work"]
    log.clear()
    assert poller.poll(0) == []
    assert log == [0], "who does not mean to sleep is not idle"
    log.clear()
    ready.append((3, READ))
    assert poller.poll(None) == [(3, READ)]
    assert log == [("idle", None), 0], "who could not sleep is not idle"


def test_without_work_it_sleeps():
    a, b = socket.socketpair()
    loop = Loop()
    poller = IdlePoller(loop.poller, lambda timeout: None)
    poller.register(a.fileno(), READ)
    b.send(b"x")
    assert poller.poll(None) == [(a.fileno(), READ)]
    poller.modify(a.fileno(), WRITE)
    assert poller.poll(None) == [(a.fileno(), WRITE)]
    poller.unregister(a.fileno())
    assert poller.poll(0.001) == []
    loop.close()
    a.close()
    b.close()


def test_garbage_waits_for_the_loop_to_be_idle(loop):
    seen = []

    def work():
        ref = make_garbage(2 * OFTEN)
        seen.append(ref)
        seen.append(ref() is not None)

    with Collector(loop, net=100):
        loop.call_later(1000, loop.stop)
        loop.call_soon(work)
        loop.turn()
        loop.turn()  # this one would sleep, if there were nothing to collect
    ref, lived = seen
    assert lived, "not in the middle of the work"
    assert ref() is None, "but when there was nothing else to do"


def test_a_loop_that_is_never_idle_has_a_net(loop):
    with Collector(loop, net=3) as collector:
        ref = make_garbage(2 * OFTEN)
        before = collector.pauses[0].count
        assert ref() is not None
        ref = make_garbage(20 * OFTEN)
        assert collector.pauses[0].count > before


def test_a_busy_loop_is_left_in_peace(loop):
    a, b = socket.socketpair()
    seen = []

    def on_ready(events):
        if not seen:
            seen.append(make_garbage(2 * OFTEN))
            return
        seen.append(seen[0]() is not None)
        loop.stop()

    loop.watch(a.fileno(), WRITE, on_ready)
    with Collector(loop, net=100):
        loop.run_forever()
    loop.unwatch(a.fileno())
    assert seen[1]
    a.close()
    b.close()


# Which generation, and when


@pytest.mark.parametrize(
    ("made", "generation"),
    [
        ((OFTEN, 99, 99), None),
        ((OFTEN + 1, 0, 0), 0),
        ((OFTEN + 1, 10, 10), 0),
        ((OFTEN + 1, 11, 10), 1),
        ((OFTEN + 1, 0, 11), 2),
    ],
)
def test_the_interpreters_rule_at_another_moment(loop, counts, made, generation):
    with Collector(loop) as collector:
        counts[:] = made
        work = collector.due(None)
    assert (work and work.args[0]) == generation


def test_a_timer_does_not_wait_for_a_collection(loop, counts):
    with Collector(loop) as collector:
        counts[:] = OFTEN + 1, 0, 0
        collector._on_collection("start", {"generation": 0})
        collector._began -= 0.5
        collector._on_collection("stop", {"generation": 0})
        assert collector.due(0.4) is None
        assert collector.due(0.6) is not None
        assert collector.due(None) is not None


def test_full_collections_take_no_more_than_their_share(loop, counts, monkeypatch):
    now = [100.0]
    monkeypatch.setattr(module, "perf_counter", lambda: now[0])
    with Collector(loop, share=0.01) as collector:
        counts[:] = OFTEN + 1, 0, 11
        collector._on_collection("start", {"generation": 2})
        now[0] += 0.5
        collector._on_collection("stop", {"generation": 2})
        now[0] += 49.9
        assert collector.due(None).args == (0,)
        now[0] += 0.2
        assert collector.due(None).args == (2,)


# What it leaves and what it counts


def test_it_counts_the_pauses_of_each_generation(loop):
    with Collector(loop) as collector:
        gc.collect(0)
        gc.collect(1)
        gc.collect(1)
        gc.collect(2)
        assert [pause.count for pause in collector.pauses][1:] == [2, 1]
        assert collector.pauses[0].count >= 1
        assert 0 < collector.pauses[2].quantile(0.5) < 10
    gc.collect()
    assert collector.pauses[2].count == 1


def test_it_leaves_everything_as_it_was(loop):
    poller, callbacks = loop.poller, list(gc.callbacks)
    with Collector(loop):
        assert gc.get_threshold() == (OFTEN * module.NET, 10, 10)
        assert gc.get_freeze_count() > 1000
        assert loop.poller is not poller
    assert gc.get_threshold() == (OFTEN, 10, 10)
    assert gc.get_freeze_count() == 0
    assert loop.poller is poller
    assert gc.callbacks == callbacks


def test_what_is_frozen_is_not_looked_at_and_garbage_is_not_frozen():
    ref = make_garbage(10)
    thing = Thing()
    assert freeze() == gc.get_freeze_count() > 1000
    assert ref() is None
    assert not any(other is thing for other in gc.get_objects())
    gc.unfreeze()
    assert any(other is thing for other in gc.get_objects())


@pytest.mark.parametrize(("option", "callbacks"), [("yes", "1"), ("no", "0")])
def test_a_server_has_one_unless_it_is_told_not_to(tmp_path, option, callbacks):
    (tmp_path / "app.py").write_text(
        "import gc\n"
        "from dustdevil import Application\n"
        "app = Application()\n"
        "@app.get('/')\n"
        "def count(request):\n"
        "    return str(len(gc.callbacks))\n"
    )
    command = [sys.executable, "-um", "dustdevil", "app:app", "--port=0"]
    with subprocess.Popen(
        [*command, "--collect-when-idle", option],
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            url = process.stdout.readline().split()[-1]
            assert httpx.get(url).text == callbacks
        finally:
            process.terminate()
    assert process.returncode == 0
