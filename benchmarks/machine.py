"""Servers and the machine they run on: start, stop, and read the processor's clock."""

import importlib.metadata
import os
import platform
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path

from peers import APPS, BUILD, SOURCE, Peer

SERVER_CORE, CLIENT_CORE = 0, (os.cpu_count() or 1) - 1
PATIENCE = 20  # seconds for a server to come up, or to go


class Failed(Exception):
    """A program of the benchmark did not do its part; the message says which."""


def compile_c(source: Path, name: str) -> Path:
    """Compile one C file into build/; Failed where there is no compiler."""
    BUILD.mkdir(exist_ok=True)
    target = BUILD / name
    compiler = shutil.which("cc") or shutil.which("gcc")
    if compiler is None:
        raise Failed("no C compiler: install gcc, for the load generator")
    subprocess.run([compiler, "-O2", "-Wall", "-o", target, source], check=True)
    return target


def need(program: str, package: str) -> str:
    """The path of a program; Failed with the name of its Debian package."""
    path = shutil.which(program)
    if path is None:
        raise Failed(f"no {program}: install it (Debian: apt install {package})")
    return path


def pinned(core: int):
    """For subprocess: run on that core only, in a process group of its own."""

    def prepare() -> None:
        os.setsid()
        os.sched_setaffinity(0, {core})

    return prepare


class Server:
    """A peer that runs, on the server's core."""

    def __init__(self, peer: Peer):
        self.peer = peer
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        if peer.command[0] == "nginx":
            text = (APPS / "nginx.conf").read_text()
            text = text.replace("PORT", str(self.port)).replace("PREFIX", str(BUILD))
            (BUILD / f"nginx-{self.port}.conf").write_text(text)
        command = [part.replace("PORT", str(self.port)) for part in peer.command]
        self.log = BUILD / f"{peer.name.replace(' ', '-')}.log"
        with self.log.open("w") as log:
            self.process = subprocess.Popen(
                command,
                cwd=BUILD if peer.command[0] == "nginx" else APPS,
                env={**os.environ, "PYTHONPATH": f"{SOURCE}:{APPS}", **peer.env},
                stdout=log,
                stderr=log,
                preexec_fn=pinned(SERVER_CORE),
            )
        try:
            self._wait_until_up()
        except BaseException:
            self.stop()
            raise

    def __enter__(self) -> "Server":
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def _wait_until_up(self) -> None:
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline and self.process.poll() is None:
            with socket.socket() as probe:
                if not probe.connect_ex(("127.0.0.1", self.port)):
                    return
            time.sleep(0.05)
        raise Failed(f"{self.peer.name} does not come up:\n{self.log.read_text()}")

    def cpu(self) -> float:
        """Seconds of processor time, user and system, of all its processes so far."""
        return sum(cpu_seconds(pid) for pid in family(self.process.pid))

    def resident(self) -> int:
        """Bytes of memory that all its processes hold, by statm."""
        page = os.sysconf("SC_PAGE_SIZE")
        statms = (Path(f"/proc/{pid}/statm") for pid in family(self.process.pid))
        return sum(int(statm.read_text().split()[1]) for statm in statms) * page

    def stop(self) -> None:
        """End it, and wait; what does not end by itself is killed."""
        for number in signal.SIGTERM, signal.SIGKILL:
            try:
                os.killpg(self.process.pid, number)
                self.process.wait(PATIENCE if number == signal.SIGKILL else 3)
            except (ProcessLookupError, subprocess.TimeoutExpired):
                continue


def family(pid: int) -> list[int]:
    """A process and all that come from it."""
    found = [pid]
    for parent in found:
        for task in Path(f"/proc/{parent}/task").glob("*/children"):
            found += map(int, task.read_text().split())
    return found


def cpu_seconds(pid: int) -> float:
    """User and system time of a process.

    Of its own clock, clock_getcpuclockid(3), which counts nanoseconds: what proc(5)
    tells comes in hundredths of a second.
    """
    return time.clock_gettime((~pid << 3) | 2)


@contextmanager
def running(peers: list[Peer]):
    """Servers of these peers, by name; at the end all of them are stopped."""
    servers: dict[str, Server] = {}
    try:
        for peer in peers:
            lacking = peer.missing()
            if lacking:
                print(f"  without {peer.name}: {', '.join(lacking)} is not here")
                continue
            try:
                servers[peer.name] = Server(peer)
            except Failed as error:
                print(f"  without {peer.name}: {error}")
        yield servers
    finally:
        for server in servers.values():
            server.stop()


def about() -> dict[str, str]:
    """The machine and the versions of all that takes part."""
    cpu = re.search(r"model name\s*: (.*)", Path("/proc/cpuinfo").read_text())
    names = "tornado aiohttp uvicorn uvloop httptools h11 granian waitress gunicorn"
    found = {
        "cores": str(os.cpu_count()),
        "processor": cpu[1] if cpu else platform.machine(),
        "kernel": platform.release(),
        "python": sys.version.split()[0],
        # Above 2 others were at work too, and only ratios within a table say much.
        "load average": f"{os.getloadavg()[1]:.1f}",
    }
    for name in [*names.split(), "gevent", "bjoern", "websockets"]:
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    if nginx := shutil.which("nginx"):
        done = subprocess.run([nginx, "-v"], capture_output=True, text=True)
        found["nginx"] = done.stderr.strip().rpartition("/")[2]
    return found
