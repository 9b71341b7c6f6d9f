"""One request on its way out, and the connection that carries it.

A URL becomes an origin, which says where to connect, and a target, which goes into
the request line. Whatever would be something else in the bytes sent than it was meant
to be, is refused here.
"""

import zlib
from collections.abc import AsyncIterator, Iterable
from typing import Any, NamedTuple
from urllib.parse import quote, urljoin, urlsplit

from dustdevil.coroutine import Future, Task, current_scheduler
from dustdevil.http.errors import ProtocolError
from dustdevil.http.framing import Limits
from dustdevil.http.grammar import NAME, ORIGIN
from dustdevil.http.head import is_host
from dustdevil.http.headers import Headers
from dustdevil.http.parser import Closed, Parser, Role
from dustdevil.http.writer import LAST_CHUNK, chunk, field_line, field_lines
from dustdevil.resolver.names import to_ascii
from dustdevil.stream.iostream import Stream, StreamClosed
from dustdevil.sync import Semaphore

IDEMPOTENT = {"GET", "HEAD", "OPTIONS", "TRACE", "PUT", "DELETE"}  # RFC 9110, 9.2.2
PORTS = {"http": 80, "https": 443}
SECRETS = {"authorization", "cookie", "proxy-authorization"}
ABOUT_BODY = {"content-type", "content-encoding", "content-language"}
INFLATE_SIZE = 65536  # bytes that are inflated at a time


class ClientError(Exception):
    """The request can't be sent as it is, or its response can't be used."""


class Origin(NamedTuple):
    """Where a connection leads. What is secret there is so there only."""

    scheme: str
    host: str
    port: int


class ClientRequest(NamedTuple):
    """A request on its way; `body` is bytes, or an iterator that gives them once, and
    `length` what the iterator will give, if that is known. `host` is a Host header's
    value other than the URL's. `upgrade` is a protocol to go on with, if the server
    will (RFC 9110, 7.8)."""

    method: str
    url: str
    headers: Headers
    body: bytes | AsyncIterator[bytes]
    length: int | None = None
    host: str | None = None
    upgrade: str | None = None

    def again(self) -> bool:
        """Whether sending it twice does no harm (RFC 9110, 9.2.2)."""
        return self.method in IDEMPOTENT and isinstance(self.body, bytes)


def split(url: str) -> tuple[Origin, str]:
    """An absolute URL as origin and target; ClientError for what is none."""
    try:
        parts = urlsplit(url)
        usual = PORTS[parts.scheme]
        port = usual if parts.port is None else parts.port
    except (ValueError, KeyError):
        raise ClientError(f"{url!r} is no http or https URL") from None
    if parts.username is not None or not parts.hostname:
        raise ClientError(f"{url!r} has no host, or a password, which is a header's")
    target = quote(parts.path or "/", safe="/%:@!$&'()*+,;=~")
    if parts.query:
        target += "?" + quote(parts.query, safe="/%:@!$&'()*+,;=~?")
    if not ORIGIN.fullmatch(target.encode()):
        raise ClientError(f"{url!r} has a path that can't be sent")
    host = parts.hostname if ":" in parts.hostname else to_ascii(parts.hostname)
    return Origin(parts.scheme, host, port), target


def encode_request(request: ClientRequest, origin: Origin, target: str) -> bytes:
    """The head of a request; ValueError for a header that would be something else."""
    if not NAME.fullmatch(request.method.encode()) or request.method == "CONNECT":
        raise ClientError(f"{request.method!r} is no method that can be sent")
    host = f"[{origin.host}]" if ":" in origin.host else origin.host
    if origin.port != PORTS[origin.scheme]:
        host += f":{origin.port}"
    host = host if request.host is None else request.host
    if not is_host(host.encode()):
        raise ClientError(f"{host!r} is no host")
    lines = [f"{request.method} {target} HTTP/1.1\r\nHost: {host}\r\n".encode()]
    if "host" in request.headers:
        raise ValueError("Host is written by the client, from the URL")
    if "accept-encoding" not in request.headers:
        lines.append(b"Accept-Encoding: gzip, deflate\r\n")
    lines.append(field_lines(request.headers).encode("latin-1"))
    if request.length is not None:
        lines.append(b"Content-Length: %d\r\n" % request.length)
    elif not isinstance(request.body, bytes):
        lines.append(b"Transfer-Encoding: chunked\r\n")
    elif request.body or request.method in ("POST", "PUT", "PATCH"):
        lines.append(b"Content-Length: %d\r\n" % len(request.body))
    if request.upgrade is not None:
        lines.append(field_line("Upgrade", request.upgrade).encode())
    return b"".join(lines) + b"\r\n"


def redirected(request: ClientRequest, status: int, location: str) -> ClientRequest:
    """The request that a redirect asks for (RFC 9110, 15.4)."""
    try:
        # Characters that are not ASCII stand for the bytes that came.
        place = quote(location, safe="/%:@!$&'()*+,;=~?#[]", encoding="latin-1")
        url = urljoin(request.url, place)
    except ValueError:
        raise ClientError(f"there is no way to {location!r}") from None
    method, headers, body = request.method, request.headers, request.body
    drop: set[str] = set()
    if split(url)[0] != split(request.url)[0]:
        drop |= SECRETS  # they were meant for the other origin
    becomes_get = status == 303 and method != "HEAD"
    if becomes_get or (status in (301, 302) and method == "POST"):
        method, body = "GET", b""
        drop |= ABOUT_BODY
    elif not isinstance(body, bytes):
        raise ClientError("a redirect asks for a body again that was given once")
    kept = Headers(headers)
    for name in drop:
        del kept[name]
    return ClientRequest(method, url, kept, body, upgrade=request.upgrade)


class Link:
    """One connection, and what it reads. While a response is read from it, it has one
    of the `places` for connections to its origin."""

    def __init__(
        self, stream: Stream, limits: Limits, origin: Origin, places: Semaphore
    ) -> None:
        self.stream = stream
        self.origin = origin
        self.places = places
        self.parser = Parser(Role.CLIENT, limits)
        self.heard = False  # any byte of the answer
        self.used = False  # for a request before this one
        self.upload: Task | None = None

    async def next(self) -> Any:
        """The next event. Raises ProtocolError, and StreamClosed if there is none."""
        while (event := self.parser.next_event()) is None:
            data = await self.stream.read()
            self.heard = self.heard or bool(data)
            if not self.heard:
                raise StreamClosed("the connection ended before an answer")
            self.parser.receive(data)
        if isinstance(event, ProtocolError):
            raise event
        if isinstance(event, Closed):
            raise StreamClosed("the connection ended")
        return event

    def send(self, request: ClientRequest, lines: bytes) -> None:
        """Write the request; an iterator's pieces follow while the answer is read."""
        self.parser.expect(request.method, request.upgrade is not None)
        self.heard = False
        if isinstance(request.body, bytes):
            self.stream.write(lines + request.body)
        else:
            self.stream.write(lines)
            self.upload = current_scheduler().spawn(self._upload(request))
            self.upload.add_done_callback(self._uploaded)

    async def _upload(self, request: ClientRequest) -> None:
        assert not isinstance(request.body, bytes)
        sent = 0
        async for piece in request.body:
            sent += len(piece)
            if request.length is None:
                self.stream.write(chunk(piece))
            elif sent <= request.length:
                self.stream.write(piece)
            await self.stream.drain()
        if request.length is None:
            self.stream.write(LAST_CHUNK)
        elif sent != request.length:
            raise ClientError(f"a body of {request.length} bytes came out otherwise")

    def _uploaded(self, task: Future) -> None:
        # Nobody can tell the server that the rest will not come, but by closing.
        if task.exception() is not None:
            self.stream.abort()

    def reusable(self) -> bool:
        """Whether another request can follow: all is sent and all is read."""
        sent = self.upload is None or self.upload.done()
        return sent and self.parser.idle and self.quiet()

    def quiet(self) -> bool:
        """Whether the connection stands, and the server said nothing by itself."""
        return not (self.stream.closed or self.stream.eof or self.stream.read_now())

    def close(self) -> None:
        """Close, in order if all is sent: a server with TLS is told then."""
        sent = self.upload is None or self.upload.done()
        if sent and not self.stream.unsent:
            self.stream.close()
        else:
            self.abort()

    def abort(self) -> None:
        """Close at once."""
        if self.upload is not None:
            self.upload.cancel()
        self.stream.abort()


class Inflater:
    """Takes compressed pieces and gives pieces of at most INFLATE_SIZE bytes."""

    def __init__(self, coding: str, limit: int) -> None:
        self._coding = coding
        self._left = limit
        self._bits = 0  # zlib's number for the wrapping, when that is known
        self._inflate: Any = None
        self._kept = b""

    def feed(self, data: bytes) -> Iterable[bytes]:
        """Inflate; ClientError for what is damaged, or more than the limit."""
        data, self._kept = self._kept + data, b""
        if self._inflate is None:
            if len(data) < 2:
                self._kept = data  # it takes two bytes to tell a wrapping from none
                return
            self._bits = wrapping(self._coding, data)
            self._inflate = zlib.decompressobj(self._bits)
        full = False  # there may be more to come of what was put in
        while data or full:
            if self._inflate.eof:
                self._inflate = zlib.decompressobj(self._bits)  # gzip in members
            try:
                piece = self._inflate.decompress(data, INFLATE_SIZE)
            except zlib.error as error:
                raise ClientError(f"the body is damaged: {error}") from None
            data = self._inflate.unconsumed_tail or self._inflate.unused_data
            full = len(piece) == INFLATE_SIZE and not self._inflate.eof
            self._left -= len(piece)
            if self._left < 0:
                raise ClientError("the body inflates to more than the limit")
            if piece:
                yield piece

    def end(self) -> None:
        """The body is over; ClientError if it is cut off."""
        if self._kept or (self._inflate is not None and not self._inflate.eof):
            raise ClientError("the compressed body is cut off")


def wrapping(coding: str, start: bytes) -> int:
    """What zlib calls it: 47 is its own wrapping or gzip's, whichever it is."""
    try:
        zlib.decompressobj(47).decompress(start[:2])
    except zlib.error:
        if coding == "deflate":
            return -15  # some send it bare
    return 47
