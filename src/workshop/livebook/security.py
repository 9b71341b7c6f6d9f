"""Who may use the live book: the reader who started it, and nobody else.

A kernel runs whatever it is sent. A server that hands out kernels on a loopback
address is out of reach for other machines, but not for the pages of other sites that
the reader's browser happens to show, nor for other users of the same machine. Each of
the checks here is against one way in:

- the *token*, a random secret in the address that the terminal prints, against
  everybody who has not seen that terminal. It moves from the address into a cookie
  at once, since addresses end up in histories and screenshots;
- *Host*, against a name of somebody else's that they let point to 127.0.0.1 once
  their page is loaded ("DNS rebinding"): the browser would take us for their server;
- *Origin*, against requests and WebSockets that another page has the browser send,
  which adds our cookie to them without asking. SameSite is not enough: to it, all
  ports of 127.0.0.1 are one site.
"""

import hmac
import ipaddress
import re
import socket
from collections.abc import Awaitable, Callable
from html import escape
from urllib.parse import parse_qsl, urlencode

from dustdevil.messages import HTTPError, Request, Response, html, redirect
from workshop.livebook.api import error_response, is_api

SAFE_METHODS = ("GET", "HEAD", "OPTIONS")
COOKIE_DAYS = 30

HEADERS = [
    # No address of ours is told to another site, so that no token can be either.
    ("Referrer-Policy", "no-referrer"),
    ("X-Content-Type-Options", "nosniff"),
    ("Cross-Origin-Resource-Policy", "same-origin"),
    ("Cross-Origin-Opener-Policy", "same-origin"),
]
# Everything comes from here. Scripts and styles may stand in the page: outputs bring
# their own, and they come from the reader's own code.
POLICY = (
    "default-src 'self'; "
    "script-src 'self' 'unsafe-inline'; "
    "style-src 'self' 'unsafe-inline'; "
    "img-src 'self' data: blob:; "
    "media-src 'self' data: blob:; "
    "font-src 'self' data:; "
    "connect-src 'self' ws://{host}; "
    "object-src 'none'; base-uri 'self'; form-action 'self'; frame-ancestors 'self'"
)

PAGE = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>This book needs its token</title>
<style>
:root {{ color-scheme: light dark; font: 1.1rem/1.5 system-ui, sans-serif }}
body {{ margin: 15vh auto; padding: 0 1rem; max-width: 36rem }}
input, button {{ font: inherit; padding: .2em .5em }}
</style>
</head>
<body>
<h1>This book needs its token</h1>
<p>{reason}</p>
<p>The cells of these pages run on your computer, so the server asks who is there.
Look at the terminal in which <code>make serve</code> runs: the last address it
printed ends in <code>?token=</code> and some letters. Open that address, all of it,
and this browser will be known from then on. Or type the token here:</p>
<form method="get" action="{path}">
<label>Token <input name="token" autocomplete="off" autofocus required></label>
<button>Open the book</button>
</form>
<p>Each start of the server makes a new token: an older address no longer works.</p>
</body>
</html>
"""
MISSING = "You opened an address of the live book without the token in it."
WRONG = "The token in this address is not the one that the server was started with."

Next = Callable[[Request], Awaitable[Response]]


class Guard:
    """Middleware: lets through only what the reader's own pages and programs ask."""

    def __init__(self, token: str, host: str = "127.0.0.1") -> None:
        """`host` is the address, or the name of it, on which the server listens."""
        self.token = token
        self.names = {"localhost", host.lower()}
        self.exposed = not is_loopback(host)
        if self.exposed:
            self.names.add(socket.gethostname().lower())

    async def __call__(self, request: Request, call_next: Next) -> Response:
        response = self.refusal(request) or await call_next(request)
        if response.status != 101:
            there = {name.lower() for name, _ in response.headers}
            policy = "Content-Security-Policy", POLICY.format(host=request.host)
            for name, value in [*HEADERS, policy]:
                if name.lower() not in there:
                    response.headers.append((name, value))
            if is_api(request):
                response.headers.append(("Cache-Control", "no-store"))
        return response

    def refusal(self, request: Request) -> Response | None:
        """The answer to a request that may not pass; None for one that may."""
        if not self.knows_host(request):
            detail = f"This server does not go by the name {request.host!r}."
            return error_response(request, HTTPError(403, detail))
        if not comes_from_here(request):
            detail = "A page of another site sent this request."
            return error_response(request, HTTPError(403, detail))
        given = request.query.get("token")
        if given is not None and not is_api(request):
            return self.welcome(request) if self.fits(given) else self.ask(request)
        if self.is_known(request):
            return None
        if is_api(request):
            detail = "The token is missing or wrong; open the address with the token."
            return error_response(request, HTTPError(403, detail))
        return self.ask(request)

    def knows_host(self, request: Request) -> bool:
        """Whether the Host header names us, by an address or a name that is ours.

        If we listen on more than loopback, any address will do: what rebinds is names.
        """
        name = re.sub(r":\d+$", "", request.host).strip("[]").lower()
        if name in self.names or name.endswith(".localhost"):
            return True
        return is_address(name) if self.exposed else is_loopback(name)

    def is_known(self, request: Request) -> bool:
        """Whether the request carries the token: in a header, the query, the cookie."""
        scheme, _, credentials = request.headers.get("authorization", "").partition(" ")
        return (
            (scheme.lower() in ("token", "bearer") and self.fits(credentials.strip()))
            or self.fits(request.query.get("token", ""))
            or self.fits(request.cookies.get(cookie_name(request), ""))
        )

    def fits(self, given: str) -> bool:
        """Compare with the token, in a time that does not tell how much is right."""
        return hmac.compare_digest(given.encode(errors="replace"), self.token.encode())

    def welcome(self, request: Request) -> Response:
        """Keep the token in a cookie, and send the browser to the address without."""
        response = redirect(without_token(request))
        response.set_cookie(
            cookie_name(request),
            self.token,
            max_age=COOKIE_DAYS * 86400,
            same_site="Strict",
        )
        response.headers.append(("Cache-Control", "no-store"))
        return response

    def ask(self, request: Request) -> Response:
        """The page that says what to do."""
        reason = WRONG if "token" in request.query else MISSING
        page = PAGE.format(reason=reason, path=escape(request.raw_path))
        response = html(page, 403)
        response.headers.append(("Cache-Control", "no-store"))
        return response


def is_address(name: str) -> bool:
    """Whether it is an IP address and not a name."""
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


def is_loopback(name: str) -> bool:
    """Whether it stands for this machine, reached from itself."""
    if is_address(name):
        return ipaddress.ip_address(name).is_loopback
    return name.lower() == "localhost"


def comes_from_here(request: Request) -> bool:
    """Whether a request that changes something was sent by a page of ours.

    A browser says in Origin whose page it is. Programs that are no browsers send no
    Origin; they are not sent by other people's pages either.
    """
    upgrade = request.headers.get("upgrade")
    if request.method in SAFE_METHODS and upgrade is None:
        return True
    origin = request.headers.get("origin")
    if origin is None:
        return request.headers.get("sec-fetch-site") in (None, "same-origin", "none")
    return origin.lower() == f"{request.scheme}://{request.host}".lower()


def cookie_name(request: Request) -> str:
    """Cookies know no ports: without it, two books would take each other's cookie."""
    port = re.search(r":(\d+)$", request.host)
    return f"dustdevil-{port[1] if port else 80}"


def without_token(request: Request) -> str:
    """The request's own address, without the token, and never another host's."""
    path = "/" + request.raw_path.lstrip("/\\")
    pairs = parse_qsl(request.query_string, keep_blank_values=True)
    rest = urlencode([pair for pair in pairs if pair[0] != "token"])
    return f"{path}?{rest}" if rest else path
