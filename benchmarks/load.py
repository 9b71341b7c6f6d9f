"""Load on a server, and what it costs: wrk for HTTP, `ask` for the rest."""

import re
import socket
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

from machine import CLIENT_CORE, Failed, Server, need, pinned

REQUEST = b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"


@dataclass
class Measured:
    """One round: answers a second, and the server's CPU microseconds for each.

    The latencies, where they are taken, are in microseconds.
    """

    rate: float
    cpu: float
    p50: float = 0
    p99: float = 0


def wrk(server: Server, seconds: float, script: Path | None = None) -> Measured:
    """Ask with wrk, over 64 connections that stay open."""
    command = [need("wrk", "wrk"), "-t1", "-c64", f"-d{seconds:g}s"]
    command += ["-s", str(script)] if script else []
    before = server.cpu()
    text = run([*command, f"http://127.0.0.1:{server.port}/"])
    spent = server.cpu() - before
    found = re.search(r"(\d+) requests in ([\d.]+)s", text)
    if found is None or "Non-2xx" in text or "Socket errors" in text:
        raise Failed(f"{server.peer.name}: {text}")
    count = int(found[1])
    return Measured(count / float(found[2]), spent / count * 1e6)


def ask(
    server: Server,
    tool: Path,
    seconds: float,
    rate: float,
    message: bytes,
    answer: int,
    opening: bytes = b"",
) -> Measured:
    """Ask with ask.c, which says what its arguments mean."""
    with tempfile.NamedTemporaryFile() as one, tempfile.NamedTemporaryFile() as other:
        Path(one.name).write_bytes(opening)
        Path(other.name).write_bytes(message)
        how = server.port, 64, seconds, rate, one.name, other.name, answer
        before = server.cpu()
        text = run([str(tool), *map(str, how)])
        spent = server.cpu() - before
    count, took, p50, p99, _ = map(float, text.split())
    return Measured(count / took, spent / count * 1e6, p50, p99)


def run(command: list[str]) -> str:
    """Run a load generator on its core, and return what it prints."""
    done = subprocess.run(
        command, capture_output=True, text=True, preexec_fn=pinned(CLIENT_CORE)
    )
    if done.returncode:
        raise Failed(f"{command[0]}: {done.stderr or done.stdout}")
    return done.stdout


def answer_size(server: Server) -> int:
    """How many bytes a server answers REQUEST with."""
    with socket.create_connection(("127.0.0.1", server.port), 10) as client:
        client.sendall(REQUEST)
        data = b""
        while not data.endswith(b"Hello, world!"):
            data += client.recv(65536) or fail(f"{server.peer.name} answers {data!r}")
    return len(data)


def fail(message: str):
    """Raise, where an expression is wanted."""
    raise Failed(message)
