"""Middleware that many sites want: compression, other origins, a log.

    app.use(Gzip())
    app.use(Cors(["https://app.example"], credentials=True))
    serve(AccessLog(app))

The first two stand around the handlers of an application. The log stands around an
application as a whole, and a server is given it in its place.
"""

import logging
import re
import zlib
from collections.abc import AsyncIterator, Awaitable, Callable, Collection
from functools import lru_cache
from time import gmtime, monotonic, strftime, time
from typing import Any

from dustdevil.coroutine import CancelledError, let_others_run
from dustdevil.http1 import Head, Headers, ProtocolError
from dustdevil.messages import Pair, Request, Response
from dustdevil.routing import METHODS, Handler
from dustdevil.static import BLOCK, COMPRESSIBLE, GZIP_SMALLEST, accepts_gzip

# Characters of a log line that would be something else than themselves in it.
SPECIAL = re.compile(r"[^ !#-\[\]-~]")
BODILESS = {204, 206, 304}


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
        headers = Lines(response.headers)
        if not may_compress(response, headers):
            return response
        # Who asks otherwise gets other bytes: a cache has to know that.
        headers.vary("Accept-Encoding")
        body = response.body
        small = isinstance(body, bytes) and len(body) < self.smallest
        if small or not accepts_gzip(request.headers):
            return response
        etag = headers.get("etag")
        if etag is not None and not etag.startswith("W/"):
            headers.set("ETag", f"W/{etag}")
        headers.remove("Accept-Ranges")  # of these bytes there are no ranges
        headers.set("Content-Encoding", "gzip")
        if isinstance(body, bytes) and len(body) <= BLOCK:
            response.body = zlib.compress(body, self.level, wbits=GZIP)
        else:
            response.body = Squeezed(body, self.level)
            response.length = None
        return response


GZIP = 31  # zlib's name for the format of RFC 1952, with the largest window


def may_compress(response: Response, headers: "Lines") -> bool:
    """Whether the response is one that could be sent compressed."""
    kind = headers.get("content-type", "")
    return (
        response.upgrade is None
        and response.status not in BODILESS
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
    for start in range(0, len(data), BLOCK):
        yield data[start : start + BLOCK]
        await let_others_run()


class Lines:
    """Looks into the headers of a response, by name, and changes them."""

    def __init__(self, pairs: list[Pair]):
        self.pairs = pairs

    def get(self, name: str, default: Any = None) -> Any:
        """The value of the first header of a name; `name` in lower case."""
        return next((v for key, v in self.pairs if key.lower() == name), default)

    def __contains__(self, name: str) -> bool:
        return self.get(name) is not None

    def remove(self, name: str) -> None:
        """Take away all headers of a name."""
        lower = name.lower()
        self.pairs[:] = [pair for pair in self.pairs if pair[0].lower() != lower]

    def set(self, name: str, value: str) -> None:
        """Have one header of a name, with this value."""
        self.remove(name)
        self.pairs.append((name, value))

    def vary(self, field: str) -> None:
        """Add to what the response depends on (RFC 9110, section 12.5.5), once."""
        known = [v for key, v in self.pairs if key.lower() == "vary"]
        members = {member.strip().lower() for v in known for member in v.split(",")}
        if not members & {field.lower(), "*"}:
            self.pairs.append(("Vary", field))


class Cors:
    """Let pages of other origins read the answers (Fetch Standard, section 3.3).

    `origins` are those that may, like "https://app.example", or "*" for all of them:
    but then without the user's cookies. Those come, and the answers to them can be
    read, with `credentials` only, which need a list. `headers` are the request's
    that a page may set, `expose` those of the response that it may read. A browser
    asks first before it sends anything unusual, and remembers for `max_age` seconds.
    """

    def __init__(
        self,
        origins: Collection[str] | str,
        methods: Collection[str] = METHODS,
        headers: Collection[str] = (),
        expose: Collection[str] = (),
        credentials: bool = False,
        max_age: int = 600,
    ):
        if isinstance(origins, str) and origins != "*":
            raise TypeError("origins are a collection of str, or '*'")
        if credentials and "*" in origins:
            raise ValueError(
                "credentials for every origin would open the site to all others: "
                "name the origins"
            )
        self.origins = origins
        self.credentials = credentials
        self.preflight: list[Pair] = [
            ("Access-Control-Allow-Methods", ", ".join(methods)),
            ("Access-Control-Max-Age", str(max_age)),
        ]
        if headers:
            self.preflight.append(("Access-Control-Allow-Headers", ", ".join(headers)))
        self.exposed: list[Pair] = []
        if expose:
            self.exposed.append(("Access-Control-Expose-Headers", ", ".join(expose)))

    async def __call__(self, request: Request, call_next: Handler) -> Response:
        """Answer a request, with the headers that let its page read the answer."""
        asking = "access-control-request-method" in request.headers
        origin = request.headers.get("origin")
        if request.method == "OPTIONS" and asking and origin is not None:
            response, more = Response(status=204), self.preflight
        else:
            response, more = await call_next(request), self.exposed
        headers = Lines(response.headers)
        if "*" in self.origins:
            allowed: str | None = "*"
        else:
            allowed = origin if origin in self.origins else None
            headers.vary("Origin")  # also where it was absent, or not allowed
        if origin is not None and allowed is not None:
            headers.set("Access-Control-Allow-Origin", allowed)
            if self.credentials:
                headers.set("Access-Control-Allow-Credentials", "true")
            response.headers += more
        return response


class AccessLog:
    """An application whose requests are written down, one line each.

    The line is the "combined" format of Apache and nginx, with the seconds that the
    answer took at its end:

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
        begin = monotonic()
        answer = self.application(head, body, connection)
        if hasattr(answer, "send"):
            return self.later(answer, head, connection, begin)
        self.note(head, connection, answer.status, answer, begin)
        return answer

    async def later(
        self, answer: Awaitable[Any], head: Head, connection: Any, begin: float
    ) -> Any:
        """Wait for the answer, and write down how it came out."""
        response, status = None, 500
        try:
            response = await answer
            status = response.status
            return response
        except CancelledError:
            status = 499
            raise
        except ProtocolError as error:
            status = error.status
            raise
        finally:
            self.note(head, connection, status, response, begin)

    def note(
        self, head: Head, connection: Any, status: int, response: Any, begin: float
    ) -> None:
        """Write the line of one request."""
        remote = connection.remote
        size = getattr(response, "length", None)
        if response is not None and isinstance(response.body, bytes):
            size = len(response.body)
        self.write(
            f"{remote[0] if remote else '-'} - - [{stamp(int(time()))}] "
            f'"{head.method} {escape(head.target)} HTTP/{head.version}" {status} '
            f"{'-' if size is None else size} "
            f'"{said(head.headers, "referer")}" "{said(head.headers, "user-agent")}" '
            f"{monotonic() - begin:.3f}"
        )


@lru_cache(maxsize=2)
def stamp(second: int) -> str:
    """The time as logs have it, made once a second."""
    return strftime("%d/%b/%Y:%H:%M:%S +0000", gmtime(second))


def said(headers: Headers, name: str) -> str:
    """A header's value as it can stand in the log."""
    return escape(headers.get(name, "-"))


def escape(text: str) -> str:
    """Quotes, backslashes, control characters and all beyond ASCII as \\xNN."""
    # Nearly always there is none, and to see that takes a third of the time.
    if text.isascii() and text.isprintable() and not ('"' in text or "\\" in text):
        return text
    return SPECIAL.sub(lambda found: f"\\x{ord(found[0]):02x}", text)
