"""Sessions: what a site remembers of a client; and a guard against forged requests.

    app.use(Sessions(os.environ["SESSION_KEY"]))
    app.use(Xsrf())

    @app.post("/basket")
    async def add(request):
        form = await request.form()
        request.session.setdefault("basket", []).append(form["item"])
        return redirect("/basket")

A session is a dictionary that the client itself keeps, in a signed cookie: the server
stores nothing, and any of its processes can read it. So it holds little (it must fit
into 4,096 bytes), and nothing that the client may not see. And a copy of the cookie
stays good until it expires: to end a session early on all machines, keep a number in
it that you can compare with one of yours.

A browser sends cookies along with whatever makes it send a request: also with a form
on somebody else's page. That is cross-site request forgery. `Xsrf` asks for something
more, which such a page can't know: a token out of the session, in the form itself.
"""

import hmac
import json
import secrets
from html import escape
from typing import Any

from dustdevil.routing import Handler
from dustdevil.web.cookies import MONTH, SignedCookies, from_base64, to_base64
from dustdevil.web.forms import MULTIPART, URLENCODED
from dustdevil.web.messages import HTTPError, Request, Response

# RFC 9110, section 9.2.1: these change nothing, so nothing is won by forging them.
SAFE = {"GET", "HEAD", "OPTIONS"}
TOKEN_SIZE = 16  # bytes
FIELD, HEADER = "_xsrf", "X-XSRF-Token"


class Session(dict[str, Any]):
    """What is remembered: anything that JSON can hold, under names that are str."""

    def __init__(self, text: str = "{}"):
        super().__init__(json.loads(text))
        self._text = text

    def text(self) -> str:
        """It as JSON. Raises TypeError or ValueError for what JSON can't hold."""
        return json.dumps(self, separators=(",", ":"), ensure_ascii=False)

    @property
    def changed(self) -> bool:
        """Whether it is other than it was, also deep inside, in a list for instance."""
        return self.text() != self._text


class Sessions:
    """A middleware that gives requests their `session`; keys as of SignedCookies.

    The cookie is read when `request.session` is first used, and set again only if
    the session was changed: then it is good for another `max_age` seconds. A session
    that was emptied is deleted. Scripts can't read the cookie, other sites' requests
    come without it, but for links, and over https it never goes out in the clear;
    `secure=True` says so behind a proxy that speaks TLS in our place.

    A session that is too large, or holds what JSON can't, is answered with a 500.
    """

    def __init__(
        self,
        *keys: str | bytes,
        name: str = "session",
        max_age: int = MONTH,
        same_site: str = "Lax",
        secure: bool | None = None,
    ):
        self.cookies = SignedCookies(*keys)
        self.name = name
        self.max_age = max_age
        self.same_site = same_site
        self.secure = secure

    async def __call__(self, request: Request, call_next: Handler) -> Response:
        """Answer a request, and save its session if that was changed."""
        request.state["sessions"] = self
        response = await call_next(request)
        if "session" in vars(request):
            # It is for this client: a cache must not give it to another one.
            response.headers.add("Vary", "Cookie")
            if request.session.changed:
                self.save(request, response)
        return response

    def load(self, request: Request) -> Session:
        """The session in the request's cookie, or an empty one."""
        return Session(self.cookies.get(request, self.name) or "{}")

    def save(self, request: Request, response: Response) -> None:
        """Have the client keep the session, or forget it, if it is empty."""
        if not request.session:
            response.delete_cookie(self.name)
            return
        secure = request.scheme == "https" if self.secure is None else self.secure
        self.cookies.set(
            response,
            self.name,
            request.session.text(),
            self.max_age,
            secure=secure,
            same_site=self.same_site,
        )


class Xsrf:
    """A middleware that refuses forged requests with a 403; it needs `Sessions`.

    A form carries the token in a hidden field, `xsrf_field(request)`, and a script
    sends it in the header X-XSRF-Token. Requests of safe methods pass without.
    `limits`: those of the forms it has to read, as of `forms.FormSettings`.
    """

    def __init__(self, **limits: Any):
        self.limits = limits

    async def __call__(self, request: Request, call_next: Handler) -> Any:
        """Answer a request, or refuse it."""
        if request.method not in SAFE:
            check_site(request)
            if not is_token(request, await self.sent_token(request)):
                raise HTTPError(403, "The form has expired. Load it again, please.")
        return await call_next(request)

    async def sent_token(self, request: Request) -> str:
        """The token that came along, in the header or in the form; "" without."""
        kind = request.headers.get("content-type", "").partition(";")[0].strip()
        if HEADER in request.headers or kind.lower() not in (URLENCODED, MULTIPART):
            return request.headers.get(HEADER, "")
        return (await request.form(**self.limits)).get(FIELD, "")


def check_site(request: Request) -> None:
    """Raise HTTPError 403 where the browser itself says that another site asks.

    By Sec-Fetch-Site (W3C Fetch Metadata), or by Origin (RFC 6454, section 7).
    """
    site = request.headers.get("sec-fetch-site", "same-origin")
    origin = request.headers.get("origin", f"://{request.host}")
    host = origin.lower().partition("://")[2]
    if site not in ("same-origin", "none") or host != request.host.lower():
        raise HTTPError(403, "This came from another site.")


def xsrf_token(request: Request) -> str:
    """A token for a form or a script of this client.

    The session's own, masked: another text each time. In a compressed page that also
    repeats what a client sent, the same text could be guessed letter by letter, by
    the size of the page (the BREACH attack).
    """
    token = request.session.get(FIELD)
    if token is None:
        token = request.session[FIELD] = to_base64(secrets.token_bytes(TOKEN_SIZE))
    mask = secrets.token_bytes(TOKEN_SIZE)
    return to_base64(mask + xor(mask, from_base64(token)))


def is_token(request: Request, sent: str) -> bool:
    """Whether this is one of the client's tokens; compared in constant time."""
    token = request.session.get(FIELD)
    try:
        masked = from_base64(sent)
    except ValueError:
        return False
    if token is None or len(masked) != 2 * TOKEN_SIZE:
        return False
    mask, rest = masked[:TOKEN_SIZE], masked[TOKEN_SIZE:]
    return hmac.compare_digest(xor(mask, rest), from_base64(token))


def xor(one: bytes, other: bytes) -> bytes:
    """Each bit that is set in just one of them."""
    return bytes(a ^ b for a, b in zip(one, other, strict=True))


class SafeHTML(str):
    """Text that is HTML already: a template does not escape it again."""

    __slots__ = ()

    def __html__(self) -> str:
        return self


def xsrf_field(request: Request) -> SafeHTML:
    """The token as a hidden field, to be put into every form that posts."""
    value = escape(xsrf_token(request))
    return SafeHTML(f'<input type="hidden" name="{FIELD}" value="{value}">')
