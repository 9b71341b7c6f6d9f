"""Two ways to look up a name while the loop goes on.

`Ares` asks the name servers, through the optional package `pycares`, with sockets
that our loop watches. `Threads` calls getaddrinfo(3) in a few threads, and lets those
wait. Both have `ask(host, family, reply)` and `close()`.
"""

import socket
from collections.abc import Callable
from importlib import import_module
from typing import Any, NamedTuple

from dustdevil.coroutine import Future
from dustdevil.loop.eventloop import Loop, Timer
from dustdevil.loop.poller import READ, WRITE
from dustdevil.threads.pool import ThreadPool

try:
    pycares: Any = import_module("pycares")
except ImportError:
    pycares = None

NEGATIVE_TTL = 5.0  # seconds to remember that there is no such name
SYSTEM_TTL = 30.0  # seconds to remember what the system said: it tells no TTL


class Answer(NamedTuple):
    """What was found for a name, to be kept for `ttl` seconds; or why nothing was."""

    found: list[tuple[int, str]]
    ttl: float
    error: tuple[int, str] | None = None


Reply = Callable[[Answer], None]


class Ares:
    """Asks name servers through c-ares, which knows the protocol, RFC 1035.

    c-ares opens the sockets and says which it wants to have watched; it reads and
    writes when it is told that they are ready, and resends when its time has come.
    """

    def __init__(self, loop: Loop, servers: list[str], timeout: float, tries: int):
        self._loop = loop
        self._watched: set[int] = set()
        self._waiting = 0
        self._timer: Timer | None = None
        self._channel = pycares.Channel(
            servers=servers, timeout=timeout, tries=tries, sock_state_cb=self._watch
        )

    def ask(self, host: str, family: int, reply: Reply) -> None:
        """Call `reply(answer)` when there is one, now or in a later turn."""

        def on_result(result: Any, status: int | None) -> None:
            self._waiting -= 1
            reply(ares_answer(result, status))

        self._waiting += 1
        self._channel.getaddrinfo(
            host, None, family=family, type=socket.SOCK_STREAM, callback=on_result
        )
        self._wind()

    def _watch(self, fd: int, readable: bool, writable: bool) -> None:
        events = (READ if readable else 0) | (WRITE if writable else 0)
        if fd in self._watched and events:
            self._loop.rewatch(fd, events)
        elif fd in self._watched:
            self._watched.discard(fd)
            self._loop.unwatch(fd)
        elif events and self._channel:
            self._watched.add(fd)
            self._loop.watch(fd, events, lambda ready: self._on_ready(fd, ready))

    def _on_ready(self, fd: int, events: int) -> None:
        none = pycares.ARES_SOCKET_BAD
        # A hang-up or an error shows itself in what reading returns.
        self._channel.process_fd(
            fd if events & ~WRITE else none, fd if events & WRITE else none
        )
        self._wind()

    def _on_time(self) -> None:
        self._channel.process_fd(pycares.ARES_SOCKET_BAD, pycares.ARES_SOCKET_BAD)
        self._wind()

    def _wind(self) -> None:
        """Set the timer to when c-ares wants to resend, or give up."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._waiting:
            patience = self._channel.timeout(1.0)  # at most that, in seconds
            self._timer = self._loop.call_later(patience, self._on_time)

    def close(self) -> None:
        """Give up what was asked, and the sockets."""
        if self._channel is None:
            return
        self._channel.cancel()
        self._wind()
        for fd in list(self._watched):
            self._watch(fd, False, False)
        # Its sockets are closed in a thread: by then we must not watch them.
        channel, self._channel = self._channel, None
        channel.close()


def ares_answer(result: Any, status: int | None) -> Answer:
    """c-ares' result as an Answer. An empty one, too, means that there is none."""
    errors = pycares.errno
    if status is None and result.nodes:
        found = [(node.family, node.addr[0].decode()) for node in result.nodes]
        return Answer(found, min(node.ttl for node in result.nodes))
    if status in (None, errors.ARES_ENOTFOUND, errors.ARES_ENODATA):
        why = socket.EAI_NONAME, "there is no such name, or it has no address"
        return Answer([], NEGATIVE_TTL, why)
    return Answer([], 0, (socket.EAI_AGAIN, errors.strerror(status)))


class Threads:
    """Waits in getaddrinfo(3), in a few threads: the loop goes on meanwhile."""

    # Names looked up at the same time. The threads are the resolver's own: if they
    # all wait for a dead name server, those of others are still free.
    WORKERS = 4

    def __init__(self, loop: Loop) -> None:
        self._pool = ThreadPool(self.WORKERS, loop=loop)

    def ask(self, host: str, family: int, reply: Reply) -> None:
        """Call `reply(answer)`, in the loop's thread, when there is one."""

        def on_answer(future: Future) -> None:
            if not future.cancelled():  # by close(), that is
                reply(future.result())

        self._pool.call(system_answer, host, family).add_done_callback(on_answer)

    def close(self) -> None:
        """Let the threads end; what they still find out is dropped."""
        self._pool.close()


def system_answer(host: str, family: int) -> Answer:
    """What getaddrinfo(3) says; this takes its time."""
    try:
        found = socket.getaddrinfo(host, None, family, socket.SOCK_STREAM)
    except OSError as error:
        lasting = error.errno in (socket.EAI_NONAME, socket.EAI_FAIL)
        why = error.errno or socket.EAI_FAIL, str(error.strerror)
        return Answer([], NEGATIVE_TTL if lasting else 0, why)
    return Answer([(one[0], str(one[4][0])) for one in found], SYSTEM_TTL)


def choose_lookup(
    loop: Loop, servers: list[str], timeout: float, tries: int
) -> Ares | Threads:
    """The better one of what is installed; for `Threads`, the system is in charge."""
    return Ares(loop, servers, timeout, tries) if pycares else Threads(loop)
