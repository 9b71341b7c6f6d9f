"""Several processes behind one port: crashes, reloads and the end, under load."""

import os
import queue
import re
import resource
import select
import signal
import socket
import subprocess
import sys
import threading
from contextlib import closing, contextmanager, suppress

import pytest

from dustdevil.processes.prefork import close_all, in_words, listen_for_all

PATIENCE = 20  # seconds until a test gives up on something that must come

APP = """
import os, signal, sys
from dustdevil import Application, sleep
from dustdevil.web import Monitor

VERSION = 1
app = Application()
monitor = Monitor()
app.get("/metrics")(monitor.page)

@app.get("/")
async def who(request):
    return f"{os.getpid()} {VERSION}"

@app.get("/slow")
async def slow(request):
    print("slow begins", flush=True)
    await sleep(float(request.query["for"]))
    return "done"

@app.get("/die")
async def die(request):
    os.kill(os.getpid(), signal.SIGKILL)

@app.get("/cores")
async def cores(request):
    return " ".join(map(str, sorted(os.sched_getaffinity(0))))

@app.get("/hang")
def hang(request):
    print("hanging", flush=True)
    signal.pause()
    import time
    time.sleep(3600)
"""

MAIN = """
import importlib, sys
from dustdevil.processes import prefork

sys.path.insert(0, "")
sys.dont_write_bytecode = True

def load():
    return importlib.import_module("some_app").app

settings = eval(sys.argv[1])
try:
    prefork.serve(load, port=0, **settings)
except Exception as error:
    print(f"{type(error).__name__}: {error}", flush=True)
    sys.exit(3)
"""


class Site:
    """A master with its workers, as processes; what they say comes line by line."""

    def __init__(self, folder, **settings):
        self.folder = folder
        self.lines = queue.Queue()
        self.seen = []
        self.process = subprocess.Popen(
            [sys.executable, "-c", MAIN, repr(settings)],
            cwd=folder,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self.reader = threading.Thread(target=self._read)
        self.reader.start()

    def _read(self):
        for line in self.process.stdout:
            self.lines.put(line)
        self.lines.put(None)

    def wait_for(self, words):
        """Wait for a line with these words, and return it."""
        while (line := self.lines.get(timeout=PATIENCE)) is not None:
            self.seen.append(line)
            if re.search(words, line):
                return line
        raise AssertionError(f"no {words!r} in {''.join(self.seen)}")

    def serving(self):
        line = self.wait_for("Serving on")
        self.port = int(re.search(r":(\d+)/", line)[1])
        return self

    def signal(self, number):
        self.process.send_signal(number)

    def workers(self, count=2):
        """The numbers of the processes that answer, when `count` of them have."""
        found = set()
        while len(found) < count:
            found.add(int(self.get("/").split()[0]))
        return found

    def get(self, path):
        with Client(self.port) as client:
            return client.get(path)

    def end(self):
        """Wait for its end; return its exit status, and see that no worker is left."""
        status = self.process.wait(PATIENCE)
        self.reader.join(PATIENCE)  # the pipe is closed: no worker is left
        assert not self.reader.is_alive()
        return status

    def close(self):
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(PATIENCE)
            except subprocess.TimeoutExpired:
                self.process.kill()
        self.end()
        self.process.stdout.close()


class Client:
    """One connection, kept as long as the server says so."""

    def __init__(self, port):
        self.sock = socket.create_connection(("127.0.0.1", port), PATIENCE)
        self.kept = True

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.sock.close()

    def send(self, path):
        self.sock.sendall(f"GET {path} HTTP/1.1\r\nHost: a\r\n\r\n".encode())

    def receive(self):
        """The body of one answer; ConnectionError if it does not come whole."""
        data = b""
        while b"\r\n\r\n" not in data:
            data += self._more()
        head, _, body = data.partition(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 200 "), head
        self.kept = b"connection: close" not in head.lower()
        length = int(re.search(rb"(?i)content-length: (\d+)", head)[1])
        while len(body) < length:
            body += self._more()
        return body.decode()

    def _more(self):
        data = self.sock.recv(65536)
        if not data:
            raise ConnectionError("the connection ended")
        return data

    def get(self, path):
        self.send(path)
        return self.receive()


class Load(threading.Thread):
    """Asks again and again, until it is told to stop or the port is closed.

    A connection that is refused is no failed request: it was never made.
    """

    MOST = 20_000  # requests, should nobody tell it to stop

    def __init__(self, port, kept):
        super().__init__()
        self.port, self.kept = port, kept
        self.enough = threading.Event()
        self.begun = threading.Event()
        self.answers = []
        self.failures = []

    def run(self):
        client = None
        while len(self.answers) < self.MOST and not self.enough.is_set():
            try:
                if client is None:
                    client = Client(self.port)
            except OSError:
                return
            try:
                self.answers.append(client.get("/"))
                self.begun.set()
            except OSError as error:
                self.failures.append(repr(error))
                client.kept = False
            if not (client.kept and self.kept):
                client.sock.close()
                client = None
        if client is not None:
            client.sock.close()


@contextmanager
def load(port, kept=4, fresh=4):
    """A steady load; yields its threads, all of which have had an answer."""
    threads = [Load(port, kept=True) for _ in range(kept)]
    threads += [Load(port, kept=False) for _ in range(fresh)]
    for thread in threads:
        thread.start()
    try:
        for thread in threads:
            assert thread.begun.wait(PATIENCE)
        yield threads
    finally:
        for thread in threads:
            thread.enough.set()
        for thread in threads:
            thread.join(PATIENCE)
    assert not any(thread.is_alive() for thread in threads)


def more_answers(threads, count=20):
    """Wait until every thread has had so many answers more."""
    marks = [(thread, len(thread.answers) + count) for thread in threads]
    for thread, mark in marks:
        while len(thread.answers) < mark and thread.is_alive():
            thread.join(0.005)


def wait_until_refused(port):
    with suppress(ConnectionRefusedError):
        while True:
            Client(port).sock.close()


def failures(threads):
    return [failure for thread in threads for failure in thread.failures]


@pytest.fixture
def site(tmp_path):
    """Start sites: `site(**settings)`."""
    sites = []
    (tmp_path / "some_app.py").write_text(APP)

    def start(**settings):
        sites.append(Site(tmp_path, **settings))
        return sites[-1]

    yield start
    for one in sites:
        one.close()


# Sockets


def test_every_worker_has_sockets_of_its_own_on_one_port():
    groups = listen_for_all("127.0.0.1", 0, 3)
    socks = [sock for [sock] in groups]
    try:
        assert len({sock.getsockname() for sock in socks}) == 1
        assert len({sock.fileno() for sock in socks}) == 3
        port = socks[0].getsockname()[1]
        clients = [socket.create_connection(("127.0.0.1", port)) for _ in range(64)]
        readable, _, _ = select.select(socks, [], [], 0)
        assert readable == socks  # all of them have connections in their queues
        for client in clients:
            client.close()
        # Nobody else gets a share by accident.
        with pytest.raises(OSError, match="in use"):
            listen_for_all("127.0.0.1", port, 1)
    finally:
        close_all(groups)


def test_without_the_option_all_share_one(monkeypatch):
    monkeypatch.setattr(sys, "platform", "darwin")
    groups = listen_for_all("127.0.0.1", 0, 3)
    close_all(groups)
    assert len({id(sock) for group in groups for sock in group}) == 1


def test_one_listener_for_all_serves_too(site, tmp_path):
    (tmp_path / "sitecustomize.py").write_text("import sys; sys.platform = 'darwin'")
    (tmp_path / "some_app.py").write_text("import sys; sys.platform = 'linux'\n" + APP)
    one = site(workers=2)
    one.serving()
    assert one.workers(1)
    one.signal(signal.SIGTERM)
    assert one.end() == 0


def test_ends_in_words():
    assert in_words(0x0300) == "ended with exit status 3"
    assert in_words(9) == "was killed by SIGKILL"
    assert in_words(63) == "was killed by signal 63"


# Workers


def test_workers_serve_each_on_a_core(site):
    cores = sorted(os.sched_getaffinity(0))
    one = site(workers=len(cores), pin=True).serving()
    found = set()
    while len(found) < len(cores):
        found.add(one.get("/cores"))
    assert found == set(map(str, cores))


def test_a_worker_killed_under_load_loses_its_own_requests_only(site):
    one = site(workers=2).serving()
    victim, other = sorted(one.workers())
    with load(one.port) as threads, Client(one.port) as waiting:
        while int(waiting.get("/").split()[0]) != other:
            waiting.sock.close()
            waiting.__init__(one.port)
        waiting.send("/slow?for=0.5")
        one.wait_for("slow begins")
        os.kill(victim, signal.SIGKILL)
        one.wait_for(f"worker {victim} was killed by SIGKILL; another one starts")
        assert waiting.receive() == "done"
        # A connection had one request in flight at most.
        assert len(failures(threads)) <= len(threads)
        victims_successor = one.workers(2) - {other}
        assert victim not in victims_successor
        before = failures(threads)
        more_answers(threads)
        assert failures(threads) == before


def test_a_reload_under_load_loses_no_request(site):
    one = site(workers=2).serving()
    old = one.workers()
    with load(one.port) as threads:
        text = APP.replace("VERSION = 1", "VERSION = 2")
        (one.folder / "some_app.py").write_text(text)
        one.signal(signal.SIGHUP)
        one.wait_for("Reloaded")
        one.signal(signal.SIGHUP)  # and right away another time
        one.wait_for("Reloaded")
        for thread in threads:
            thread.answers.clear()
        while not all(a.endswith(" 2") for t in threads for a in t.answers[-1:]):
            more_answers(threads, 1)
        more_answers(threads)
    assert failures(threads) == []
    assert not old & one.workers()
    one.signal(signal.SIGTERM)
    assert one.end() == 0


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_the_end_under_load_loses_no_request(site, number):
    one = site(workers=2).serving()
    with load(one.port) as threads:
        one.signal(number)
        assert one.end() == 0
    assert failures(threads) == []


def test_a_signal_to_the_whole_group_is_the_masters_matter(site):
    one = site(workers=2).serving()
    pids = one.workers()
    with Client(one.port) as client:
        client.send("/slow?for=0.2")
        one.wait_for("slow begins")
        for pid in pids:
            os.kill(pid, signal.SIGTERM)
            os.kill(pid, signal.SIGINT)
            os.kill(pid, signal.SIGHUP)
        one.signal(signal.SIGTERM)
        assert client.receive() == "done"
    assert one.end() == 0


def test_a_second_signal_ends_at_once(site):
    one = site(workers=2, grace=3600).serving()
    with Client(one.port) as client:
        client.send("/slow?for=3600")
        one.wait_for("slow begins")
        one.signal(signal.SIGTERM)
        wait_until_refused(one.port)
        one.signal(signal.SIGTERM)
        assert one.end() == 0
        with pytest.raises(ConnectionError):
            client.receive()


def test_what_takes_longer_than_the_grace_is_cut_off(site):
    one = site(workers=2, grace=0.05).serving()
    with Client(one.port) as client, Client(one.port) as hung:
        client.send("/slow?for=3600")
        one.wait_for("slow begins")
        hung.send("/hang")
        one.wait_for("hanging")
        one.signal(signal.SIGTERM)
        one.wait_for("does not end: it is killed")
        assert one.end() == 0


def test_workers_notice_that_the_master_is_gone(site):
    one = site(workers=2).serving()
    with Client(one.port) as client:
        client.send("/slow?for=0.2")
        one.wait_for("slow begins")
        one.process.kill()
        assert client.receive() == "done"
    assert one.end() == -signal.SIGKILL  # and no worker holds its output open


# Metrics


def requests_counted(site):
    return int(
        re.search(r"(?m)^dustdevil_requests_total (\d+)$", site.get("/metrics"))[1]
    )


def test_any_worker_tells_the_metrics_of_all(site):
    one = site(workers=2).serving()
    one.workers()
    asked = requests_counted(one)
    for number in range(1, 21):
        assert requests_counted(one) == asked + number
    one.signal(signal.SIGHUP)
    one.wait_for("Reloaded")
    while requests_counted(one) < asked + 21:
        pass  # an old worker says its last words when it has ended
    counted = requests_counted(one)
    assert requests_counted(one) == counted + 1


def test_what_a_killed_worker_counted_is_kept(site):
    one = site(workers=2).serving()
    for victim in one.workers():
        counted = requests_counted(one)
        os.kill(victim, signal.SIGKILL)
        one.wait_for(f"worker {victim} was killed")
        for number in range(1, 5):
            assert requests_counted(one) == counted + number
        one.workers()


def test_a_worker_that_hangs_keeps_nobody_from_the_metrics(site):
    one = site(workers=2, grace=0.05).serving()
    one.workers()
    with Client(one.port) as hung:
        hung.send("/hang")
        one.wait_for("hanging")
        clients = [Client(one.port) for _ in range(16)]
        for client in clients:
            client.send("/metrics")
        ready, _, _ = select.select([c.sock for c in clients], [], [], PATIENCE)
        client = next(c for c in clients if c.sock in ready)
        assert "dustdevil_requests_total" in client.receive()
        for client in clients:
            client.sock.close()


# What does not start


def test_what_fails_at_import_is_reported_once_and_given_up(site, tmp_path):
    (tmp_path / "some_app.py").write_text("1 / 0")
    one = site(workers=2)
    one.wait_for("NoWorkerError: no worker could be started")
    assert one.end() == 3
    text = "".join(one.seen)
    assert text.count("ZeroDivisionError: division by zero") == 1
    assert 'some_app.py", line 1' in text


def test_a_reload_that_fails_leaves_the_old_workers(site):
    one = site(workers=2).serving()
    old = one.workers()
    (one.folder / "some_app.py").write_text("def broken(:\n")
    one.signal(signal.SIGHUP)
    one.wait_for("the new workers can't start; the old ones go on")
    assert "".join(one.seen).count("SyntaxError") == 1
    assert one.workers() == old


def test_a_crash_loop_pauses_longer_and_longer(site):
    one = site(workers=1).serving()
    pauses = []
    for _ in range(3):
        with Client(one.port) as client:
            client.send("/die")
            line = one.wait_for("another one starts in")
            pauses.append(float(re.search(r"in ([\d.]+) s", line)[1]))
    assert pauses == [0, 0.1, 0.2]
    assert one.workers(1)


def test_out_of_descriptors(site, monkeypatch):
    limits = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (32, limits[1]))
    try:
        one = site(workers=2)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, limits)
    one.serving()
    clients = [Client(one.port) for _ in range(80)]
    one.wait_for("can't accept a connection now: .*Too many open files")
    for client in clients[::2]:
        client.sock.close()
    for client in clients[1::2]:
        with closing(client.sock):
            assert client.get("/")
    one.signal(signal.SIGTERM)
    assert one.end() == 0


def test_a_master_imports_no_web_layer():
    program = "from dustdevil.processes import prefork; import sys;"
    program += "sys.exit('dustdevil.web' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program]).returncode == 0
