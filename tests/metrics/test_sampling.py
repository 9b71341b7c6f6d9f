"""The contract of `metrics.sampling`. Nothing here is timed: who blocks, blocks until
the watchdog has noticed."""

import re
import subprocess
import sys
import threading
from queue import Queue

import httpx
import pytest

from dustdevil import Application
from dustdevil.collector import Collector
from dustdevil.http import Server
from dustdevil.metrics import Profiler, SlowCall, Watchdog, log_slow_call
from dustdevil.stream import connect
from support.serving import PATIENCE


class Noticed:
    """What a watchdog reported; who blocks waits for `seen`."""

    def __init__(self):
        self.calls = []
        self.seen = threading.Event()
        self.over = threading.Event()

    def __call__(self, call):
        self.calls.append(call)
        (self.over if call.over else self.seen).set()


def blocks(noticed):
    assert noticed.seen.wait(PATIENCE)


async def fetch(port):
    stream = await connect("127.0.0.1", port)
    stream.write(b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
    answer = b""
    while data := await stream.read():
        answer += data
    stream.close()
    return answer


@pytest.mark.parametrize("kind", ["function", "coroutine"])
def test_a_handler_that_blocks_is_named_while_it_blocks(loop, kind):
    noticed = Noticed()
    app = Application()
    if kind == "function":

        @app.get("/")
        def handler(request):
            blocks(noticed)
            return "hello"
    else:

        @app.get("/")
        async def handler(request):
            blocks(noticed)
            return "hello"

    server = Server(app, loop=loop)
    port = server.listen("127.0.0.1", 0)
    server.start()

    async def main():
        answer = await fetch(port)
        await server.stop(0)
        return answer

    with Watchdog(loop, 0.02, noticed):
        assert loop.run(main()).endswith(b"hello")
        loop.call_later(1000, lambda: None)
        loop.call_soon(noticed.over.wait, PATIENCE)
        loop.turn()
    first = noticed.calls[0]
    assert first.name == f"{__name__}.{handler.__qualname__}"
    assert first.seconds >= 0.02
    assert not first.over
    assert f"{handler.__qualname__};{__name__}.blocks;threading." in first.stack
    assert re.fullmatch(r".*threading\.py:\d+", first.place)
    [last] = [call for call in noticed.calls if call.over and call.name == first.name]
    assert last.seconds >= first.seconds


def test_a_callback_is_named_once_a_call(loop):
    noticed = Noticed()
    rounds = Queue()

    def busy():
        blocks(noticed)
        noticed.seen.clear()
        rounds.put(len([call for call in noticed.calls if not call.over]))

    with Watchdog(loop, 0.02, noticed):
        for _ in range(3):
            loop.call_soon(busy)
            loop.turn()
    assert [rounds.get() for _ in range(3)] == [1, 2, 3]
    assert {call.name for call in noticed.calls} == {f"{__name__}.{busy.__qualname__}"}


@pytest.mark.parametrize("wrapped", [False, True], ids=["bare", "with a collector"])
def test_a_loop_that_sleeps_is_not_kept_by_anybody(loop, wrapped):
    watchdog = Watchdog(loop, 0.001, lambda call: reported.append(call))
    reported, looks = [], []
    look = watchdog.sample

    def sample(frame):
        look(frame)
        looks.append(watchdog._call)
        if len(looks) == 30:
            loop.call_from_thread(loop.stop)

    watchdog.sample = sample
    if wrapped:
        with Collector(loop), watchdog:
            loop.run_forever()
    else:
        with watchdog:
            loop.run_forever()
    assert looks.count(None) >= 25
    assert not [call for call in reported if "poll" in call.name]


def test_the_log_tells_of_it(caplog):
    call = SlowCall("app.report", "app.py:7", 0.123, "a;b", False)
    log_slow_call(call)
    log_slow_call(call._replace(seconds=2, over=True))
    assert caplog.messages == [
        "app.report keeps the loop, for 0.12 s so far; now in app.py:7",
        "app.report kept the loop for 2.00 s",
    ]


def test_a_profile_has_the_stacks_and_how_often_they_were_seen():
    enough = threading.Event()

    class Counting(Profiler):
        def sample(self, frame):
            super().sample(frame)
            if sum(self.stacks.values()) >= 20:
                enough.set()

    def outer():
        inner()

    def inner():
        assert enough.wait(PATIENCE)

    with Counting(0.001) as profiler:
        outer()
    lines = profiler.text().splitlines()
    assert sum(int(line.rsplit(" ", 1)[1]) for line in lines) >= 20
    test = re.escape(f"{__name__}.{outer.__qualname__}").replace("outer", "%s")
    both = f"{test % 'outer'};{test % 'inner'};threading\\.Event\\.wait"
    assert any(re.search(both, line) for line in lines)
    # What flame graph tools take: names without spaces, semicolons, one number.
    assert all(re.fullmatch(r"[^ ;]+(;[^ ;]+)* \d+", line) for line in lines)


def test_stopping_ends_the_thread_and_can_be_done_twice():
    profiler = Profiler(0.001)
    profiler.stop()
    before = threading.active_count()
    profiler.start()
    assert threading.active_count() == before + 1
    profiler.stop()
    profiler.stop()
    assert threading.active_count() == before


def test_another_thread_can_be_looked_at():
    enough, seen = threading.Event(), threading.Event()

    class Counting(Profiler):
        def sample(self, frame):
            super().sample(frame)
            seen.set()

    def elsewhere():
        enough.wait(PATIENCE)

    thread = threading.Thread(target=elsewhere)
    thread.start()
    with Counting(0.001, thread.ident) as profiler:
        assert seen.wait(PATIENCE)
    enough.set()
    thread.join()
    assert all("elsewhere" in stack for stack in profiler.stacks)


APP = """
import logging, threading
from dustdevil import Application

told, lines = threading.Event(), []


class Told(logging.Handler):
    def emit(self, record):
        lines.append(record.getMessage())
        told.set()


logging.getLogger("dustdevil").addHandler(Told())
app = Application()


@app.get("/")
def slow(request):
    told.wait(10)
    return lines[0]
"""


def test_a_server_names_who_keeps_it(tmp_path):
    (tmp_path / "app.py").write_text(APP)
    command = [sys.executable, "-um", "dustdevil", "app:app", "--port=0"]
    with subprocess.Popen(
        [*command, "--slow-call", "20 ms"],
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            url = process.stdout.readline().split()[-1]
            assert httpx.get(url).text.startswith("app.slow keeps the loop, for ")
        finally:
            process.terminate()
    assert process.returncode == 0
