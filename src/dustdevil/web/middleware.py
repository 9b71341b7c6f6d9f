"""Middleware that many sites want: compression, and a log.

    app.use(Gzip())
    serve(AccessLog(app))

The first stands around the handlers of an application. The log stands around an
application as a whole, and a server is given it in its place.
"""

import logging
import re
import zlib
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress
from functools import lru_cache, partial
from time import gmtime, monotonic, strftime, time
from typing import Any

from dustdevil.coroutine import CancelledError, Future, let_others_run
from dustdevil.http.errors import ProtocolError
from dustdevil.http.head import Head
from dustdevil.http.headers import Headers
from dustdevil.routing import Handler
from dustdevil.web.messages import Request, Response
from dustdevil.web.static import (
    COMPRESSIBLE,
    GZIP,
    GZIP_SMALLEST,
    READ_SIZE,
    accepts_gzip,
)

# Characters of a log line that would be something else than themselves in it.
SPECIAL = re.compile(r"[^ !#-\[\]-~]")
INCOMPRESSIBLE = {204, 206, 304}


class Gzip:
    """Compress what is text, at least `smallest` bytes long, where the client likes it.

    A body of unknown length is compressed piece by piece, and each piece is sent at
    once. Streams of events stay as they are, and what is compressed already, or says
    "no-transform". The ETag becomes a weak one: same content, other bytes.

    Where a page repeats what was in the request, and holds a secret, its size can
    betray that (BREACH): so tokens are masked, see `sessions`.
    """

    def __init__(self, level: int = 6, smallest: int = GZIP_SMALLEST):
        self.level = level
        self.smallest = smallest

    async def __call__(self, request: Request, call_next: Handler) -> Response:
        """Answer a request, compressed if that pays."""
        response = await call_next(request)
        headers = response.headers
        etag = headers.get("etag")
        if response.status == 304:
            # With what the page itself would say of these two (RFC 9110, 15.4.5).
            vary(headers, "Accept-Encoding")
            if etag and f"W/{etag}" in request.headers.get("if-none-match", ""):
                headers["ETag"] = f"W/{etag}"
        if not may_compress(response, headers):
            return response
        # Who asks otherwise gets other bytes: a cache has to know that.
        vary(headers, "Accept-Encoding")
        body = response.body
        small = isinstance(body, bytes) and len(body) < self.smallest
        if small or not accepts_gzip(request.headers):
            return response
        if etag is not None and not etag.startswith("W/"):
            headers["ETag"] = f"W/{etag}"
        del headers["Accept-Ranges"]  # of these bytes there are no ranges
        headers["Content-Encoding"] = "gzip"
        if isinstance(body, bytes) and len(body) <= READ_SIZE:
            response.body = zlib.compress(body, self.level, wbits=GZIP)
        else:
            response.body = Squeezed(body, self.level)
            response.length = None
        return response


def may_compress(response: Response, headers: Headers) -> bool:
    """Whether the response is one that could be sent compressed."""
    kind = headers.get("content-type", "")
    return (
        response.upgrade is None
        and response.status not in INCOMPRESSIBLE
        and "content-encoding" not in headers
        and "no-transform" not in headers.get("cache-control", "").lower()
        and COMPRESSIBLE.match(kind) is not None
        and not kind.startswith("text/event-stream")
    )


class Squeezed:
    """A body compressed piece by piece, as an asynchronous iterator.

    A large body in one piece is cut, so that others have a turn in between.
    """

    def __init__(self, body: bytes | AsyncIterator[bytes], level: int):
        self._body = in_blocks(body) if isinstance(body, bytes) else body
        self._pieces = self._body.__aiter__()
        self._flush = zlib.Z_NO_FLUSH if isinstance(body, bytes) else zlib.Z_SYNC_FLUSH
        self._zip: Any = zlib.compressobj(level, wbits=GZIP)

    def __aiter__(self) -> "Squeezed":
        return self

    async def __anext__(self) -> bytes:
        if self._zip is None:
            raise StopAsyncIteration
        piece = await anext(self._pieces, None)
        if piece is None:
            end, self._zip = self._zip.flush(), None
            return end
        data = self._zip.compress(piece)
        # Flushed, or what was said would wait in here for what is said next.
        return data + self._zip.flush(self._flush)

    async def aclose(self) -> None:
        """Close the body inside."""
        if hasattr(self._body, "aclose"):
            await self._body.aclose()


async def in_blocks(data: bytes) -> AsyncIterator[bytes]:
    """The bytes, a block at a time."""
    for start in range(0, len(data), READ_SIZE):
        yield data[start : start + READ_SIZE]
        await let_others_run()


def vary(headers: Headers, field: str) -> None:
    """Add to what a response depends on (RFC 9110, section 12.5.5), once."""
    known = headers.get("vary", "").lower().split(",")
    if not {member.strip() for member in known} & {field.lower(), "*"}:
        headers.add("Vary", field)


class AccessLog:
    """An application whose requests are written down, one line each.

    The line is the "combined" format of Apache and nginx, and at its end the seconds
    until the answer was there, all of it or, of one in pieces, its beginning:

        192.0.2.1 - - [10/Oct/2025:13:55:36 +0000] "GET / HTTP/1.1" 200 13 "-" "x" 0.001

    A status of 499 tells that the client went away before the answer. `write` gets
    the line, without a newline; by default it is the logger "dustdevil.access". That
    cost 40 µs a line on a machine where a small request costs 10 in all; `print`, with
    a flush, 18, and writing to a file that is open, 14.
    Whatever a client says is escaped: it can neither begin a line nor end a field.
    """

    def __init__(
        self, application: Any, write: Callable[[str], Any] | None = None
    ) -> None:
        self.application = application
        self.jobs = getattr(application, "jobs", ())
        self.write = write or logging.getLogger("dustdevil.access").info

    def __call__(self, head: Head, body: Any, connection: Any) -> Any:
        """Answer one request: what the server calls."""
        note = partial(self.note, head, connection, monotonic())
        try:
            answer = self.application(head, body, connection)
        except Exception as error:
            note(error)
            raise
        if hasattr(answer, "send"):
            return self.later(answer, note)
        if isinstance(answer, Future):
            answer.add_done_callback(lambda it: note(it.exception() or it.result()))
        else:
            note(answer)
        return answer

    async def later(self, answer: Awaitable[Any], note: Callable[[Any], None]) -> Any:
        """Wait for the answer, and write down how it came out."""
        try:
            response = await answer
        except BaseException as error:
            note(error)
            raise
        note(response)
        return response

    def note(self, head: Head, connection: Any, begin: float, outcome: Any) -> None:
        """Write the line of one request; its outcome is a response or an exception."""
        remote = connection.remote
        size, body = getattr(outcome, "length", None), getattr(outcome, "body", None)
        if isinstance(body, bytes):
            size = len(body) if head.method != "HEAD" else 0
        line = (
            f"{remote[0] if remote else '-'} - - [{stamp(int(time()))}] "
            f'"{head.method} {escape_control(head.target)} HTTP/{head.version}" '
            f"{status_of(outcome)} {'-' if size is None else size} "
            f'"{said(head.headers, "referer")}" "{said(head.headers, "user-agent")}" '
            f"{monotonic() - begin:.3f}"
        )
        with suppress(OSError):  # a log on a full disk is no reason to answer nobody
            self.write(line)


def status_of(outcome: Any) -> int:
    """The status that goes into the log, for a response or an exception."""
    if isinstance(outcome, CancelledError):
        return 499
    if isinstance(outcome, BaseException) and not isinstance(outcome, ProtocolError):
        return 500
    return outcome.status


@lru_cache(maxsize=2)
def stamp(second: int) -> str:
    """The time as logs have it, made once a second."""
    return strftime("%d/%b/%Y:%H:%M:%S +0000", gmtime(second))


def said(headers: Headers, name: str) -> str:
    """A header's value as it can stand in the log."""
    return escape_control(headers.get(name, "-"))


def escape_control(text: str) -> str:
    """Quotes, backslashes, control characters and all beyond ASCII as \\xNN."""
    # Nearly always there is none, and to see that takes a third of the time.
    if text.isascii() and text.isprintable() and not ('"' in text or "\\" in text):
        return text
    return SPECIAL.sub(lambda found: f"\\x{ord(found[0]):02x}", text)
