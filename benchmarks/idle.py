"""Servers with many connections that ask for nothing: a part of `make bench-scale`.

Each peer serves three times in the same run: one server has all the idle connections,
one a tenth of them, one none. They are asked in turns, in rounds, and the medians
count. Of the first we want to know what memory a connection holds; of the first and
the last, how long requests take on *other* connections; and of all three, what it
costs to accept one more.
"""

import random
import socket
from contextlib import ExitStack
from pathlib import Path
from statistics import median

from load import REQUEST, Measured, answer_size, ask
from machine import Failed, Server
from peers import NGINX, PURE, Peer, module, ours, program

VISITS = 500  # connections accepted in a round
# A port at our end is free again a minute after its connection was closed, and from one
# address there are 28,000 of them to one port of a server.
SOURCES = [f"127.0.0.{last}" for last in range(2, 10)]
IP_BIND_ADDRESS_NO_PORT = 24  # choose the port in connect(), ip(7)

# The same application as in bench.py; nobody may be let go for being idle.
PATIENT = "--idle-timeout", "3600", "--max-connections", "1000000"
UVICORN = "--timeout-keep-alive", "3600", "--no-access-log", "--log-level", "warning"
PEERS = [
    Peer("nginx", NGINX, ["nginx"]),
    Peer("ours", ours("hello_dustdevil:app", *PATIENT), env=PURE),
    Peer(
        "ours + C",
        ours("hello_dustdevil:app", *PATIENT),
        ["dustdevil.speedups._speedups"],
    ),
    Peer(
        "uvicorn uvloop",
        module("uvicorn", "hello_asgi:app", "--port", "PORT", *UVICORN),
        ["uvicorn", "uvloop", "httptools"],
    ),
    Peer("aiohttp", program("hello_aiohttp"), ["aiohttp"]),
    Peer("tornado", program("hello_tornado"), ["tornado"]),
]


class Crowd:
    """A server, and connections to it that asked once, were answered, and stay."""

    def __init__(self, server: Server):
        self.server = server
        self.socks: list[socket.socket] = []
        self._size = answer_size(server)

    def open_one(self) -> socket.socket:
        """A connection that was answered."""
        sock = socket.socket()
        sock.settimeout(20)
        sock.setsockopt(socket.SOL_IP, IP_BIND_ADDRESS_NO_PORT, 1)
        sock.bind((random.choice(SOURCES), 0))
        sock.connect(("127.0.0.1", self.server.port))
        sock.sendall(REQUEST)
        left = self._size
        while left:
            received = len(sock.recv(left))
            if not received:
                raise Failed(f"{self.server.peer.name} hung up on a new connection")
            left -= received
        return sock

    def grow(self, count: int) -> float:
        """Open so many more; the KiB of memory that the server took for each."""
        before = self.server.resident()
        self.socks += [self.open_one() for _ in range(count)]
        return (self.server.resident() - before) / 1024 / max(count, 1)

    def visit(self, count: int) -> float:
        """Come, ask and go, so many times; the server's CPU microseconds for each."""
        before = self.server.cpu()
        for _ in range(count):
            self.open_one().close()
        return (self.server.cpu() - before) / count * 1e6

    def ask(self, tool: Path, seconds: float, rate: float) -> Measured:
        """Requests at an even rate, on 64 connections more."""
        return ask(self.server, tool, seconds, rate, REQUEST, self._size)

    def check(self) -> None:
        """Raise Failed if the server has closed any."""
        for sock in self.socks:
            sock.setblocking(False)
            try:
                gone = not sock.recv(1)
            except BlockingIOError:
                gone = False
            except ConnectionError:
                gone = True
            if gone:
                raise Failed(f"{self.server.peer.name} let an idle connection go")

    def close(self) -> None:
        """Hang up, all of them."""
        while self.socks:
            self.socks.pop().close()


def sizes(connections: int) -> list[int]:
    """How many are idle at the three servers."""
    return [0, connections // 10, connections]


def measure(
    peer: Peer, tool: Path, connections: int, rounds: int, seconds: float, rate: float
) -> dict:
    """What idle connections cost one peer, and others beside them.

    {"KiB": of one, "p50": {"alone": µs, "beside": µs}, "p99": …, "accept": {size: µs}}
    """
    taken: dict[str, dict[str, list[float]]] = {}

    def note(what: str, where: str, value: float) -> None:
        taken.setdefault(what, {}).setdefault(where, []).append(value)

    visits = min(VISITS, connections)
    with ExitStack() as stack:
        crowds = {}
        for size in sizes(connections):
            crowd = Crowd(stack.enter_context(Server(peer)))
            stack.callback(crowd.close)
            crowd.visit(visits)  # what is made once is made now
            each = crowd.grow(size)
            crowds[str(size)] = crowd
        ends = {"alone": crowds["0"], "beside": crowds[str(connections)]}
        for turn in range(rounds):
            print(f"  round {turn + 1} of {rounds}", flush=True)
            for where, crowd in in_turn(ends, turn):
                found = crowd.ask(tool, seconds, rate)
                note("p50", where, found.p50)
                note("p99", where, found.p99)
            for where, crowd in in_turn(crowds, turn):
                note("accept", where, crowd.visit(visits))
        for crowd in crowds.values():
            crowd.check()
    medians = {
        what: {where: round(median(values), 1) for where, values in of.items()}
        for what, of in taken.items()
    }
    return {"KiB": round(each, 2), **medians}


def in_turn(crowds: dict[str, Crowd], turn: int) -> list[tuple[str, Crowd]]:
    """Forwards in one round and backwards in the next: nobody is always the first."""
    return list(crowds.items())[:: -1 if turn % 2 else 1]
