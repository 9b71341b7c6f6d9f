"""One connection of the server: its requests, one after another, and the answers.

Bytes go into a parser, and its events into a list. As long as the application
answers at once, everything happens in the one call that brought the bytes: no task,
no timer, no system call but the `recv` before and the `send` after. Only where
something has to be waited for does a task carry on, and until it is done further
events stay in the list. So the answers keep the order of the requests.

What is sent, and how long anything may take, is the matter of the channel below.
"""

import logging
from collections.abc import Callable
from copy import copy
from functools import partial
from math import inf
from time import time
from types import CoroutineType
from typing import Any

from dustdevil.coroutine import CancelledError, Future, Task
from dustdevil.http.body import NO_BODY, Body, Page, close
from dustdevil.http.channel import Channel, Host
from dustdevil.http.head import Head, ProtocolError
from dustdevil.http.parser import Data, End, Event, RequestParser
from dustdevil.http.writer import BODILESS, begin, encode_head, opening
from dustdevil.loop.eventloop import OnReady
from dustdevil.speedups.choice import are_ours, fastpath
from dustdevil.stream.iostream import HIGH_WATER, Stream, StreamClosed

log = logging.getLogger("dustdevil")

# An unread body up to this size, in bytes, is thrown away as it comes. For a larger
# one it is cheaper to close the connection.
WORTH_SKIPPING = 65536
CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"


class Connection(Channel):
    """What the server knows of one client. The module `server` says what it owes
    the application."""

    __slots__ = ("_allowance", "_body", "_events", "_full", "_head", "_parser",
                 "_paused", "_reader", "_resting", "_skipping", "_task")  # fmt: skip

    def __init__(self, server: Host, stream: Stream, remote: Any):
        super().__init__(server, stream, remote)
        self._parser = RequestParser(server.limits, server.known)
        self._events: list[Event] = []  # parsed, and not yet dealt with
        self._full = False  # whether the parser may have more than it returned
        self._paused = False  # whether we leave what comes in the kernel
        self._head: Head | None = None  # the request that is being answered
        self._resting = False  # nothing is begun, kept or unsent (see _answer_at_once)
        self._body = NO_BODY
        self._task: Future | None = None  # what carries on where something must wait
        self._reader: Future | None = None  # the application waits for the body
        self._allowance = 0.0  # seconds that the body may keep us waiting
        self._skipping = False  # whether the rest of a body is thrown away
        stream.on_data = self._on_data
        stream.on_close = self._on_close
        self._wait(server.settings.header_timeout, Connection._no_head)
        if FastPath is not None and type(stream) is Stream:
            stream.delegate(FastPath(self))

    # Requests

    def _on_data(self, data: bytes) -> None:
        parser = self._parser
        if self._resting and (head := parser.whole(data)):
            # Nearly all that comes is like that: one request, and it is complete.
            self._begin(head)
            if not self._resting:
                self._serve()  # in case that it was answered otherwise
            return
        events = parser.feed(data) if data else self._feed_eof()
        self._stir()
        if data:
            self._full = len(events) >= parser.limits.batch
        self._events = self._events + events if self._events else events
        if self._skipping or self._body is not NO_BODY:
            self._credit(len(data))
        if self._head is None:
            self._serve()
        elif not data:
            self._watch_half_closed()
        if self._head is not None:
            self._hold()

    def _feed_eof(self) -> list[Event]:
        """What the end of the bytes makes, when the parser has nothing before it."""
        return [] if self._full else self._parser.feed_eof()

    def _refill(self) -> bool:
        """Fill the list of events, where more can be had; say whether it was."""
        if self._full:
            self._events = self._parser.feed(b"")
            self._full = len(self._events) >= self._parser.limits.batch
            if self.stream.eof:
                self._events += self._feed_eof()
        if self._paused and not self._events:
            self._paused = False
            self.stream.resume_reading()
        return bool(self._events)

    def _serve(self) -> None:
        """Answer requests until there are no more, or one has to wait."""
        while self._head is None and (self._events or self._refill()):
            event = self._events.pop(0)
            if isinstance(event, Head):
                if self.stream.unsent > HIGH_WATER:
                    self._begin_later(event)
                else:
                    self._begin(event)
            elif isinstance(event, ProtocolError):
                self._refuse(event)
            elif isinstance(event, End):
                self._skipping = False
        if self._head is None:
            self._rest()

    def _begin(self, head: Head) -> None:
        """Have the application answer a request."""
        server = self.server
        server.requests += 1
        self._head = head
        if not self._resting:
            self.deadline, self._late = inf, Connection._abort
            if head.has_body:
                self._body = Body(self, head.length)
                self._allowance = server.settings.body_grace
            if head.method == "CONNECT":
                self._refuse(ProtocolError(501, "this server is no proxy"))
                return
        try:
            answer = server.application(head, self._body, self)
            if type(answer) is CoroutineType or hasattr(answer, "send"):
                # The first step of a coroutine is mostly its last too. Only if not
                # is it worth a task.
                self._carry_on(answer, answer.send(None))
                return
        except StopIteration as stop:
            answer = stop.value
        except (Exception, CancelledError) as error:
            self._fail(error)
            return
        self._take(answer)

    def _carry_on(self, coroutine: Any, waits_for: Any) -> None:
        """Have a task drive the application's coroutine from its first wait on."""
        task = self.server.make_task(coroutine, self.server.loop)
        task.wait_for(waits_for)
        self._take(task)

    def _take(self, answer: Any) -> None:
        """The application returned a response, or what will have one."""
        if isinstance(answer, Future):
            self._stir()
            self._task = answer
            answer.add_done_callback(self._on_answer)
            self._watch_half_closed()
        else:
            self._respond(answer)

    def _on_answer(self, task: Future) -> None:
        error = task.exception()
        self._task = None
        if self.stream.closed:
            if error is None:
                self._discard(task.result())
            return
        if error is None:
            self._respond(task.result())
        else:
            self._fail(error)
        self._serve()

    def _begin_later(self, head: Head) -> None:
        """The client doesn't read the answers it has: it gets no more till it does."""
        self._head = head
        self._task = self.server.loop.spawn(self._drain())
        self._task.add_done_callback(partial(self._on_drained, head))

    def _on_drained(self, head: Head, task: Future) -> None:
        self._task = None
        if task.exception() is None:
            self._begin(head)
            self._serve()

    def _rest(self) -> None:
        """Nothing is to be answered now. Decide for what we wait, and how long."""
        settings = self.server.settings
        if self.stream.eof:
            self._hang_up()
        elif self._skipping:
            self._wait(self._allowance, Connection._slow_body)
        elif self._parser.idle:
            self.deadline, self._late = self.server.rest_until, Connection._hang_up
            self._resting = self._parser.fresh and not self.stream.full
        elif self._late is not Connection._no_head:
            self._wait(settings.header_timeout, Connection._no_head)

    # Bodies

    async def next_of_body(self) -> Data | End | ProtocolError:
        """The next piece of the body, its end, or the error in it."""
        assert self._head is not None
        while not (self._events or self._refill()):
            if self._head.expects_continue:
                self._head.expects_continue = False
                self._send(CONTINUE)
            await self._more_of_body()
        event = self._events.pop(0)
        if isinstance(event, ProtocolError):
            self._head.keep_alive = False
        assert not isinstance(event, Head)  # an End comes before
        return event

    async def _more_of_body(self) -> None:
        if self._reader is not None:
            raise RuntimeError("somebody else is reading this body")
        if self.stream.closed:
            raise StreamClosed("the client is gone")
        self._wait(self._allowance, Connection._slow_body)
        self._reader = Future(self.server.loop)
        try:
            await self._reader
        finally:
            self._reader = None
            self._wait(inf, Connection._abort)

    def _credit(self, size: int) -> None:
        """Bytes of a body have come: it may take some longer."""
        settings = self.server.settings
        most, more = settings.body_grace, size / settings.body_rate
        if self._late is Connection._slow_body:
            self.deadline = min(self.server.now + most, self.deadline + more)
            self._allowance = self.deadline - self.server.now
        else:
            self._allowance = min(most, self._allowance + more)

    def _hold(self) -> None:
        """Let the application have what came, and read no more than it can use.

        What is left in the kernel's buffer, when that is full, makes the client wait.
        """
        if self._reader is not None and self._events and not self._reader.done():
            self._reader.set_result(None)
        size = sum(len(event.data) for event in self._events if type(event) is Data)
        many = len(self._events) >= self._parser.limits.batch
        if many or size + self._parser.kept > HIGH_WATER:
            self._paused = True
            self.stream.pause_reading()

    # Responses

    def _respond(self, response: Any) -> None:
        """Send a response, or its beginning; a 500 for what is none."""
        head = self._head
        assert head is not None
        try:
            if self._resting and self._answer_at_once(head, response):
                return
            self._stir()
            if response.upgrade is not None:
                self._upgrade(response)
                return
            start, chunked, kept = begin(response, head.version, self._can_keep(head))
        except Exception as error:
            self._discard(response)
            self._fail(error)
            return
        head.expects_continue = False
        body, length = response.body, response.length
        bodiless = head.method == "HEAD" or response.status in BODILESS
        if isinstance(body, bytes):
            self._send(start if bodiless else start + body)
            self._finish(kept)
            return
        if bodiless:
            self._send(start)
            sending = close(body)
        else:
            sending = self._copy(start, body, length, chunked)
        self._task = self.server.loop.spawn(sending)
        self._task.add_done_callback(partial(self._on_sent, kept, response))

    def _discard(self, response: Any) -> None:
        """Close the body of a response that is not sent, now: the loop may end."""
        Task(close(getattr(response, "body", None)), self.server.loop).step()

    def _answer_at_once(self, head: Head, response: Any) -> bool:
        """Send the whole response and be at rest again; False where it is not so easy.

        All that the methods below decide is decided already for a plain request, and
        bytes, on a connection that was at rest. What they would do is done here.
        """
        server, status, body = self.server, response.status, response.body
        if (
            type(body) is not bytes
            or response.upgrade is not None
            or not 200 <= status <= 599
            or status in BODILESS
            or head.method == "HEAD"
            or server.stopping
        ):
            return False
        start = opening(status, None, tuple(response.headers), int(time()))
        length = b"Content-Length: %d\r\n\r\n" % len(body)
        self._head = None
        self.deadline = server.rest_until
        self._resting = not self.stream.write(start + length + body)
        return True

    def _can_keep(self, head: Head) -> bool:
        """Whether another request may follow on this connection."""
        if not head.keep_alive or self.server.stopping:
            return False
        if self._body.over or any(type(event) is End for event in self._events):
            return True
        if head.expects_continue or head.length is None:
            return False
        return head.length <= WORTH_SKIPPING

    def _on_sent(self, kept: bool, response: Any, task: Future) -> None:
        error = task.exception()
        self._task = None
        if self.stream.closed:
            self._discard(response)  # for when the task was cancelled before it began
            return
        if error is not None:
            # The status is sent already. That the response ends too early is all
            # that the client can be told.
            if not isinstance(error, ProtocolError):
                self._report(error)  # and not of what the client did wrong
            self.stream.abort()
            return
        self._finish(kept)
        self._serve()

    def _finish(self, kept: bool) -> None:
        """The response is complete, and in the list of what is to be sent."""
        if self._body is not NO_BODY:
            self._skipping = not self._body.over
            self._body.close()
            self._body = NO_BODY
        if not kept:
            self._linger()
            return
        head, self._head = self._head, None
        if head is not None and head.upgrade:
            self._parser.resume()  # it was declined
            self._full = True

    def _fail(self, error: BaseException) -> None:
        """Answer a request that the application did not."""
        if isinstance(error, ProtocolError):
            self._refuse(error)
        else:
            self._report(error)
            self._respond(Page(500, "the server could not answer this"))

    def _report(self, error: BaseException) -> None:
        assert self._head is not None
        request = self._head.method, self._head.target
        log.error("%s %s failed", *request, exc_info=error)

    def _refuse(self, error: ProtocolError) -> None:
        """Answer a request that broke the rules, and close the connection."""
        self._stir()
        self.server.refused += 1
        log.info("refused %s: %d, %s", self.remote, error.status, error.reason)
        if self._skipping:
            self._linger()  # this request has its answer already
            return
        # A plain head is shared by all who ask the same (see RequestParser.whole).
        self._head = copy(self._head) or Head(error.method, "", "1.1", b"")
        self._head.keep_alive = False
        self._respond(Page(error.status, error.reason))

    def _upgrade(self, response: Any) -> None:
        """Let another protocol have the stream."""
        if not self._parser.paused or response.status != 101:
            raise ValueError("there is no upgrade that the client asked for")
        if self._head is not None and self._head.expects_continue:
            self._send(CONTINUE)  # before a 101 always (RFC 9110, 7.8)
        self._send(encode_head(101, response.headers))
        stream = self.stream
        stream.on_data = stream.on_close = None
        stream.delegate(None)
        stream.pushback(self._parser.leftover())
        stream.resume_reading()
        self.deadline = inf
        self.server.hand_over(self, response.upgrade)

    # The end

    def _stir(self) -> None:
        """Something is not as usual: from here on, look at everything."""
        if self._resting:
            self._resting = False
            self.deadline, self._late = inf, Connection._abort

    def _no_head(self) -> None:
        if self._parser.idle:
            self._hang_up()
        else:
            self._parser.stop()
            self._refuse(ProtocolError(408, "the request took too long"))

    def _slow_body(self) -> None:
        self._parser.stop()
        self._events.append(ProtocolError(408, "the body came too slowly"))
        if self._head is None:
            self._serve()
        else:
            self._hold()

    def _linger(self) -> None:
        """Close, but let the client read the last answer.

        To close a socket with unread data in it resets the connection, and a reset
        wipes out what the client has not read yet. So we close our half, and throw
        away what comes, for a while (RFC 9112, 9.6).
        """
        self._events.clear()
        self._parser.stop()
        if self._head is None:
            self._head = Head("", "", "1.1", b"")  # nothing is served any more
        if self.stream.eof:
            self._hang_up()
        elif not self.stream.closed:
            self.stream.on_data = self._drop
            self.stream.resume_reading()
            self.stream.write_eof()
            self._wait(self.server.settings.linger, Connection._abort)

    def _drop(self, data: bytes) -> None:
        if not data:
            self._hang_up()

    def stop(self) -> None:
        """The server stops: close, unless something is in flight."""
        if self._head is None and self._parser.idle:
            self._hang_up()

    def _on_close(self, error: BaseException | None) -> None:
        self.server.forget(self)
        if self._task is not None:
            self._task.cancel()
        if self._reader is not None:
            self._reader.cancel()  # it need not be that task which reads


def fast_path() -> Callable[[Connection], OnReady] | None:
    """What takes a known request from `recv` to `send` in C, and calls the methods
    above for all else. None without the extension, or for other classes than ours."""
    if fastpath is None or not are_ours(Connection, Stream, Host):
        return None
    try:
        fastpath.bind(Connection, Stream, Host, NO_BODY, opening, CancelledError)
    except RuntimeError:
        return None  # it has other such classes already: this module came in twice
    return fastpath.FastPath


FastPath = fast_path()
