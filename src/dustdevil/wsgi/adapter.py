"""WSGI applications of our own: several under one roof, and one out of coroutines.

`to_wsgi` goes the other way round than `wsgi.WSGI` does. An application for our server
becomes one for any WSGI server: the request is read back out of the environ, and the
coroutine run to its end in the thread that the server calls in.

    application = to_wsgi(app)  # for mod_wsgi, gunicorn, or wsgiref

`mount` is a middleware: an application for the server above it, and a server for the
applications below.
"""

import threading
from collections.abc import Callable, Iterable, Iterator
from http.client import responses
from inspect import isawaitable
from typing import Any
from urllib.parse import quote

from dustdevil.http.body import Body, Page, close
from dustdevil.http.head import NO_HEADERS, Head, ProtocolError
from dustdevil.http.parser import Data, End
from dustdevil.http.writer import BODILESS, application_line
from dustdevil.loop.eventloop import Loop
from dustdevil.stream.iostream import CHUNK
from dustdevil.wsgi.environ import Environ
from dustdevil.wsgi.gateway import App

# What may stand in a path and in a query as it is (RFC 3986, 3.3 and 3.4).
PATH_SAFE = "/:@!$&'()*+,;=~"
QUERY_SAFE = PATH_SAFE + "%?[]|{}\\^`"


def mount(applications: dict[str, App]) -> App:
    """One application out of several, each under its prefix: "" is for all others.

    The prefix moves from PATH_INFO to SCRIPT_NAME, as PEP 3333 wants it.
    """
    longest_first = sorted(applications, key=len, reverse=True)

    def dispatch(environ: Environ, start_response: Callable[..., Any]) -> Any:
        path = environ["PATH_INFO"]
        for prefix in longest_first:
            if path == prefix or path.startswith(prefix + "/") or not prefix:
                environ["SCRIPT_NAME"] += prefix
                environ["PATH_INFO"] = path[len(prefix) :]
                return applications[prefix](environ, start_response)
        start_response("404 Not Found", [("Content-Type", "text/plain")])
        return [b"404 Not Found\n"]

    return dispatch


class Peer:
    """What an application of ours is given for a connection, under another server."""

    def __init__(self, environ: Environ):
        self.remote = environ.get("REMOTE_ADDR", ""), int_of(environ, "REMOTE_PORT")
        self.local = environ["SERVER_NAME"], int_of(environ, "SERVER_PORT")
        self.scheme = environ["wsgi.url_scheme"]
        self._input = environ["wsgi.input"]
        self.length: int | None = int_of(environ, "CONTENT_LENGTH")
        if not environ.get("CONTENT_LENGTH") and environ.get("wsgi.input_terminated"):
            self.length = None
        self._left = self.length

    async def next_of_body(self) -> Data | End | ProtocolError:
        """The next piece of the body, as a Connection gives it. It does block."""
        size = CHUNK if self._left is None else min(CHUNK, self._left)
        # Some servers never come back from a read beyond the end.
        data = self._input.read(size) if size else b""
        if not data:
            if self._left:
                return ProtocolError(400, "the body ends early")
            return End(NO_HEADERS)
        if self._left is not None:
            self._left -= len(data)
        return Data(data)


def int_of(environ: Environ, name: str) -> int:
    """A variable that is a number; 0 without one, ProtocolError 400 for others."""
    value = environ.get(name) or "0"
    if not (value.isascii() and value.isdigit()):
        raise ProtocolError(400, f"{name} is malformed")
    return int(value)


def from_environ(environ: Environ) -> tuple[Head, Body, Peer]:
    """A request as a Server gives it to its application. Raises ProtocolError.

    The path is what follows the place where the application is mounted.
    """
    target = quote(environ.get("PATH_INFO", "").encode("latin-1"), PATH_SAFE) or "/"
    if query := environ.get("QUERY_STRING"):
        target += "?" + quote(query.encode("latin-1"), QUERY_SAFE)
    peer = Peer(environ)
    protocol = environ.get("SERVER_PROTOCOL", "")
    version = "1.0" if protocol == "HTTP/1.0" else "1.1"
    head = Head(environ["REQUEST_METHOD"], target, version, field_lines(environ))
    head.host = environ.get("HTTP_HOST") or "{}:{}".format(*peer.local)
    head.length, head.has_body = peer.length, peer.length != 0
    return head, Body(peer, peer.length), peer  # type: ignore[arg-type]


def field_lines(environ: Environ) -> bytes:
    """The header fields, each with a CRLF before it."""
    lines = []
    for key, value in environ.items():
        about_body = key in ("CONTENT_TYPE", "CONTENT_LENGTH") and value
        if about_body or key.startswith("HTTP_"):
            name = key.removeprefix("HTTP_").replace("_", "-").title()
            lines.append(f"\r\n{name}: {value}")
    return "".join(lines).encode("latin-1")


class Runner:
    """Runs coroutines on a loop of its own, which ends with it."""

    def __init__(self) -> None:
        self.loop = Loop()

    def __del__(self) -> None:
        self.loop.close()


class Private(threading.local):
    """Each thread's own runner; it goes when the thread ends."""

    def __init__(self) -> None:
        self.runner = Runner()


private = Private()


def to_wsgi(application: Callable[[Head, Body, Any], Any]) -> App:
    """An application of ours as one for any WSGI server.

    Its coroutines run in the thread that the server calls it in, on a loop that runs
    only until they return: what they spawn and do not await goes no further.
    """

    def call(environ: Environ, start_response: Callable[..., Any]) -> Any:
        loop = private.runner.loop
        try:
            head, body, peer = from_environ(environ)
            response = loop.run(answer(application, head, body, peer))
        except ProtocolError as error:
            response = Page(error.status, error.reason)
        return begin(response, environ, start_response, loop)

    return call


async def answer(application: Any, head: Head, body: Body, peer: Any) -> Any:
    """The response, from a plain function or a coroutine."""
    response = application(head, body, peer)
    return await response if isawaitable(response) else response


def begin(
    response: Any, environ: Environ, start_response: Callable[..., Any], loop: Loop
) -> Iterable[bytes]:
    """Start a response as WSGI wants it, and return its body."""
    status, headers, body = response.status, list(response.headers), response.body
    if response.upgrade is not None:
        raise ValueError("no other protocol can be spoken through WSGI")
    for name, value in headers:
        application_line(name, value)  # the same is refused as by our own server
    names = {name.lower() for name, _ in headers}
    bodiless = status in BODILESS
    if bodiless:
        headers = [pair for pair in headers if pair[0].lower() != "content-type"]
    elif "content-type" not in names:
        headers.append(("Content-Type", "application/octet-stream"))
    length = len(body) if isinstance(body, bytes) else response.length
    if length is not None and not bodiless:
        headers.append(("Content-Length", str(length)))
    start_response(f"{status} {responses.get(status, '')}", headers)
    pieces = Pieces(loop, body)
    if bodiless or environ["REQUEST_METHOD"] == "HEAD":
        pieces.close()
        return []
    return [body] if isinstance(body, bytes) else pieces


class Pieces:
    """A body that is made by a coroutine, for a server that iterates over it."""

    def __init__(self, loop: Loop, body: Any) -> None:
        self._loop = loop
        self._body = body

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        piece = self._loop.run(self._next())
        if piece is None:
            raise StopIteration
        return piece

    async def _next(self) -> bytes | None:
        # No exception that means the end may leave a coroutine.
        return await anext(self._body, None)

    def close(self) -> None:
        """What the server calls at the end, whichever way that came."""
        self._loop.run(close(self._body))
