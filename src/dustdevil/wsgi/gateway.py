"""WSGI: applications that are called in a thread, and wait as long as they like.

PEP 3333 is older than `async def`. Its application is a function that returns when
the response is there, and until then keeps its thread, so we give it one of a pool's.

    def app(environ, start_response):
        start_response("200 OK", [("Content-Type", "text/plain")])
        return [b"Hello, world\\n"]

    server = Server(WSGI(app, threads=8))

Everything that touches a socket stays in the loop. What goes from one side to the
other is little: the request, then the response. A response that is complete goes
in one piece. Of others the thread hands over one block after the other, and waits
when it is too far ahead of the client; and it asks for the request's body when the
application reads it, piece by piece. So neither body is ever in memory as a whole,
unless the application has it so.
"""

import inspect
import logging
import re
from collections.abc import AsyncIterator, Callable, Iterable
from functools import lru_cache
from typing import Any

from dustdevil.coroutine import CancelledError, Future
from dustdevil.http.body import Body, close
from dustdevil.http.connection import Connection
from dustdevil.http.errors import ProtocolError
from dustdevil.http.framing import BODILESS
from dustdevil.http.head import Head
from dustdevil.http.headers import Headers
from dustdevil.http.writer import field_line
from dustdevil.stream.iostream import CHUNK, HIGH_WATER
from dustdevil.sync import Queue
from dustdevil.threads.pool import ThreadPool, run_in_loop
from dustdevil.wsgi.environ import BASE, Environ, make_environ

log = logging.getLogger("dustdevil")

Pairs = list[tuple[str, str]]
App = Callable[[Environ, Callable[..., Any]], Iterable[bytes]]

# PEP 3333: a status is "404 Not Found". What is below 200 is no response yet.
START_STATUS = re.compile(r"([2-5][0-9][0-9])(?: ([\t -~\x80-\xff]*))?")
# RFC 9110, 7.6.1: they are about this connection, and that is the server's.
HOP_BY_HOP = {
    "connection", "keep-alive", "proxy-authenticate", "proxy-authorization",
    "proxy-connection", "te", "trailer", "trailers", "transfer-encoding", "upgrade",
}  # fmt: skip


class ClientGone(ConnectionError):
    """Raised in an application that reads from or writes to a client that left."""


class WSGI:
    """A WSGI application, as a Server wants it.

    At most `threads` requests are in it at a time; others wait for their turn. Say
    `multiprocess` if other processes serve the same application.
    """

    def __init__(self, application: App, threads: int = 8, multiprocess: bool = False):
        check(application)
        self.application = application
        self.threads = threads
        self.base = BASE | {
            "wsgi.multithread": threads > 1,
            "wsgi.multiprocess": multiprocess,
        }

    def __call__(self, head: Head, body: Body, connection: Connection) -> Future:
        """Started one request: what the server calls."""
        pool = connection.server.loop.shared(self.make_pool)
        exchange = Exchange(self, head, body, connection)
        exchange.answer = pool.call(exchange.run)
        return exchange.answer

    def make_pool(self) -> ThreadPool:
        """The threads for a loop, which closes them with itself."""
        return ThreadPool(self.threads)


def check(application: Any) -> None:
    """Raise TypeError for what can't be called as a WSGI application is."""
    no = f"{application!r} is no WSGI application: "
    try:
        inspect.signature(application).bind({}, print)
    except TypeError:
        why = "it can't be called with an environ and start_response"
        raise TypeError(no + why) from None
    except ValueError:
        pass  # written in C, and it doesn't tell
    if inspect.iscoroutinefunction(application):
        raise TypeError(no + "it is an async def")


class Started:
    """A response, as `server` describes it."""

    __slots__ = ("body", "headers", "length", "reason", "status")
    upgrade = None

    def __init__(self, status: int, reason: str | None):
        self.status = status
        self.reason = reason
        self.headers = Headers()
        self.length: int | None = None
        self.body: Any = b""


class Exchange:
    """One request in its thread: the server's side of PEP 3333.

    All methods run in the thread, but for `_deliver` and the coroutines.
    """

    def __init__(self, wsgi: WSGI, head: Head, body: Body, connection: Connection):
        self.answer: Future | None = None  # set before the loop's next turn
        self._wsgi = wsgi
        self._loop = connection.server.loop
        self._head = head
        self._body = body
        self._connection = connection
        self._response: Started | None = None  # what start_response() was told
        self._started = False  # whether the response is decided on
        self._ready: Started | None = None  # it is, and not handed over yet
        # Its body, when it comes piece by piece.
        self._blocks: BodyFromThread | None = None
        self._ahead = 0  # bytes handed over since we last waited for the client
        self._over = False  # nothing of the request is read any more
        self._refused: ProtocolError | None = None  # what is wrong with its body

    def run(self) -> Started | None:
        """Call the application. Returns the response, unless it is on its way.

        Raises what the application raises, as long as a 500 can be answered.
        """
        try:
            environ = make_environ(
                self._head, self._connection, self._more_input, self._wsgi.base
            )
            result = self._wsgi.application(environ, self.start_response)
            try:
                self._send(result)
            finally:
                if hasattr(result, "close"):
                    self._hand_over()  # the client need not wait for what this does
                    result.close()
        except ClientGone:
            log.debug("%s %s: the client left", self._head.method, self._head.target)
        except BaseException as error:
            if not self._started:
                if self._refused is None:
                    raise
                raise self._refused from error
            self._fail(error)
        return self._ready

    # What the application calls

    def start_response(
        self, status: str, headers: Pairs, exc_info: Any = None
    ) -> Callable[[bytes], None]:
        """Begin the response; again, with `exc_info`, to take it back for another.

        If it is too late for that, the exception is raised that `exc_info` holds.
        Raises AssertionError when it was called before, without any.
        """
        if exc_info:
            try:
                if self._started:
                    raise exc_info[1].with_traceback(exc_info[2])
            finally:
                exc_info = None  # no cycle of the traceback and this frame
        elif self._response is not None:
            raise AssertionError("start_response() was called twice, without exc_info")
        self._response = parse(status, headers)
        return self.write

    def write(self, block: bytes) -> None:
        """Send a block of the body now. Raises ClientGone, and ValueError for more
        than the Content-Length."""
        if not isinstance(block, bytes):
            raise TypeError(f"a body is of bytes, not of {type(block).__name__}")
        if not block:
            return
        if not self._started:
            self._start(block)
        elif self._blocks is not None:
            self._add(block)
        elif not self._bodiless():
            raise ValueError("there is more of the body than its Content-Length")

    def _more_input(self) -> bytes:
        """The next piece of the request's body, for `wsgi.input`."""
        if self._over:
            return b""
        try:
            if self._refused is None:
                return run_in_loop(anext, self._body, b"")
        except ProtocolError as error:
            self._refused = error
        except (ConnectionError, CancelledError):
            raise ClientGone("the client left") from None
        raise OSError(str(self._refused))

    # The response

    def _send(self, result: Iterable[bytes]) -> None:
        """Send what the application returned."""
        if isinstance(result, list | tuple) and not self._started:
            self._complete(b"".join(result))
            return
        for block in result:
            if self._gone():
                raise ClientGone
            if block:
                self.write(block)
                if self._bodiless():
                    break
        if not self._started:
            self._complete(b"")
        elif self._blocks is not None:
            self._loop.call_from_thread(self._blocks.put_now, None)
        self._over = True

    def _told(self) -> Started:
        """What start_response() was told."""
        if self._response is None:
            raise AssertionError("start_response() was not called")
        return self._response

    def _bodiless(self) -> bool:
        return self._head.method == "HEAD" or self._told().status in BODILESS

    def _complete(self, body: bytes) -> None:
        """Have a response of one piece ready. Raises ValueError for a wrong length."""
        response = self._told()
        if self._head.method == "HEAD" and (response.length is not None or not body):
            # The length is that of the body that GET would have had.
            response.body = BodyFromThread()
        elif response.length in (None, len(body)) or self._bodiless():
            response.body = body
        else:
            raise ValueError(f"{len(body)} bytes with Content-Length {response.length}")
        self._started = self._over = True
        self._ready = response

    def _start(self, block: bytes) -> None:
        """Send the first block: often it is all of them."""
        response = self._told()
        if response.length is not None and response.length <= len(block):
            self._complete(block)
        elif self._bodiless():
            self._complete(b"")
        else:
            self._started = True
            self._ready = response
            self._blocks = response.body = BodyFromThread()
            self._hand_over()
            self._add(block)

    def _add(self, block: bytes) -> None:
        """Hand a block over; wait where the client takes them more slowly."""
        assert self._blocks is not None
        view = memoryview(block)
        for start in range(0, len(block), CHUNK):
            if self._blocks.closed:
                raise ClientGone("the client left")
            piece = view[start : start + CHUNK]
            self._ahead += len(piece)
            if self._ahead <= HIGH_WATER:
                self._loop.call_from_thread(self._blocks.put_now, piece)
            else:
                run_in_loop(self._blocks.put, piece)
                self._ahead = 0

    def _gone(self) -> bool:
        if self._blocks is not None:
            return self._blocks.closed
        return self.answer is not None and self.answer.cancelled()

    def _hand_over(self) -> None:
        """Let the loop have the response, if there is one, before we are through."""
        response, self._ready = self._ready, None
        if response is not None:
            self._loop.call_from_thread(self._deliver, response)

    def _deliver(self, response: Started) -> None:
        assert self.answer is not None
        if not self.answer.done():
            self.answer.set_result(response)
        else:
            self._loop.spawn(close(response.body))  # it was cancelled: the client left

    def _fail(self, error: BaseException) -> None:
        """It is too late for a 500. A body that ends too early tells the client."""
        if self._blocks is not None:
            self._loop.call_from_thread(self._blocks.put_now, error)
        else:
            request = self._head.method, self._head.target
            log.error("%s %s failed after its response", *request, exc_info=error)


class BodyFromThread:
    """A body on its way from a thread to the loop; all of it runs in the loop.

    None ends it, and an exception breaks it off.
    """

    def __init__(self) -> None:
        self.closed = False  # nobody wants more
        self._queue = Queue(limit=1)

    def put_now(self, block: memoryview | BaseException | None) -> None:
        """Add a block, or what the end is."""
        if not self.closed:
            self._queue.put_now(block)

    async def put(self, block: memoryview) -> None:
        """Add a block when all before it are on their way to the client."""
        if not self.closed:
            await self._queue.put(block)

    def __aiter__(self) -> AsyncIterator[memoryview]:
        return self

    async def __anext__(self) -> memoryview:
        block = await self._queue.get()
        if block is None:
            raise StopAsyncIteration
        if isinstance(block, BaseException):
            raise block
        return block

    async def aclose(self) -> None:
        """Want no more. A thread that waits in `put` goes on."""
        self.closed = True
        while len(self._queue):
            await self._queue.get()


def parse(status: str, headers: Pairs) -> Started:
    """What start_response() is told, as a response without a body yet.

    Raises TypeError or ValueError for what PEP 3333 forbids, and for what would be
    something else in the bytes sent than one status line and a line for each header.
    """
    response = Started(*parse_status(status))
    for name, value in headers:
        if not (isinstance(name, str) and isinstance(value, str)):
            raise TypeError(f"a header is two str, not {name!r} and {value!r:.80}")
        lower = name.lower()
        if lower == "content-length":
            if response.length is not None or not re.fullmatch("[0-9]{1,18}", value):
                raise ValueError(f"Content-Length can't be {value!r}, or is repeated")
            response.length = int(value)
        elif lower in HOP_BY_HOP:
            raise ValueError(f"{name} is the server's to write (PEP 3333)")
        elif lower != "date":  # the server writes one
            field_line(name, value)
            response.headers.add(name, value)
    return response


@lru_cache(maxsize=64)
def parse_status(status: str) -> tuple[int, str | None]:
    """The number, and the phrase if there is one."""
    found = START_STATUS.fullmatch(status)
    if found is None:
        raise ValueError(f"{status!r} is no status like '200 OK'")
    return int(found[1]), found[2] or None
