"""The way to one client of the server: what is to be sent, and until when we wait.

A channel has one deadline, and a method to call when it is over. What is waited for
changes: the next request, the rest of a head or a body, a client that reads slowly.
The deadline changes with it. The server looks at all of them now and then.
"""

from collections.abc import Callable
from math import inf
from typing import Any

from dustdevil.coroutine import Task, let_others_run
from dustdevil.http.body import Body, close
from dustdevil.http.head import Head
from dustdevil.http.parser import Limits
from dustdevil.http.writer import LAST_CHUNK, chunk
from dustdevil.loop.eventloop import Loop
from dustdevil.stream.iostream import HIGH_WATER, Stream


class Host:
    """What a connection asks of the server it belongs to, one floor above.

    They are slots, so that the fast path in C finds them too (see `_fastpath.c`).
    """

    __slots__ = ("application", "enqueue", "known", "limits", "loop",
                 "make_task", "now", "opened", "refused", "requests", "rest_until",
                 "scheme", "settings", "stopping", "unsent")  # fmt: skip

    application: Callable[[Head, Body, Any], Any]
    settings: Any
    limits: Limits
    known: dict[bytes, Head]  # plain requests that came before, by their bytes
    loop: Loop
    enqueue: Callable[[tuple[Callable[..., Any], tuple[Any, ...]]], None]
    make_task: Callable[[Any, Loop], Task]  # of a coroutine, on the loop
    scheme: str
    now: float
    rest_until: float  # when a connection that rests from now on has rested enough
    requests: int
    refused: int
    stopping: bool
    opened: Any  # how the last response in C began, and for what
    unsent: list[Any]  # what has answered in C, in this turn

    def forget(self, connection: Any) -> None:
        """It is closed."""

    def hand_over(self, connection: Any, upgrade: Any) -> None:
        """Another protocol has its stream now."""


class Channel:
    """A connection, without what is said on it: that is the module `connection`'s."""

    __slots__ = ("__weakref__", "_late", "_local", "_unsent", "deadline", "remote",
                 "server", "stream")  # fmt: skip

    def __init__(self, server: Host, stream: Stream, remote: Any):
        self.server = server
        self.stream = stream
        self.remote = remote
        self.deadline = inf  # on the loop's clock
        self._late: Callable[[Any], None] = Channel._abort
        self._local: Any = None  # asked for once: that takes a system call
        self._unsent = 0  # bytes in the stream's buffer at the last deadline

    @property
    def scheme(self) -> str:
        """Either "http" or "https"."""
        return self.server.scheme

    @property
    def local(self) -> Any:
        """The address that the client connected to."""
        if self._local is None:
            self._local = self.stream.sock.getsockname()
        return self._local

    # Out

    def _send(self, data: bytes) -> None:
        """Send soon, with what comes till then; nothing, if the client is gone."""
        if data and not self.stream.closed:
            self.stream.write(data)

    async def _copy(
        self, start: bytes, body: Any, length: int | None, chunked: bool
    ) -> None:
        """Send what an iterator gives, no faster than the client takes it.

        Raises ValueError when that is not of the length that was announced.
        """
        sent = rested = 0
        self._send(start)
        try:
            async for piece in body:
                sent += len(piece)
                if length is not None and sent > length:
                    break
                self._send(chunk(piece) if chunked else piece)
                await self._drain()
                if sent - rested > HIGH_WATER:
                    # Where neither the iterator nor the client ever makes us wait,
                    # all others would wait for us.
                    rested = sent
                    await let_others_run()
        finally:
            await close(body)
        if chunked:
            self._send(LAST_CHUNK)
        elif length is not None and sent != length:
            raise ValueError(f"a body of {length} bytes came out otherwise")

    async def _drain(self) -> None:
        if self.stream.unsent > HIGH_WATER:
            self._wait(self.server.settings.write_timeout, Channel._abort)
            await self.stream.drain()
            self._wait(inf, Channel._abort)

    # Time

    def _wait(self, seconds: float, late: Callable[[Any], None]) -> None:
        self.deadline = self.server.now + seconds
        self._late = late

    def _watch_half_closed(self) -> None:
        """The client sent its end, and we still work: does it wait for the answer,
        or is it gone? It looks the same from here. So it gets some time."""
        if self.stream.eof:
            timeout = self.server.settings.half_closed_timeout
            self._wait(timeout, Channel._abort)

    def overdue(self) -> None:
        """The deadline is over; the server noticed."""
        unsent = self.stream.unsent
        if unsent and unsent != self._unsent:
            # It reads, if slowly.
            self._unsent = unsent
            self.deadline = self.server.now + self.server.settings.write_timeout
        else:
            self.deadline = inf
            self._late(self)

    # The end

    def _hang_up(self) -> None:
        self._wait(self.server.settings.write_timeout, Channel._abort)
        self.stream.close()

    def _abort(self) -> None:
        self.stream.abort()
