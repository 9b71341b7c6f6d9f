"""Names into addresses, and connections to names, without stopping the loop.

The system's own look-up, getaddrinfo(3), returns when the answer is there: after a
millisecond, or after ten seconds if a name server is down. No callback of the loop
runs meanwhile. Here the question is put in a way that lets them run, by `lookup`; this
module remembers the answers, and tries one address after the other.

    stream = await connect("example.org", 80)
"""

import socket
import ssl
from collections import deque
from collections.abc import Iterable
from itertools import chain, zip_longest
from typing import Any, NamedTuple

from dustdevil.coroutine import Future, Task
from dustdevil.loop.eventloop import running_loop
from dustdevil.resolver.lookup import Answer, choose_lookup
from dustdevil.stream import tcp
from dustdevil.stream.iostream import Stream
from dustdevil.sync import Queue

ATTEMPT_DELAY = 0.25  # seconds until the next address is tried (RFC 8305, 5)
LONGEST_TTL = 3600.0  # seconds: nothing is believed for longer


async def connect(host: str, port: int, tls: ssl.SSLContext | None = None) -> Stream:
    """Connect to a host by name or number, with the loop's own Resolver.

    Of its addresses, the one that answers first is taken (RFC 8305). Raises
    socket.gaierror, or what the last attempt raised: OSError, of which ssl.SSLError
    is one.
    """
    return await running_loop().shared(Resolver).connect(host, port, tls)


class Address(NamedTuple):
    """One address of a host: `family` is AF_INET or AF_INET6, `host` a number."""

    family: int
    host: str
    port: int


class Resolver:
    """Looks names up and remembers the answers, `cache_size` of them.

    `servers` are name servers as "address" or "address:port", by default the
    system's. Each is given `timeout` seconds, longer with each of its `tries`. Used
    from one loop only; `close()` it before that.
    """

    def __init__(
        self,
        servers: Iterable[str] = (),
        timeout: float = 2.0,
        tries: int = 3,
        cache_size: int = 1000,
    ) -> None:
        self._loop = loop = running_loop()
        self._cache_size = cache_size
        self._cache: dict[tuple[str, int], tuple[float, Answer]] = {}
        self._asked: dict[tuple[str, int], Future] = {}
        self._backend = choose_lookup(loop, list(servers), timeout, tries)

    async def resolve(
        self, host: str, port: int, family: int = socket.AF_UNSPEC
    ) -> list[Address]:
        """The addresses of a host, the best first (RFC 6724).

        Numeric addresses come back as they are, and the names in /etc/hosts need no
        server. Raises socket.gaierror: EAI_NONAME where there is no such name, and
        EAI_AGAIN where nobody could say.
        """
        numeric = numeric_family(host, family)
        if numeric is not None:
            return [Address(numeric, host, port)]
        answer = await self._look_up(to_ascii(host), family)
        if answer.error is not None:
            code, reason = answer.error
            raise socket.gaierror(code, f"can't look up {host!r}: {reason}")
        return [Address(family, found, port) for family, found in answer.found]

    async def _look_up(self, host: str, family: int) -> Answer:
        """From the cache, or by a question; all who wait for it share the answer."""
        key = host, family
        expires, answer = self._cache.get(key, (0.0, None))
        if answer is not None and self._loop.time() < expires:
            return answer
        if key not in self._asked:
            self._asked[key] = Future(self._loop)
            self._backend.ask(host, family, lambda answer: self._keep(key, answer))
            if key not in self._asked:  # answered at once, from a file
                return self._cache[key][1]
        return await self._asked[key]

    def _keep(self, key: tuple[str, int], answer: Answer) -> None:
        self._cache.pop(key, None)
        if len(self._cache) >= self._cache_size:
            del self._cache[next(iter(self._cache))]  # the one that came first
        self._cache[key] = self._loop.time() + min(answer.ttl, LONGEST_TTL), answer
        self._asked.pop(key).set_result(answer)

    async def connect(
        self, host: str, port: int, tls: ssl.SSLContext | None = None
    ) -> Stream:
        """As the function `connect`, with what this resolver knows."""
        addresses = alternate(await self.resolve(host, port))
        return await race(
            [tcp.connect(found, port, tls, host) for _, found, port in addresses]
        )

    def close(self) -> None:
        """Ask nothing any more; who waits gets a gaierror."""
        self._backend.close()
        for key in list(self._asked):
            self._keep(key, Answer([], 0, (socket.EAI_AGAIN, "it was closed")))


def numeric_family(host: str, family: int) -> int | None:
    """The family of a numeric address; None for a name."""
    flags = socket.AI_NUMERICHOST
    try:
        return socket.getaddrinfo(host, None, family, flags=flags)[0][0]
    except (socket.gaierror, UnicodeError):
        return None


def to_ascii(host: str) -> str:
    """A name as name servers know it (RFC 5890); raises socket.gaierror."""
    try:
        name = host.lower().encode("idna").decode()
    except UnicodeError:
        name = ""
    if not name.strip(".") or not name.isprintable() or " " in name:
        raise socket.gaierror(socket.EAI_NONAME, f"{host!r} can't be a host's name")
    return name


def alternate(addresses: list[Address]) -> list[Address]:
    """One of each family in turn, beginning with the best (RFC 8305, 4)."""
    first = [one for one in addresses if one.family == addresses[0].family]
    other = [one for one in addresses if one.family != addresses[0].family]
    return [one for one in chain(*zip_longest(first, other)) if one is not None]


async def race(attempts: list[Any]) -> Stream:
    """Start one after the other until one has connected; the others are closed.

    The next is started when one has failed, or after ATTEMPT_DELAY.
    """
    loop = running_loop()
    ended: Queue = Queue()
    waiting = deque(attempts)
    running: list[Task] = []
    try:
        while True:
            if waiting:
                task = loop.spawn(waiting.popleft())
                task.add_done_callback(ended.put_now)
                running.append(task)
            timer = loop.call_later(ATTEMPT_DELAY, ended.put_now, None)
            try:
                task = await ended.get()
            finally:
                timer.cancel()
            if task is None:
                continue
            running.remove(task)
            if task.exception() is None or not (waiting or running):
                return task.result()
    finally:
        for attempt in waiting:
            attempt.close()
        for task in running:
            task.add_done_callback(discard)
            task.cancel()


def discard(task: Future) -> None:
    """Close the connection of an attempt that came second."""
    if task.exception() is None:
        task.result().abort()
