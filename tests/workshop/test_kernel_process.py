"""The kernel process: its start, its sockets, what it prints, and how it ends.

Each test runs real kernels, without a web server, as test_kernels.py does.
"""

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from pathlib import Path
from types import SimpleNamespace

import psutil
import pytest

from dustdevil.sync import sleep, timeout
from support.kernels import Counting, has_ended
from workshop.livebook import process
from workshop.livebook.homes import Homes
from workshop.livebook.inkernel import publishing

# An hour of them: `make soak-kernels`.
soak = pytest.mark.soak


@pytest.fixture(autouse=True)
def capture_descriptors(monkeypatch):
    """Hide pytest from ipykernel, which else leaves the descriptors 1 and 2 alone."""
    environment = process.environment

    def without_pytest(spec):
        inherited = environment(spec).items()
        return {name: value for name, value in inherited if "PYTEST" not in name}

    monkeypatch.setattr(process, "environment", without_pytest)


@pytest.fixture
def run(play):
    """`run(cell, cell, …)`: run cells one after the other; the texts they printed."""

    def run(*cells):
        texts = []

        async def test(started, connect):
            page = connect()
            for cell in cells:
                request = page.run(cell)
                reply = await page.answer(request)
                assert reply["status"] == "ok", reply
                texts.append(page.text(request))

        play(test)
        return texts if len(texts) > 1 else texts[0]

    return run


# Its start


# Where a start can be held: the module that is being imported, or the method of the
# application that is about to be called.
STAGES = [
    "site",
    "workshop.livebook.inkernel",
    "zmq",
    "ipykernel.kernelapp",
    "IPKernelApp.init_connection_file",
    "IPKernelApp.init_sockets",
    "App.init_iopub",
    "IPKernelApp.init_heartbeat",
    "App.init_kernel",
    "IPythonKernel.start",
    "Kernel.kernel_info_request",
]
STOP_THERE = """
import importlib.abc, os, pathlib, signal, sys

def stop():
    mark = pathlib.Path(os.environ["MARK"])
    if not mark.exists():
        mark.touch()
        os.kill(os.getpid(), signal.SIGSTOP)

class StopAtImport(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path, target=None):
        if name == os.environ["STAGE"]:
            stop()

def stop_at_call(frame, event, argument):
    if event == "call" and frame.f_code.co_qualname == os.environ["STAGE"]:
        sys.setprofile(None)
        stop()

if "STAGE" in os.environ:
    sys.meta_path.insert(0, StopAtImport())
    sys.setprofile(stop_at_call)
    if os.environ["STAGE"] == "site":
        stop()
"""


@pytest.fixture
def hold(tmp_path, monkeypatch):
    """Have kernels stop themselves at a stage of their start, once."""
    (tmp_path / "sitecustomize.py").write_text(STOP_THERE)
    path = os.pathsep.join([str(tmp_path), *filter(None, [os.getenv("PYTHONPATH")])])
    monkeypatch.setenv("PYTHONPATH", path)
    monkeypatch.setenv("MARK", str(tmp_path / "stopped"))
    return lambda stage: monkeypatch.setenv("STAGE", stage)


async def until_stopped(pid):
    async with timeout(30):
        while psutil.Process(pid).status() != psutil.STATUS_STOPPED:
            await sleep(0.005)


async def assert_it_works(started, page):
    request = page.run("print('started')\n1 + 1")
    await page.answer(request)
    assert page.text(request) == "started\n"
    assert page.find("execute_result", request)
    request = page.run("print('on')\nwhile True: pass")
    await page.until(lambda: page.text(request))
    started.interrupt()
    assert (await page.answer(request))["ename"] == "KeyboardInterrupt"


async def assert_a_held_start_works(started, connect, seconds):
    page = connect()
    await until_stopped(started.process.pid)
    await sleep(seconds)
    assert started.state == "starting"
    started.process.signal(signal.SIGCONT)
    await assert_it_works(started, page)


@pytest.mark.parametrize("stage", STAGES)
def test_a_start_that_is_held_goes_on(play, hold, stage):
    hold(stage)
    play(lambda *test: assert_a_held_start_works(*test, seconds=3))


@soak
@pytest.mark.parametrize("seconds", [0.25, 1, 8, 31])  # 30 s: ZeroMQ's handshake
@pytest.mark.parametrize("stage", STAGES)
def test_a_start_that_is_held_long_goes_on(play, hold, stage, seconds):
    hold(stage)
    play(lambda *test: assert_a_held_start_works(*test, seconds=seconds))


@soak
@pytest.mark.parametrize("after", range(0, 600, 40))
def test_a_start_that_is_held_at_any_time_goes_on(play, after):
    async def test(started, connect):
        page = connect()
        await sleep(after / 1000)
        started.process.signal(signal.SIGSTOP)
        await sleep(5)
        started.process.signal(signal.SIGCONT)
        await assert_it_works(started, page)

    play(test)


def test_a_start_is_asked_about_a_few_times_only(play, hold):
    hold("App.init_iopub")  # bound already: all that is asked will be answered

    async def test(started, connect):
        page = connect()
        await until_stopped(started.process.pid)
        await sleep(3)
        started.process.signal(signal.SIGCONT)
        await assert_it_works(started, page)
        parents = {m["parent_header"].get("msg_id") for m in page.find("status")}
        assert len(parents - {None}) <= 6  # three questions, two cells, a control

    play(test)


def test_a_restart_during_the_start(play, hold):
    hold("App.init_kernel")

    async def test(started, connect):
        page = connect()
        await until_stopped(started.process.pid)
        await started.restart()
        await assert_it_works(started, page)

    play(test)


# Its sockets and its profile


def test_it_listens_on_no_port(run):
    assert run(
        "import psutil, subprocess, multiprocessing",
        "multiprocessing.get_context('fork').Process(target=print).start()",
        "print(psutil.Process().net_connections('inet'))",
    )[2].endswith("[]\n")


def test_what_forked_children_print_is_shown(run):
    text = run(
        "import multiprocessing, os, time\n"
        "print('parent')\n"
        "child = multiprocessing.get_context('fork').Process(\n"
        "    target=print, args=('child',))\n"
        "child.start(); child.join()\n"
        "print('again')\n"
        "if not os.fork(): print('forked'); os._exit(0)\n"
        "os.wait(); time.sleep(1)"
    )
    assert sorted(text.split()) == ["again", "child", "forked", "parent"]


def test_what_is_written_below_python_is_shown(run):
    text = run(
        "import os, subprocess, time\n"
        "os.write(1, b'written ')\n"
        "subprocess.run(['echo', 'echoed'])\n"
        "time.sleep(1)",
        "!echo shouted",
    )
    assert [part.split() for part in text] == [["written", "echoed"], ["shouted"]]


@pytest.mark.skipif(os.getuid() != 0, reason="only root can be another user")
def test_another_user_cannot_connect(play):
    code = (
        "import os, socket, sys\n"
        "os.setgid(65534); os.setuid(65534)\n"
        "try: socket.socket(socket.AF_UNIX).connect(sys.argv[1])\n"
        "except PermissionError: print('refused')\n"
    )

    async def test(started, connect):
        page = connect()
        await page.answer(page.run("1"))
        sockets = [p for p in started.link.file.parent.iterdir() if p.is_socket()]
        assert len(sockets) == 6
        for path in sockets:
            command = [sys.executable, "-c", code, str(path)]
            assert subprocess.check_output(command) == b"refused\n"

    play(test)


def test_the_readers_profile_is_left_alone(run, tmp_path, monkeypatch):
    profile = tmp_path / ".ipython" / "profile_default"
    (profile / "startup").mkdir(parents=True)
    (profile / "startup" / "x.py").write_text("startup = True")
    (profile / "ipython_config.py").write_text(
        "c.InteractiveShell.ast_node_interactivity = 'all'"
    )
    (tmp_path / "always.py").write_text("startup = True")
    before = sorted(tmp_path.rglob("*"))
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path / ".ipython"))
    monkeypatch.setenv("PYTHONSTARTUP", str(tmp_path / "always.py"))
    text = run("print('startup' in globals(), get_ipython().ast_node_interactivity)")
    assert text == "False last_expr\n"
    assert sorted(tmp_path.rglob("*")) == before


def test_a_figure_is_shown(play):
    async def test(started, connect):
        page = connect()
        code = "import matplotlib.pyplot as plt\nplt.plot([1, 2]);"
        for request in (page.run(code), page.run("%matplotlib inline\n" + code)):
            await page.answer(request)
            (figure,) = page.find("display_data", request)
            assert "image/png" in figure["content"]["data"]

    play(test)


def test_files_beside_the_page_do_not_replace_the_library(play, tmp_path):
    for name in ("random", "queue", "zmq"):
        (tmp_path / f"{name}.py").write_text("raise SystemExit('shadowed')")
    (tmp_path / "ours.py").write_text("name = 'ours'")

    async def test(started, connect):
        page = connect()
        request = page.run("import ours, queue; print(ours.name)")
        await page.answer(request)
        assert page.text(request) == "ours\n"

    play(test)


# Input


def test_breakpoint_asks_in_the_page(play):
    async def test(started, connect):
        page = connect()
        request = page.run("def f():\n    y = 41\n    breakpoint()\n    return y\nf()")
        for command in ("p y + 1", "c"):
            asked = len(page.find("input_request", request)) + 1
            await page.until(
                lambda asked=asked: (
                    len(page.find("input_request", request)) == asked
                    or page.find("execute_reply", request)
                )
            )
            assert page.find("input_request", request), "breakpoint() was skipped"
            page.ask("input_reply", {"value": command, "status": "ok"}, "stdin")
        assert (await page.answer(request))["status"] == "ok"
        assert "42" in page.text(request)
        (result,) = page.find("execute_result", request)
        assert result["content"]["data"]["text/plain"] == "41"

    play(test)


def test_breakpoints_can_be_switched_off(run, monkeypatch):
    monkeypatch.setenv("PYTHONBREAKPOINT", "0")
    assert run("breakpoint()\nprint('not asked')") == "not asked\n"


# Threads

THREADS = {
    "thread": "threading.Thread(target=work).start()",
    "subclass": "T = type('T', (threading.Thread,), {'run': lambda self: work()})\n"
    "T().start()",
    "timer": "threading.Timer(0.01, work).start()",
    "nested": "threading.Thread(target=lambda:\n"
    "    threading.Thread(target=work).start()).start()",
    "pool": "pool = concurrent.futures.ThreadPoolExecutor(); pool.submit(work)",
    "old pool": "old.submit(work)",
    "task": "async def wait():\n"
    "    while not go.is_set(): await asyncio.sleep(0.01)\n"
    "    work()\n"
    "task = asyncio.ensure_future(wait())",
    "to_thread": "task = asyncio.ensure_future(asyncio.to_thread(work))",
}
PREPARE = """
import asyncio, concurrent.futures, sys, threading
go, done = threading.Event(), threading.Event()
old = concurrent.futures.ThreadPoolExecutor(1)
old.submit(int).result()
def work():
    go.wait(20)
    print('printed')
    print('warned', file=sys.stderr)
    display('shown')
    done.set()
"""


@pytest.mark.parametrize("how", THREADS)
def test_what_a_thread_prints_later_belongs_to_its_cell(play, how):
    async def test(started, connect):
        page = connect()
        await page.answer(page.run(PREPARE))
        first = page.run(THREADS[how])
        await page.answer(first)
        second = page.run(
            "go.set(); print('second')\n"
            "while not done.is_set(): await asyncio.sleep(0.01)"
        )
        await page.answer(second)
        await page.until(lambda: page.find("display_data") and "warned" in page.text())
        assert page.text(second) == "second\n"
        assert sorted(page.text(first).split()) == ["printed", "warned"]
        assert len(page.find("display_data", first)) == 1

    play(test)


def test_a_thread_leaves_other_context_variables_alone(run):
    text = run(
        "import contextvars, threading\n"
        "one = contextvars.ContextVar('one'); one.set(1)\n"
        "thread = threading.Thread(target=lambda: print(one.get('unset')))\n"
        "thread.start(); thread.join()"
    )
    assert text == "unset\n"


# Floods

FLOODS = {
    "short lines": "while True: print('OK')",
    "long lines": "while True: print('x' * 10**6)",
    "one string": "print('x' * 10**8)",
    "no newline": "while True: print('x', end='')",
    "clear_output": "from itertools import count\n"
    "from IPython.display import clear_output\n"
    "for i in count(): clear_output(wait=True); print(i)",
    "display": "while True: display(1)",
    "pictures": "from IPython.display import HTML\n"
    "while True: display(HTML('x' * 10**6))",
    "progress": "from itertools import count\n"
    "for i in count(): print(f'\\r{i}', end='', flush=True)",
    "threads": "import threading\n"
    "on = True\n"
    "def work():\n"
    "    while on: print('thread')\n"
    "for _ in range(4): threading.Thread(target=work).start()\n"
    "try:\n"
    "    while True: print('main')\n"
    "finally: on = False",
    "command": "import subprocess; subprocess.run(['yes'])",
}


BIG = "display({'text/html': 'x' * 10**6}, raw=True)"


@pytest.mark.parametrize("flood", FLOODS)
def test_a_flood_can_be_stopped_and_is_paced(loop, kernels, flood):
    async def test():
        started = kernels.start()
        page = Counting()
        loop.spawn(started.serve(page, "one"))
        await page.answer(page.run("1"))
        before = memory(started.process.pid)
        request = page.run(FLOODS[flood])
        await page.until(lambda: page.bytes > 200_000)
        began, first = time.monotonic(), page.bytes
        await sleep(1)
        rate = (page.bytes - first) / (time.monotonic() - began)
        most = memory(started.process.pid)
        started.interrupt()
        reply = await page.answer(request)
        assert reply.get("ename") == "KeyboardInterrupt"
        await page.answer(page.run("2"))
        # A picture's byte costs an eighth, and a second's worth may come at once.
        assert rate < (20e6 if flood == "pictures" else 3e6)
        assert most - before < (120 << 10 if flood == "one string" else 30 << 10)

    loop.run(test())


def test_a_pace_is_kept_after_a_second_of_grace(monkeypatch):
    now = 100.0

    def pass_time(seconds):
        nonlocal now
        now += seconds

    monkeypatch.setattr(publishing, "time", clock := SimpleNamespace())
    clock.monotonic, clock.sleep = lambda: now, pass_time
    pace = publishing.Pace(1000)
    for _ in range(50):
        pace.wait(100)
    assert now == pytest.approx(104)
    now += 60  # what was not used is not saved up
    for _ in range(50):
        pace.wait(100)
    assert now == pytest.approx(168)


@pytest.mark.parametrize(
    "output",
    [
        "print('x' * 4000)",
        "for i in range(10): print(i, flush=True)",
        "for i in range(10): display(i)",
        BIG.replace("10**6", "32_000"),
    ],
)
def test_what_costs_is_paced(run, output):
    text = run(
        "import sys, time\nsys.stdout.pub_thread.pace.rate = 1000",
        f"began = time.monotonic()\n{output}\ntook = time.monotonic() - began",
        "print(took)",
    )[2]
    assert float(text) > 2.5


def test_what_ends_by_itself_loses_nothing(run):
    text = run("for i in range(30_000): print(i, 'x' * 60)")
    assert [int(line.split()[0]) for line in text.splitlines()] == [*range(30_000)]


def test_printed_text_is_not_kept(run):
    text = run(
        "import psutil, contextlib, io\n"
        "size = lambda: psutil.Process().memory_info().rss\n"
        "before = size()\n"
        "for i in range(3000): print('x' * 1000)\n",
        "print((size() - before) >> 20, dict(get_ipython().history_manager.outputs))",
    )[1]
    grown, kept = text.split(" ", 1)
    assert kept == "{}\n"
    assert int(grown) < 8


@soak
@pytest.mark.timeout(900)  # five minutes, on any machine
@pytest.mark.parametrize("flood", FLOODS)
def test_memory_levels_off(loop, kernels, flood):
    async def test():
        started = kernels.start()
        page = Counting()
        loop.spawn(started.serve(page, "one"))
        page.run(FLOODS[flood])
        await sleep(60)
        early = memory(started.process.pid)
        await sleep(240)
        assert memory(started.process.pid) - early < 4 << 10

    loop.run(test())


def memory(pid):
    """The resident memory of a process, in KiB."""
    return psutil.Process(pid).memory_info().rss >> 10


# A server in a process of its own, for tests that stop or kill it

SERVE = """
import json, os, sys
from pathlib import Path
from dustdevil.loop import Loop
from dustdevil.loop import READ
from support.kernels import Counting
from workshop.livebook.kernels import Kernels

loop = Loop()
kernel = Kernels(loop, Path.cwd()).start()
page = Counting()
loop.spawn(kernel.serve(page, "one"))

def say(**facts):
    print(json.dumps(facts), flush=True)

async def do(code):
    request = page.run(code)
    await page.answer(request)
    say(text=page.text(request))

def on_command(events):
    for line in os.read(0, 65536).splitlines():
        code = json.loads(line)
        kernel.interrupt() if code is None else loop.spawn(do(code))

loop.watch(0, READ, on_command)
say(kernel=kernel.process.pid)
loop.run_forever()
"""


class Server:
    """A process with one kernel, which keeps its folders in `temporary`."""

    def __init__(self, temporary):
        path = os.pathsep.join(sys.path)
        self.process = subprocess.Popen(
            [sys.executable, "-c", SERVE],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=os.environ | {"TMPDIR": str(temporary), "PYTHONPATH": path},
            text=True,
        )
        self.kernel = self.listen()["kernel"]

    def listen(self):
        return json.loads(self.process.stdout.readline())

    def say(self, command):
        print(json.dumps(command), file=self.process.stdin, flush=True)

    def interrupt(self):
        self.say(None)

    def do(self, code):
        """Run a cell to its end; what it printed."""
        self.say(code)
        return self.listen()["text"]

    def kill(self):
        self.process.kill()
        self.process.communicate()


@pytest.fixture
def short():
    """A temporary folder with a short name: sockets will be in it."""
    folder = Path(tempfile.mkdtemp(prefix="dd"))
    yield folder
    shutil.rmtree(folder)


@pytest.fixture
def server(short):
    server = Server(short)
    yield server
    server.kill()
    with suppress(ProcessLookupError):
        os.killpg(server.kernel, signal.SIGKILL)


@pytest.mark.parametrize(
    "output",
    [
        "print('x' * 1000)",
        "print(1, flush=True)",
        "display(1)",
        BIG,
        "channel.send('x')",  # what a widget does
        "channel.send('x' * 10**6)",
    ],
)
def test_while_the_server_stands_still_the_cell_waits(server, output, tmp_path):
    server.do("import comm; channel = comm.create_comm(target_name='test')")
    file = tmp_path / "turns"
    server.do(f"turns = open('{file}', 'ab', 0)")
    before = memory(server.kernel)
    server.say(f"while True: {output}; turns.write(b'.')")
    until(lambda: file.stat().st_size > 1)
    server.process.send_signal(signal.SIGSTOP)
    until_it_stays(file)
    assert memory(server.kernel) - before < 50 << 10
    server.process.send_signal(signal.SIGCONT)
    server.interrupt()
    server.listen()
    assert server.do("print(6 * 7)") == "42\n"


def until_it_stays(file):
    """Wait until a cell does not write into the file any more."""
    deadline, size = time.monotonic() + 30, None
    while size != (size := file.stat().st_size):
        assert time.monotonic() < deadline, "it does not wait"
        time.sleep(2)


# What is left of a server that was killed


@pytest.fixture
def temporary(short, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(short))
    return short


def test_the_next_server_sweeps_up_after_a_killed_one(server, temporary):
    start = "import subprocess; print(subprocess.Popen(['sleep', '600']).pid)"
    child = int(server.do(start))
    server.kill()
    until(lambda: has_ended(server.kernel))  # by itself: it watches its parent
    (left,) = [path for path in temporary.glob("dustdevil-*/*") if path.is_dir()]
    assert not has_ended(child)
    homes = Homes()
    assert not left.exists()
    until(lambda: has_ended(child))
    homes.close()


def test_a_kernel_that_hangs_is_swept_up_too(server, temporary):
    server.do("print(1)")
    os.kill(server.kernel, signal.SIGSTOP)
    server.kill()
    Homes().close()
    until(lambda: has_ended(server.kernel))


def test_what_a_living_server_uses_is_left_alone(server, temporary):
    Homes().close()
    assert server.do("print(6 * 7)") == "42\n"


def test_another_process_of_the_same_number_is_left_alone(temporary):
    first = Homes()
    innocent = subprocess.Popen(["sleep", "600"], start_new_session=True)
    first.note_group(first.make(), innocent.pid)
    os.close(first._lock)  # as the system does when a process is killed
    Homes().close()
    assert not first.folder.exists()
    assert innocent.poll() is None
    innocent.kill()
    innocent.wait()


def test_a_closed_server_leaves_nothing(temporary):
    homes = Homes()
    homes.make()
    homes.close()
    homes.close()
    (base,) = temporary.iterdir()
    assert [path.name for path in base.iterdir()] == ["lock"]
    assert base.stat().st_mode & 0o077 == 0


def trap_open(folder):
    folder.mkdir(mode=0o777)
    folder.chmod(0o777)


def trap_link(folder):
    (folder.parent / "elsewhere").mkdir(mode=0o700)
    folder.symlink_to(folder.parent / "elsewhere")


def trap_file(folder):
    folder.touch()


@pytest.mark.parametrize("trap", [trap_open, trap_link, trap_file])
def test_a_folder_that_others_could_have_made_is_not_used(temporary, trap):
    place = temporary / f"dustdevil-{os.getuid()}"
    trap(place)
    homes = Homes()
    assert not homes.folder.is_relative_to(place)
    assert homes.folder.parent.stat().st_mode & 0o077 == 0
    homes.close()


def until(condition):
    deadline = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)
