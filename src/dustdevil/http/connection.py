"""One connection of the server: its requests, one after another, and the answers.

All of it stands in `Connection._converse`, from top to bottom: a head comes, the
application answers, the answer is sent, what is left of the body is thrown away, and
the next head comes. It is a generator, and waits at each `yield`. As long as the
application answers at once, everything happens in the one call that brought the bytes:
no task, no timer, no system call but the `recv` before and the `send` after.

`State` says what is waited for. Each has a deadline, and the server looks at all of
them now and then: a timer for each would be set and cancelled with every request.
"""

import logging
from collections.abc import Callable, Generator
from enum import Enum
from math import inf
from types import CoroutineType
from typing import Any, Protocol

from dustdevil.coroutine import CancelledError, Future, Task, let_others_run
from dustdevil.http.body import NO_BODY, Body, Page, close
from dustdevil.http.errors import ProtocolError
from dustdevil.http.framing import BODILESS, Limits
from dustdevil.http.head import Head
from dustdevil.http.parser import (
    Closed,
    Data,
    End,
    HTTPEvent,
    Parser,
    Reading,
    Role,
)
from dustdevil.http.writer import CONTINUE, LAST_CHUNK, begin, chunk, response_head
from dustdevil.loop.eventloop import Loop
from dustdevil.stream.iostream import HIGH_WATER, Stream, StreamClosed

log = logging.getLogger("dustdevil")

# An unread body up to this size, in bytes, is thrown away as it comes. For a larger
# one it is cheaper to close the connection.
WORTH_SKIPPING = 65536


class State(Enum):
    """What a connection waits for."""

    IDLE = "a request, which need not come"
    HEAD = "the rest of a head"
    ANSWER = "the application"
    BODY = "a piece of the body that the application wants to read"
    SKIPPING = "the rest of a body that nobody wants to read"
    ROOM = "the client to take what it is sent"
    LINGERING = "the client to hang up"
    CLOSING = "the last bytes to be sent"


IDLE, ANSWER = State.IDLE, State.ANSWER  # looked up for every request


class ServerOfConnection(Protocol):
    """What a connection asks of the server that it belongs to."""

    application: Callable[[Head, Body, Any], Any]
    settings: Any
    limits: Limits
    loop: Loop
    scheme: str
    now: float  # on the loop's clock, as of the last look at the deadlines
    date: str  # the header line, as of then
    idle_until: float  # when a connection that has nothing to do from now is closed
    requests: int
    refused: int
    stopping: bool

    def forget(self, connection: Any) -> None:
        """It is closed."""

    def hand_over(self, connection: Any, upgrade: Any) -> None:
        """Another protocol has its stream now."""


class Connection:
    """What the server knows of one client. The module `server` says what it owes
    the application."""

    __slots__ = (
        "__weakref__",
        "_allowance",
        "_conversation",
        "_local",
        "_parser",
        "_paused",
        "_reader",
        "_sending",
        "_task",
        "_unsent",
        "deadline",
        "remote",
        "server",
        "state",
        "stream",
    )

    def __init__(self, server: ServerOfConnection, stream: Stream, remote: Any):
        self.server = server
        self.stream = stream
        self.remote = remote
        self.state = State.IDLE
        self.deadline = inf  # on the loop's clock
        self._parser = Parser(Role.SERVER, server.limits)
        self._local: Any = None  # asked for once: that takes a system call
        self._task: Future | None = None  # what works on the answer, or sends it
        self._sending: Any = None  # the response of which a task sends the body
        self._reader: Future | None = None  # the application waits for the body
        self._allowance = 0.0  # seconds that the body may still take
        self._paused = False
        self._unsent = 0  # bytes in the stream's buffer at the last deadline
        self._conversation = self._converse()
        next(self._conversation)  # up to the first yield
        stream.on_data, stream.on_close = self._on_data, self._on_close

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

    def _converse(self) -> Generator[None, None, None]:
        """All that happens, in its order. Whoever has what it waits for resumes it."""
        server, parser = self.server, self._parser
        self._await(State.HEAD, server.settings.header_timeout)
        yield
        behind = False  # the client doesn't read the answers it has
        while True:
            # The next request
            head = parser.next_event()
            while head is None:
                self._await_head()
                yield
                head = parser.next_event()
            if behind:
                yield from self._until(server.loop.spawn(self._drain()))
            if not isinstance(head, Head):
                self._end(head)
                return
            # The application's answer
            self.state = ANSWER
            server.requests += 1
            body = NO_BODY if head.length == 0 else self._open_body(head)
            try:
                response = self._ask(head, body)
            except (Exception, CancelledError) as error:
                response = self._failure(head, error)
            if isinstance(task := response, Future):
                yield from self._until(task)
                failed = task.exception()
                response = self._failure(head, failed) if failed else task.result()
            # The response
            try:
                start, chunked, kept = self._begin(head, body, response)
            except Exception as error:
                self._discard(response)
                response = self._failure(head, error)
                start, chunked, kept = self._begin(head, body, response)
            if response.upgrade is not None:
                self._hand_over(start, response.upgrade)
                return
            without = head.method == "HEAD" or response.status in BODILESS
            if type(response.body) is bytes:
                behind = self._send(start if without else start + response.body)
            else:
                sending = self._copy(start, response, chunked, without)
                self._sending = response
                yield from self._until(task := server.loop.spawn(sending))
                self._sending = None
                if task.exception() is not None:
                    self._break_off(head, task.exception())
                    return
            if not kept:
                self._linger()
                return
            # What is left of the request's body
            if body is not NO_BODY and not body.over:
                body.close()
                while (event := parser.next_event()) is None or type(event) is Data:
                    if event is None:
                        self._await(State.SKIPPING, self._allowance)
                        yield
                if type(event) is not End:
                    self._linger()  # this request has its answer already
                    return
            if head.upgrade:
                parser.resume()  # it was declined

    # In

    def _on_data(self, data: bytes) -> None:
        """Bytes have come, or b"": the client sends no more."""
        self._parser.receive(data)
        state = self.state
        if state is IDLE or state is State.HEAD:
            next(self._conversation, None)
        elif state is State.LINGERING:
            self._parser.stop()
            if not data:
                self._hang_up()
        else:
            self._on_body(data)

    def _on_body(self, data: bytes) -> None:
        """What comes before there is an answer: of the body, or of the next request."""
        self._credit(len(data))
        if self.state is State.SKIPPING:
            next(self._conversation, None)
        elif self._reader is not None:
            if not self._reader.done():
                self._reader.set_result(None)
        elif not data:
            self._watch_half_closed()
        elif self._parser.unread > HIGH_WATER:
            # What is left in the kernel's buffer, when that is full, makes the client
            # wait.
            self._paused = True
            self.stream.pause_reading()

    def _await_head(self) -> None:
        if self._paused:
            self._resume_reading()
        if not self._parser.begun:
            self.state, self.deadline = IDLE, self.server.idle_until
        elif self.state is not State.HEAD:
            # Once: who sends a byte now and then has no longer for the whole.
            self._await(State.HEAD, self.server.settings.header_timeout)

    def _resume_reading(self) -> None:
        self._paused = False
        self.stream.resume_reading()

    # The application

    def _ask(self, head: Head, body: Body) -> Any:
        """Have the application answer: a response, or a future that will have one."""
        if head.method == "CONNECT":
            raise ProtocolError(501, "this server is no proxy")
        answer = self.server.application(head, body, self)
        if type(answer) is CoroutineType or hasattr(answer, "send"):
            # The first step of a coroutine is mostly its last too. Only if not is it
            # worth a task.
            try:
                waits_for = answer.send(None)
            except StopIteration as stop:
                return stop.value
            task = Task(answer, self.server.loop)
            task.wait_for(waits_for)
            return task
        return answer

    def _until(self, task: Future) -> Generator[None, None, None]:
        """Wait until a task is done; what came of it is the caller's to look at."""
        self._task = task
        task.add_done_callback(self._on_done)
        if self._reader is None:  # it has its own deadline
            self._await(State.ANSWER, inf)
            self._watch_half_closed()
        yield
        self._task = None

    def _on_done(self, task: Future) -> None:
        if not self.stream.closed:
            next(self._conversation, None)
        elif task.exception() is None and self._sending is None:
            self._discard(task.result())
        else:
            self._discard(self._sending)  # its task may have been cancelled at once

    def _failure(self, head: Head, error: BaseException) -> Page:
        """The response to a request that the application did not answer."""
        if isinstance(error, ProtocolError):
            head.keep_alive = False
            self._note_refusal(error)
            return Page(error.status, error.reason)
        self._report(head, error)
        return Page(500, "the server could not answer this")

    def _report(self, head: Head, error: BaseException | None) -> None:
        log.error("%s %s failed", head.method, head.target, exc_info=error)

    def _note_refusal(self, error: ProtocolError) -> None:
        self.server.refused += 1
        log.info("refused %s: %d, %s", self.remote, error.status, error.reason)

    # The body of a request

    def _open_body(self, head: Head) -> Body:
        self._allowance = self.server.settings.body_grace

        async def next_of_body() -> HTTPEvent:
            """The next piece of the body, its end, or the error in it."""
            while (event := self._parser.next_event()) is None:
                if head.expects_continue:
                    head.expects_continue = False
                    self._send(CONTINUE)
                await self._more_of_body()
            return event

        return Body(next_of_body, head.length)

    async def _more_of_body(self) -> None:
        """Wait until more has come, or nothing more will."""
        if self._reader is not None:
            raise RuntimeError("somebody else is reading this body")
        if self.stream.closed:
            raise StreamClosed("the client is gone")
        self._resume_reading()
        self._await(State.BODY, self._allowance)
        self._reader = Future(self.server.loop)
        try:
            await self._reader
        finally:
            self._reader = None
            if self.state is State.BODY:
                self._await(State.ANSWER, inf)

    def _credit(self, size: int) -> None:
        """Bytes of a body have come: it may take some longer."""
        settings, now = self.server.settings, self.server.now
        grace, more = settings.body_grace, size / settings.min_body_rate
        if self.state is State.BODY or self.state is State.SKIPPING:
            self.deadline = min(now + grace, self.deadline + more)
            self._allowance = self.deadline - now
        else:
            self._allowance = min(grace, self._allowance + more)

    # The response

    def _begin(self, head: Head, body: Body, response: Any) -> tuple[bytes, bool, bool]:
        """A response's head, whether its body is sent in chunks, and whether the
        connection stays open. Raises an exception for what is no response."""
        if response.upgrade is not None:
            return self._begin_upgrade(head, response), False, False
        keep = head.keep_alive and not self.server.stopping
        if keep and head.length != 0:
            keep = self._can_go_on(head, body, response.body)
        begun = begin(response, head.version, keep, self.server.date)
        if head.expects_continue:
            head.expects_continue = False  # the answer comes instead
        return begun

    def _can_go_on(self, head: Head, body: Body, content: Any) -> bool:
        """Whether another request may follow on this one's body."""
        if not body.over and type(content) is bytes:  # an iterator may want to read it
            self._skim(body)
        if body.over:
            return self._parser.state is not Reading.OVER  # there was no error in it
        if head.expects_continue or head.length is None:
            return False
        return head.length <= WORTH_SKIPPING

    def _skim(self, body: Body) -> None:
        """Throw away what has come of a body."""
        event = self._parser.next_event()
        while type(event) is Data:
            event = self._parser.next_event()
        if event is not None:
            body.close()  # that was its end, or an error in it

    def _copy(self, start: bytes, response: Any, chunked: bool, without: bool) -> Any:
        """What a task has to do to send a response in pieces."""
        if without:
            self._send(start)
            return close(response.body)
        return self._copy_body(start, response.body, response.length, chunked)

    async def _copy_body(
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

    def _send(self, data: bytes) -> bool:
        """Send soon, with what comes till then; nothing, if the client is gone.

        Returns whether it takes too little of what it is sent.
        """
        return data != b"" and not self.stream.closed and self.stream.write(data)

    async def _drain(self) -> None:
        if self.stream.unsent > HIGH_WATER:
            self._await(State.ROOM, self.server.settings.write_timeout)
            await self.stream.drain()
            self._await(State.ANSWER, inf)

    def _break_off(self, head: Head, error: BaseException | None) -> None:
        """A response has failed whose status is sent already.

        That it ends too early is all that the client can be told.
        """
        if not isinstance(error, ProtocolError):
            self._report(head, error)  # and not of what the client did wrong
        self.stream.abort()

    def _discard(self, response: Any) -> None:
        """Close the body of a response that is not sent, now: the loop may end."""
        Task(close(getattr(response, "body", None)), self.server.loop).step()

    # Another protocol

    def _begin_upgrade(self, head: Head, response: Any) -> bytes:
        if head.length != 0 and self._parser.state is not Reading.SWITCHED:
            self._skim(NO_BODY)
        if self._parser.state is not Reading.SWITCHED or response.status != 101:
            raise ValueError("there is no upgrade that the client asked for")
        # Before a 101 always (RFC 9110, 7.8).
        first = CONTINUE if head.expects_continue else b""
        return first + response_head(101, response.headers, self.server.date)

    def _hand_over(self, start: bytes, upgrade: Any) -> None:
        """Let another protocol have the stream."""
        stream = self.stream
        self._send(start)
        stream.on_data = stream.on_close = None
        stream.pushback(self._parser.leftover())
        stream.resume_reading()
        self.deadline = inf
        self.server.hand_over(self, upgrade)

    # Time

    def _await(self, state: State, seconds: float) -> None:
        self.state, self.deadline = state, self.server.now + seconds

    def _watch_half_closed(self) -> None:
        """The client sent its end, and we still work: does it wait for the answer,
        or is it gone? It looks the same from here. So it gets some time."""
        if self.stream.eof:
            timeout = self.server.settings.half_closed_timeout
            self.deadline = self.server.now + timeout

    def overdue(self) -> None:
        """The deadline is over; the server noticed."""
        unsent = self.stream.unsent
        if unsent and unsent != self._unsent:
            # It reads, if slowly.
            self._unsent = unsent
            self.deadline = self.server.now + self.server.settings.write_timeout
            return
        self.deadline = inf
        if self.state is State.IDLE or (self.state is State.HEAD and self._parser.idle):
            self._hang_up()
        elif self.state is State.HEAD:
            self._parser.fail(ProtocolError(408, "the request took too long"))
            next(self._conversation, None)
        elif self.state is State.SKIPPING:
            self._parser.fail(ProtocolError(408, "the body came too slowly"))
            next(self._conversation, None)
        elif self.state is State.BODY and self._reader is not None:
            self._parser.fail(ProtocolError(408, "the body came too slowly"))
            if not self._reader.done():
                self._reader.set_result(None)
        else:
            self.stream.abort()

    # The end

    def _end(self, event: HTTPEvent) -> None:
        """No request can follow: none is sent any more, or one breaks the rules."""
        if not isinstance(event, ProtocolError):
            assert isinstance(event, Closed)
            self._hang_up()
            return
        self._note_refusal(event)
        page = Page(event.status, event.reason)
        start, _, _ = begin(page, "1.1", False, self.server.date)
        self._send(start if event.method == "HEAD" else start + page.body)
        self._linger()

    def _linger(self) -> None:
        """Close, but let the client read the last answer.

        To close a socket with unread data in it resets the connection, and a reset
        wipes out what the client has not read yet. So we close our half, and throw
        away what comes, for a while (RFC 9112, 9.6).
        """
        self._parser.stop()
        if self.stream.eof:
            self._hang_up()
        elif not self.stream.closed:
            self._resume_reading()
            self.stream.write_eof()
            self._await(State.LINGERING, self.server.settings.linger)

    def _hang_up(self) -> None:
        self._await(State.CLOSING, self.server.settings.write_timeout)
        self.stream.close()

    def stop(self) -> None:
        """The server stops: close, unless something is in flight."""
        if self.state is State.IDLE:
            self._hang_up()

    def _on_close(self, error: BaseException | None) -> None:
        self.server.forget(self)
        self._conversation.close()
        if self._task is not None:
            self._task.cancel()
        if self._reader is not None:
            self._reader.cancel()  # it need not be that task which reads
