"""Who may run programs here: only the reader who started the server.

The pages are no secret. Kernels need protection, since they run any code they are sent;
everything that leads to one lies below `api/`. These are the ways in, and what stops
each:

- *Other users and other machines* can connect to our port. `api/` wants the *token*, a
  random secret in the address that the terminal prints. A page takes it out of its
  address at once, since addresses end up in histories and screenshots, and keeps it in
  the browser's `localStorage`, which only pages of the same scheme, host and port can
  read. From there it goes into the header Authorization, and into the address of a
  WebSocket, whose headers a page can't set.
- *Another server on this machine* gets every cookie that ours sets: to cookies, all
  ports of a host are one. So no cookie holds the token, and none is accepted.
- *A page of another site* can have the browser send us requests. The browser adds no
  token to them, and *Origin* tells us whose page it is: what changes something, or
  opens a WebSocket, has to come from a page of ours. Such a page can't read our
  answers either, since we send no CORS headers; it can't put our pages into frames,
  nor hold on to a window that shows one.
- *DNS rebinding*: a site lets its own name point to 127.0.0.1 once its page is loaded,
  and the browser takes us for the site's server. We answer only to *Host* names that
  are ours, or that the reader has allowed.
- *Machines on the way* read the token if it leaves this one without TLS. So the
  command refuses to listen there without a certificate, unless the reader insists.

One way stays open. Where a proxy serves other applications under the same origin,
below other paths, the browser shows our `localStorage` to their pages as well.
"""

import hmac
import re
import socket
from collections.abc import Awaitable, Callable, Iterable

from dustdevil.web import HTTPError, Request, Response
from workshop.livebook.addresses import is_address, is_loopback, without_port
from workshop.livebook.api import error_response, is_api

SAFE_METHODS = ("GET", "HEAD", "OPTIONS")
# The cookie in which former versions kept the token, one for each port.
OLD_COOKIE = re.compile(r"dustdevil-\d+", re.ASCII)

HEADERS = [
    # No address of ours is told to another site, so that no token can be either.
    ("Referrer-Policy", "no-referrer"),
    ("X-Content-Type-Options", "nosniff"),
    ("Cross-Origin-Resource-Policy", "same-origin"),
    ("Cross-Origin-Opener-Policy", "same-origin"),
]
# Everything comes from here. Scripts and styles may stand in the page: outputs bring
# their own, and they come from the reader's own code. To some browsers 'self' does not
# include WebSockets. Which of the two schemes a page needs, we can't know: behind a
# proxy that speaks TLS, it is not the one that we see.
POLICY = (
    "default-src 'self'; "
    "script-src 'self' 'unsafe-inline'; "
    "style-src 'self' 'unsafe-inline'; "
    "img-src 'self' data: blob:; "
    "media-src 'self' data: blob:; "
    "font-src 'self' data:; "
    "connect-src 'self' ws://{host} wss://{host}; "
    "object-src 'none'; base-uri 'self'; form-action 'self'; frame-ancestors 'self'"
)

NO_TOKEN = "The token is missing or wrong; open the address with the token."

Next = Callable[[Request], Awaitable[Response]]


class Guard:
    """Middleware: lets through only what the reader's own pages and programs ask."""

    def __init__(
        self, token: str, host: str = "127.0.0.1", allowed: Iterable[str] = ()
    ) -> None:
        """`host` is the address, or the name of it, on which the server listens.

        `allowed` are further names, as a browser shows them: with the port, if that is
        not the usual one of the scheme.
        """
        self.token = token
        self.allowed = {name.lower() for name in allowed}
        self.public = {without_port(name) for name in self.allowed}
        self.names = {"localhost", host.lower()} | self.public
        self.exposed = not is_loopback(host)
        if self.exposed:
            self.names.add(socket.gethostname().lower())

    async def __call__(self, request: Request, call_next: Next) -> Response:
        response = self.refusal(request) or await call_next(request)
        if response.status != 101:
            add_headers(request, response)
        return response

    def refusal(self, request: Request) -> Response | None:
        """The answer to a request that may not pass; None for one that may."""
        if not self.knows_host(request):
            detail = f"This server does not go by the name {request.host}."
            return forbid(request, detail + hint(request.host))
        if not self.comes_from_here(request):
            origin = request.headers.get("origin", "null")
            detail = f"A page of another site, {origin}, sent this request."
            return forbid(request, detail + hint(origin.partition("://")[2]))
        if is_api(request) and not self.is_known(request):
            # The header tells a page why it was refused (RFC 9110, 11.6.1).
            return forbid(request, NO_TOKEN, [("WWW-Authenticate", "token")])
        return None

    def knows_host(self, request: Request) -> bool:
        """Whether the Host header names us, by an address or a name that is ours.

        If we listen on more than loopback, any address will do: what rebinds is names.
        """
        name = without_port(request.host)
        if name in self.names or name.endswith(".localhost"):
            return True
        return is_address(name) if self.exposed else is_loopback(name)

    def comes_from_here(self, request: Request) -> bool:
        """Whether a request that changes something was sent by a page of ours.

        A browser says in Origin whose page it is. Programs that are no browsers send no
        Origin; they are not sent by other people's pages either.
        """
        if request.method in SAFE_METHODS and not request.upgrade:
            return True
        origin = request.headers.get("origin")
        if origin is None:
            return request.headers.get("sec-fetch-site") in (
                None,
                "same-origin",
                "none",
            )
        return self.is_ours(origin.lower(), request)

    def is_ours(self, origin: str, request: Request) -> bool:
        """Whether an origin is that of our pages, as the reader's browser sees them.

        Under a name that is allowed there is a proxy before us. It may speak TLS where
        we don't, and it may ask us by another name.
        """
        host = request.host.lower()
        scheme, _, place = origin.partition("://")
        if without_port(place) in self.public:
            return scheme in ("http", "https") and place in {host, *self.allowed}
        return origin == f"{request.scheme}://{host}"

    def is_known(self, request: Request) -> bool:
        """Whether the request carries the token, in Authorization or in its address."""
        scheme, _, given = request.headers.get("authorization", "").partition(" ")
        return (
            scheme.lower() in ("token", "bearer") and self.fits(given)
        ) or self.fits(request.query.get("token", ""))

    def fits(self, given: str) -> bool:
        """Compare with the token, in a time that does not tell how much is right.

        Blanks around it are of no account: they come with what is pasted.
        """
        given_bytes = given.strip().encode(errors="replace")
        return hmac.compare_digest(given_bytes, self.token.encode())


def forbid(
    request: Request, detail: str, headers: Iterable[tuple[str, str]] = ()
) -> Response:
    """The answer 403: a page for people, JSON for programs."""
    response = error_response(request, HTTPError(403, detail))
    response.headers.extend(headers)
    return response


def hint(name: str) -> str:
    """What to do if a name that is refused is one of the book's own; "" for none."""
    if not name:
        return ""
    return f" If the book is to be found there, serve it with --allow-host {name}."


def add_headers(request: Request, response: Response) -> None:
    """Tell the browser what it may do with the answer."""
    policy = "Content-Security-Policy", POLICY.format(host=request.host)
    for name, value in [*HEADERS, policy]:
        if name not in response.headers:
            response.headers.add(name, value)
    if is_api(request):
        response.headers.add("Cache-Control", "no-store")
    if "dustdevil-" in request.headers.get("cookie", ""):
        for name in filter(OLD_COOKIE.fullmatch, request.cookies):
            response.delete_cookie(name)
