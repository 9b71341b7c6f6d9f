"""An HTTP/1.1 server: connections in, requests to the application, responses out.

The application is any callable `application(head, body, connection)`. It is called
once a request, with

- `head`, a `head.Head`: method, target, version, headers. It belongs to the parser
  and is read only;
- `body`, a `Body`: `await body.read()` gives all of it, `async for chunk in body`
  gives it piece by piece, and reads no faster than the loop asks. What the
  application leaves unread is thrown away;
- `connection`: `remote` and `local` are the two addresses, as `socket.getpeername()`
  gives them, `scheme` is "http" or "https".

It returns a response, or a coroutine or a Future that has one in the end. A response
is any object with these six attributes:

    status    an int from 200 to 599, or 101 with an `upgrade`
    reason    None, or the words after it where they are not the usual ones
    headers   a `Headers`. Content-Length, Transfer-Encoding and Connection are
              refused: they are the server's to write, and so is Date
    body      bytes, or an asynchronous iterator of bytes
    length    None, or the number of bytes that an iterator will give. Without one,
              the body is sent in chunks
    upgrade   None, or an async callable: after the head with status 101 is sent, the
              server awaits `upgrade(stream)` and lets go of the connection. What the
              client sent after its request is read from the stream first

An application may have `jobs`, async functions without arguments: they run beside the
requests, from the start of the server to its stop, when they are cancelled.

A response to HEAD is written like that to GET, and the server sends only its head.
An iterator that is not read to its end is closed with `aclose()`, if it has that.
When the client goes away while the application still works, its coroutine is
cancelled: `CancelledError` is raised where it waits. An exception from it is logged
and answered with a 500; `head.ProtocolError(status, reason)`, raised by reading a
bad or too large body, is answered with its own status.
"""

import logging
import socket
import ssl
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any

from dustdevil.coroutine import CancelledError, Future, let_others_run
from dustdevil.fields import Boolean, Integer, Seconds, Settings, Size
from dustdevil.http.body import Body
from dustdevil.http.connection import Connection
from dustdevil.http.framing import Limits
from dustdevil.http.head import Head
from dustdevil.http.writer import date_line
from dustdevil.loop.eventloop import Loop, running_loop
from dustdevil.stream.iostream import Stream
from dustdevil.stream.tcp import Listener, listen
from dustdevil.sync import Event, timeout

log = logging.getLogger("dustdevil")

Application = Callable[[Head, Body, Connection], Any]
Upgrade = Callable[[Stream], Awaitable[None]]

TOO_MANY = (
    b"HTTP/1.1 503 Service Unavailable\r\nRetry-After: 1\r\n"
    b"Content-Length: 0\r\nConnection: close\r\n\r\n"
)


# The settings that a sweep has to be quick enough for.
DEADLINES = (
    "header_timeout",
    "idle_timeout",
    "body_grace",
    "write_timeout",
    "half_closed_timeout",
    "linger",
)


class ServerSettings(Settings):
    """Limits and deadlines. All of them hold unless they are changed."""

    header_timeout = Seconds(5, "for the head of a request to come")
    idle_timeout = Seconds(60, "for the next request on an open connection")
    min_body_rate = Size(240, "a second: the slowest that a body may come", 1)
    body_grace = Seconds(5, "that a body may lag behind that")
    write_timeout = Seconds(30, "for a client to take any of what is sent")
    half_closed_timeout = Seconds(5, "to answer a client that sends no more")
    linger = Seconds(2, "for a client to read the last answer")
    grace = Seconds(10, "to finish what is in flight when the server stops")
    last_call = Seconds(1, "of that, for an idle connection to ask once more")
    max_connections = Integer(10_000, "open at once; others get a 503", 1)
    max_request_line = Size(8 * 1024, "of the request line", 16)
    max_fields = Integer(100, "header fields in a request", 1)
    max_header_size = Size(64 * 1024, "of all header fields together", 16)
    max_body = Size(16 * 1024 * 1024, "of a request's body", optional=True)
    lenient_targets = Boolean(False, "take the []|{}\\^` that browsers don't encode")
    slow_call = Seconds(1, "for a call to keep the loop, and be named", optional=True)
    collect_when_idle = Boolean(True, "whether garbage waits for an idle moment")


class Server:
    """Listens, and answers with what the application returns.

    `connections` are the open ones, `requests` counts what was asked so far, and
    `refused` what broke the rules of HTTP, or a limit.
    """

    def __init__(
        self,
        application: Application,
        settings: ServerSettings | None = None,
        loop: Loop | None = None,
        tls: ssl.SSLContext | None = None,
    ):
        self.application = application
        self.settings = settings or ServerSettings()
        self.loop = loop or running_loop()
        self.scheme = "http" if tls is None else "https"
        self.limits = Limits(
            line=self.settings.max_request_line,
            fields=self.settings.max_fields,
            field_bytes=self.settings.max_header_size,
            body=self.settings.max_body,
            lenient_targets=self.settings.lenient_targets,
            secure=tls is not None,
        )
        self.connections: set[Connection] = set()
        self.upgraded: set[Future] = set()
        self._turned_away: set[Stream] = set()
        self._jobs: set[Future] = set()
        self.requests = self.refused = 0
        # Where the server has the process to itself (see `serving`): by how many
        # seconds sweeps come too late, a histogram; and who collects the garbage.
        self.lag: Any = None
        self.collector: Any = None
        self._idle_timeout = self.settings.idle_timeout
        self.stopping = False
        # The time, rounded up to that of the next sweep. For deadlines of seconds it
        # is near enough, and a request need not look at the clock.
        self._set_time(self.loop.time())
        self._tls = tls
        self._socks: list[socket.socket] = []
        self._listener: Listener | None = None
        # Gives the metrics of the other processes that serve with us, if there are any.
        self.others: Callable[[], Awaitable[list[dict[str, Any]]]] | None = None
        self._left = Event()  # somebody has: are all of them gone?

    # Connections

    def listen(self, host: str = "127.0.0.1", port: int = 8000) -> int:
        """Take an address and return the port: with 0, one that is free.

        Clients can connect from now on; they are answered from `start()` on. Raises
        OSError when the address is in use or not ours.
        """
        socks = listen(host, port)
        self._socks += socks
        return socks[0].getsockname()[1]

    def start(self) -> None:
        """Accept connections, as soon as the loop runs."""
        self._listener = Listener(self._socks, self._connect, self.loop, self._tls)
        self._set_time(self.loop.time())
        shortest = min(getattr(self.settings, name) for name in DEADLINES)
        self._sweep(min(1.0, max(0.01, shortest / 4)))
        for job in getattr(self.application, "jobs", ()):
            self._look_after(self.loop.spawn(run_job(job)), self._jobs)

    def _connect(self, stream: Stream, remote: Any) -> None:
        others = len(self.connections) + len(self.upgraded)
        if others < self.settings.max_connections:
            self.connections.add(Connection(self, stream, remote))
        else:
            self._turn_away(stream)

    def _turn_away(self, stream: Stream) -> None:
        """Answer that there are too many; linger, or a reset would wipe that out."""
        stream.write(TOO_MANY)
        if stream.closed or len(self._turned_away) >= self.settings.max_connections:
            stream.close()
            return

        def drop(data: bytes) -> None:
            if not data:
                stream.close()

        def gone(_: BaseException | None) -> None:
            timer.cancel()
            self._turned_away.discard(stream)

        timer = self.loop.call_later(self.settings.linger, stream.abort)
        self._turned_away.add(stream)
        stream.on_data, stream.on_close = drop, gone
        stream.write_eof()

    def _sweep(self, interval: float) -> None:
        """Call the connections that are late, once in `interval` seconds.

        A timer for each would be set and cancelled with every request. To look at
        all of them now and then is cheaper, and finds the late ones hardly later.
        """
        now = self.loop.time()
        stuck = now - self.now
        self._set_time(now + interval)
        if self.lag is not None:
            self.lag.observe(stuck)
        for connection in list(self.connections):
            if stuck > interval:
                # Something kept the whole loop. That is not the clients' fault.
                connection.deadline += stuck
            if connection.deadline <= now:
                connection.overdue()
        self._timer = self.loop.call_later(interval, self._sweep, interval)

    def _set_time(self, now: float) -> None:
        self.now, self.idle_until = now, now + self._idle_timeout
        self.date = date_line()

    def hand_over(self, connection: Connection, upgrade: Upgrade) -> None:
        """Run another protocol on a connection's stream, and close that at its end."""
        stream = connection.stream
        task = self.loop.spawn(run_upgrade(upgrade, stream))
        task.add_done_callback(lambda _: self._let_go(stream))
        self._look_after(task, self.upgraded)
        self.forget(connection)

    def _let_go(self, stream: Stream, unsent: int = -1) -> None:
        """Lose a client that takes nothing of the last that it is sent."""
        if stream.unsent == unsent:
            stream.abort()
        elif not stream.closed:
            seconds = self.settings.write_timeout
            self.loop.call_later(seconds, self._let_go, stream, stream.unsent)

    def _look_after(self, task: Future, among: set[Future]) -> None:
        """Keep a task among others, until it ends."""

        def ended(task: Future) -> None:
            among.discard(task)
            self._left.set()

        among.add(task)
        task.add_done_callback(ended)

    def forget(self, connection: Connection) -> None:
        """A connection is closed, or is not ours any more."""
        self.connections.discard(connection)
        self._left.set()

    def accept_from(self, socks: list[socket.socket]) -> None:
        """Accept from these sockets, which listen already, and from no others.

        Those that we had and lose stay open: somebody else accepts from them.
        """
        assert self._listener is not None  # start() was called
        self._listener.accept_from(socks)

    # The end

    async def stop(self, grace: float | None = None, handed_on: bool = False) -> None:
        """Accept no more, finish what is in flight, and close everything.

        What takes longer than `grace` seconds, by default those of the settings, is
        cut off. A client that keeps a connection may send its next request at this
        very moment, so idle ones have the time of a `last_call`. Upgraded connections
        and jobs do not end by themselves: they are cancelled at once, and have the
        grace to say good-bye. `handed_on`: other processes go on to accept from our
        sockets.
        """
        grace = self.settings.grace if grace is None else grace
        last_call = min(grace, self.settings.last_call)
        self.stopping = True
        self._idle_timeout = last_call
        self._set_time(self.now)
        last = self.loop.call_later(last_call, self._close_idle)
        for task in self.upgraded | self._jobs:
            task.cancel()
        with suppress(TimeoutError):
            async with timeout(grace):
                if self._listener is not None and not handed_on:
                    self._listener.finish()
                self._stop_listening()
                for handshake in self._greeting():
                    handshake.add_done_callback(lambda _: self._left.set())
                while self._busy():
                    self._left.clear()
                    await self._left.wait()
        self._stop_listening()
        last.cancel()
        for stream in {c.stream for c in self.connections} | self._turned_away:
            stream.abort()
        for task in self.upgraded | self._jobs:
            task.cancel()  # whatever it still wants to say
        # A turn for the connections to hear of it, and one for what they cancel.
        await let_others_run()
        await let_others_run()
        if self._listener is not None:
            self._timer.cancel()

    def _close_idle(self) -> None:
        for connection in list(self.connections):
            connection.stop()

    def _stop_listening(self) -> None:
        if self._listener is not None:
            self._listener.close()

    def _greeting(self) -> set[Future]:
        return self._listener.greeting if self._listener is not None else set()

    def _busy(self) -> bool:
        return bool(self.connections or self.upgraded or self._jobs or self._greeting())


async def run_job(job: Callable[[], Awaitable[None]]) -> None:
    """Await the end of an application's job; say so if it fails."""
    try:
        await job()
    except CancelledError:
        pass  # the server stops
    except Exception as error:
        log.error("the job %r failed", job, exc_info=error)


async def run_upgrade(upgrade: Upgrade, stream: Stream) -> None:
    """Await another protocol's end, and close the stream whichever way it came."""
    try:
        await upgrade(stream)
    except CancelledError:
        pass  # the server stops
    except ConnectionError as error:
        log.debug("an upgraded connection was lost: %s", error)
    except Exception as error:
        log.error("an upgraded connection failed", exc_info=error)
    finally:
        stream.close()
