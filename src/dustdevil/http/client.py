"""An HTTP client that keeps its connections.

    async with Client() as client:
        response = await client.get("http://127.0.0.1:8000/notes")
        print(response.status, await response.text())

A connection that has served one request is kept for the next one to the same origin:
scheme, host and port. The server may close it at that very moment. So a request that
fails on a kept connection, before any byte of an answer, is sent again, provided that
doing it twice is the same as doing it once.
"""

import json as notation
import ssl
from collections.abc import AsyncIterator, Iterable, Mapping
from typing import Any
from weakref import WeakValueDictionary

from dustdevil.fields import Integer, Seconds, Settings, Size
from dustdevil.http.errors import ProtocolError
from dustdevil.http.framing import Limits
from dustdevil.http.headers import Headers, Pair
from dustdevil.http.outgoing import (
    ClientError,
    ClientRequest,
    Inflater,
    Link,
    Origin,
    encode_request,
    redirected,
    split,
)
from dustdevil.http.parser import Data, End
from dustdevil.loop.eventloop import Timer, running_loop
from dustdevil.resolver.names import Resolver
from dustdevil.stream.iostream import Stream, StreamClosed
from dustdevil.sync import Semaphore, timeout

REDIRECTS = {301, 302, 303, 307, 308}


class ClientSettings(Settings):
    """Limits and deadlines. All of them hold unless they are changed."""

    connect_timeout = Seconds(10, "to look up the name, connect, and agree on keys")
    read_timeout = Seconds(30, "for the next piece of a response")
    total_timeout = Seconds(300, "for everything, from the request to the last byte")
    idle_timeout = Seconds(30, "that a connection is kept without a request")
    max_per_host = Integer(8, "connections open to one origin; others wait", 1)
    max_redirects = Integer(10, "followed one after the other", 0)
    max_header_size = Size(64 * 1024, "of all header fields together", 16)
    max_body = Size(64 * 1024 * 1024, "of a body read whole, or inflated")


class ClientResponse:
    """An answer: its head is there, its body is read from here, once.

    `length` is the body's as it is sent, in bytes; None if only its end will tell.
    """

    def __init__(self, client: "Client", link: Link, deadline: float):
        self._client, self._link, self._deadline = client, link, deadline
        self._open = True
        self.url = ""
        self.history: list[str] = []  # the URLs that led here

    async def begin(self) -> None:
        """Read up to the head that counts."""
        while (head := await self._event()).interim:
            pass
        self.status, self.reason, self.headers = head.status, head.reason, head.headers
        self.length = head.length
        if not head.has_body and self.status != 101:
            self._finish()

    def detach(self) -> Stream:
        """After a 101, the connection: it speaks the other protocol, and is yours."""
        if not (self._open and self.status == 101):
            raise ClientError("the connection does not speak another protocol")
        self._open = False
        self._client.let_go(self._link)
        self._link.stream.pushback(self._link.parser.leftover())
        return self._link.stream

    async def _event(self) -> Any:
        client, loop = self._client, running_loop()
        left = max(0, self._deadline - loop.time())
        async with timeout(min(left, client.settings.read_timeout)):
            return await self._link.next()

    async def raw(self) -> AsyncIterator[bytes]:
        """The body's pieces as they were sent."""
        try:
            while self._open and self.status != 101:
                event = await self._event()
                if isinstance(event, End):
                    self._finish()
                elif isinstance(event, Data):
                    yield event.data
        finally:
            self.close()

    async def stream(self) -> AsyncIterator[bytes]:
        """The body's pieces, inflated. Raises ClientError, ProtocolError, OSError."""
        coding = self.headers.get("content-encoding", "identity").strip().lower()
        if coding in ("gzip", "x-gzip", "deflate") and self._open:
            inflater = Inflater(coding, self._client.settings.max_body)
            async for data in self.raw():
                for piece in inflater.feed(data):
                    yield piece
            inflater.end()
        else:
            async for data in self.raw():
                yield data

    async def read(self) -> bytes:
        """The whole body; ClientError if it is more than `max_body`."""
        body = bytearray()
        async for piece in self.stream():
            body += piece
            if len(body) > self._client.settings.max_body:
                self.close()
                raise ClientError("the body is too large to be read whole")
        return bytes(body)

    async def text(self, encoding: str = "utf-8") -> str:
        """The body as text; what can't be decoded is marked."""
        return (await self.read()).decode(encoding, "replace")

    async def json(self) -> Any:
        """The body read as JSON; ValueError if it is none."""
        return notation.loads(await self.read())

    def _finish(self) -> None:
        if self._open:
            self._open = False
            self._client.give_back(self._link)

    def close(self) -> None:
        """Want no more of it; the connection is lost unless all was read."""
        if self._open:
            self._link.abort()
            self._finish()


class Client:
    """Sends requests, and keeps the connections for the next ones.

    `tls` is a context of the caller's; the default one verifies certificates against
    the system's. Use it as `async with Client(...)`, or `close()` it.
    """

    def __init__(
        self,
        settings: ClientSettings | None = None,
        tls: ssl.SSLContext | None = None,
        resolver: Resolver | None = None,
    ) -> None:
        self.settings = settings or ClientSettings()
        self._tls = tls
        self._resolver = resolver or running_loop().shared(Resolver)
        self._limits = Limits(field_bytes=self.settings.max_header_size)
        self._links: set[Link] = set()
        self._kept: dict[Link, Timer] = {}  # idle ones, until their time is over
        # By origin, for as long as somebody has one of them, or waits for one.
        self._places: WeakValueDictionary[Origin, Semaphore] = WeakValueDictionary()

    async def __aenter__(self) -> "Client":
        return self

    async def __aexit__(self, *_: Any) -> None:
        self.close()

    def close(self) -> None:
        """Close every connection; responses that are being read end with an error."""
        for link in list(self._kept):
            self._drop(link)
        for link in self._links:
            link.abort()

    async def get(self, url: str, **options: Any) -> ClientResponse:
        """GET; options as of `request`."""
        return await self.request("GET", url, **options)

    async def post(self, url: str, **options: Any) -> ClientResponse:
        """POST; options as of `request`."""
        return await self.request("POST", url, **options)

    async def request(
        self,
        method: str,
        url: str,
        headers: Headers | Mapping[str, str] | Iterable[Pair] = (),
        body: bytes | AsyncIterator[bytes] = b"",
        json: Any = None,
        timeout: float | None = None,
        length: int | None = None,
        host: str | None = None,
        follow: bool = True,
        upgrade: str | None = None,
    ) -> ClientResponse:
        """Send a request; return when the head of the answer is there.

        `timeout` is for everything, the body too, in seconds. An iterator is sent in
        chunks unless its `length`, in bytes, is known. `host` is sent as Host in place
        of the URL's. A redirect is an answer like others if not to `follow`. `upgrade`
        offers another protocol: to a 101, `detach()` gives the connection. Raises
        ClientError and ValueError for what can't be sent, ProtocolError for what is no
        response, TimeoutError, and OSError.
        """
        total = self.settings.total_timeout if timeout is None else timeout
        deadline = running_loop().time() + total
        fields = Headers(headers)
        if json is not None:
            body = notation.dumps(json).encode()
            fields.add("Content-Type", "application/json")
        request = ClientRequest(method, url, fields, body, length, host, upgrade)
        history: list[str] = []
        while True:
            response = await self._send(request, deadline)
            response.url, response.history = request.url, history[:]
            redirects = follow and response.status in REDIRECTS
            if not redirects or "location" not in response.headers:
                return response
            response.close()
            if len(history) >= self.settings.max_redirects:
                raise ClientError(f"more than {len(history)} redirects")
            history.append(request.url)
            request = redirected(request, response.status, response.headers["location"])

    async def _send(self, request: ClientRequest, deadline: float) -> ClientResponse:
        """Send once, or again as long as kept connections turn out to be closed."""
        origin, target = split(request.url)
        lines = encode_request(request, origin, target)
        while True:
            link = await self._take(origin, deadline)
            response = ClientResponse(self, link, deadline)
            try:
                link.send(request, lines)
                await response.begin()
                if response.status == 101 and not switches(response, request):
                    raise ProtocolError(502, "the server switched to another protocol")
                return response
            except StreamClosed:
                response.close()
                failed = link.upload and link.upload.done() and link.upload.exception()
                if failed and not isinstance(failed, StreamClosed):
                    raise failed from None  # it was the body's iterator
                if link.heard or not link.used or not request.again():
                    raise
            except BaseException:
                response.close()
                raise

    # The pool

    async def _take(self, origin: Origin, deadline: float) -> Link:
        """A kept connection that still stands, or a new one, when there is room."""
        loop, settings = running_loop(), self.settings
        places = self._places.setdefault(origin, Semaphore(settings.max_per_host))
        async with timeout(max(0, deadline - loop.time())):
            await places.acquire()
        for link in [link for link in reversed(self._kept) if link.origin == origin]:
            if link.quiet():
                self._kept.pop(link).cancel()
                link.used = True
                return link
            self._drop(link)
        try:
            left = max(0, deadline - loop.time())
            async with timeout(min(left, settings.connect_timeout)):
                return await self._connect(origin, places)
        except BaseException:
            places.release()
            raise

    async def _connect(self, origin: Origin, places: Semaphore) -> Link:
        if origin.scheme == "https" and self._tls is None:
            self._tls = ssl.create_default_context()
        tls = self._tls if origin.scheme == "https" else None
        stream = await self._resolver.connect(origin.host, origin.port, tls)
        link = Link(stream, self._limits, origin, places)
        self._links.add(link)
        return link

    def give_back(self, link: Link) -> None:
        """Keep a connection whose response was read, if another one can follow."""
        if not link.reusable():
            link.close()
            self.let_go(link)
            return
        idle = self.settings.idle_timeout
        self._kept[link] = running_loop().call_later(idle, self._drop, link)
        link.places.release()

    def let_go(self, link: Link) -> None:
        """A connection is somebody else's from here on."""
        self._links.discard(link)
        link.places.release()

    def _drop(self, link: Link) -> None:
        """Close a kept connection."""
        self._kept.pop(link).cancel()
        self._links.discard(link)
        link.close()


def switches(response: ClientResponse, request: ClientRequest) -> bool:
    """Whether a 101 names the protocol that was asked for."""
    protocol = response.headers.get("upgrade", "")
    return protocol.lower() == str(request.upgrade).lower()
