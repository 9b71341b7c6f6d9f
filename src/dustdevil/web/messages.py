"""Requests and responses, as the functions that handle them see them.

A `Request` reads nothing before it is asked: the path is decoded, the query split and
the cookies parsed at the first use of the attribute (`fields.lazy`), and the body
when it is awaited. A `Response` is what the server writes; `HTTPError` is a response
on its way up the stack.
"""

import json
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping
from typing import Any
from urllib.parse import parse_qsl, quote

from dustdevil.fields import lazy
from dustdevil.http.head import Head
from dustdevil.http.headers import Headers, Pair
from dustdevil.stream.iostream import Stream
from dustdevil.web.forms import Form, FormSettings, Values, read_form

ResponseBody = bytes | AsyncIterator[bytes]
HeaderFields = Headers | Mapping[str, str] | Iterable[Pair]
Upgrade = Callable[[Stream], Awaitable[None]]

TEXT, HTML = "text/plain; charset=utf-8", "text/html; charset=utf-8"
JSON, BYTES = "application/json", "application/octet-stream"
# A query of more arguments is refused, and so are more cookies: each costs some hundred
# bytes of memory.
MAX_ARGUMENTS = 1000

# Python knows a hundred more, some of them slow beyond measure on the wrong input.
CHARSETS = {"utf-8", "us-ascii", "iso-8859-1", "windows-1252", "utf-16"}

# Characters that may stand in a URL as they are (RFC 3986, section 2), and "%".
URL_SAFE = "!#$%&'()*+,/:;=?@[]~"
# What a cookie's name and value may consist of (RFC 6265, section 4.1.1).
COOKIE_NAME = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")
COOKIE_VALUE = re.compile(r"[!#-+\--:<-\[\]-~]*")


class HTTPError(Exception):
    """An answer other than success, raised from anywhere below the application.

    `detail` is shown to the client; `headers` go into the response.
    """

    def __init__(self, status: int, detail: str = "", headers: HeaderFields = ()):
        super().__init__(status, detail)
        self.status = status
        self.detail = detail
        self.headers = Headers(headers)


class Request:
    """What a client asks for.

    `method`, `target` (as it was sent), `headers`, `host` and `upgrade` come from the
    parser. `path` is the target's, decoded; what is not UTF-8 in it becomes U+FFFD.
    `params` are the arguments that the route found in the path; `state` is a
    place for what middleware finds out about the request, the user for instance.
    """

    def __init__(self, head: Head, body: Any, connection: Any):
        self.method = head.method
        self.target = head.target
        self.path = head.path
        self._head = head
        self.connection = connection
        self._body = body

    @lazy
    def params(self) -> dict[str, Any]:
        """The arguments found in the path; the application puts them here."""
        return {}

    @lazy
    def host(self) -> str:
        """The host that is asked, as the client wrote it, with the port if it did."""
        return self._head.host

    @lazy
    def upgrade(self) -> str:
        """The protocols that the client would change to; "" mostly."""
        return self._head.upgrade

    @lazy
    def headers(self) -> Headers:
        """The header fields, taken apart when the first is asked for."""
        return self._head.headers

    @lazy
    def state(self) -> dict[str, Any]:
        """Whatever middleware and handlers want to tell one another."""
        return {}

    @property
    def raw_path(self) -> str:
        """The path as it was sent, percent-encoded."""
        return self.target.partition("?")[0]

    @property
    def query_string(self) -> str:
        """What follows the first question mark, as it was sent."""
        return self.target.partition("?")[2]

    @lazy
    def query(self) -> Values:
        """The arguments in the URL; HTTPError 400 if there are too many."""
        try:
            return Values(
                parse_qsl(self.query_string, True, max_num_fields=MAX_ARGUMENTS)
            )
        except ValueError:
            raise HTTPError(400, "too many arguments in the query") from None

    @lazy
    def cookies(self) -> Values:
        """The cookies the client sent (RFC 6265, section 5.4); the first wins.

        HTTPError 400 if there are too many.
        """
        header = "; ".join(self.headers.get_all("cookie"))
        if header.count(";") >= MAX_ARGUMENTS:
            raise HTTPError(400, "too many cookies")
        pairs = (part.partition("=") for part in header.split(";"))
        return Values(
            (name.strip(), value.strip().strip('"'))
            for name, equals, value in pairs
            if equals
        )

    @lazy
    def session(self) -> dict[str, Any]:
        """What the client's session holds; the middleware `Sessions` makes it so."""
        if "sessions" not in self.state:
            raise RuntimeError("request.session needs app.use(Sessions(key))")
        return self.state["sessions"].load(self)

    @property
    def remote(self) -> Any:
        """The client's address, as `socket.getpeername()` gives it."""
        return self.connection.remote

    @property
    def scheme(self) -> str:
        """Either "http" or "https"."""
        return self.connection.scheme

    def accepts_html(self) -> bool:
        """Whether the client is one that shows HTML, a browser."""
        return "text/html" in self.headers.get("accept", "")

    def stream(self) -> AsyncIterator[bytes]:
        """The body piece by piece, as it arrives; nothing is kept."""
        return self._body.__aiter__()

    async def body(self) -> bytes:
        """The whole body. The server's limit of its size applies."""
        if "_content" not in self.__dict__:
            self._content = await self._body.read()
        return self._content

    async def text(self) -> str:
        """The body as text, in the charset it names, or UTF-8."""
        kind = self.headers.get("content-type", "").lower()
        found = re.search(r'charset="?([\w-]+)', kind)
        charset = found[1] if found else "utf-8"
        if charset not in CHARSETS:
            raise HTTPError(415, f"unknown charset {charset}")
        try:
            return (await self.body()).decode(charset)
        except UnicodeDecodeError:
            raise HTTPError(400, f"the body is not {charset}") from None

    async def json(self) -> Any:
        """The value that the body is the JSON of; HTTPError 400 if it is none."""
        try:
            return json.loads(await self.body())
        except (ValueError, RecursionError):
            raise HTTPError(400, "the body is not JSON") from None

    async def form(self, **limits: Any) -> Form:
        """The fields and files of a form; `limits` as of `forms.FormSettings`.

        It is read once, under the limits of the first call. Raises FormError, which
        is answered with its status: 400, 413, 415, or 507 for a full disk.
        """
        if "_form" not in self.__dict__:
            settings = FormSettings(**limits)
            self._form = await read_form(self.headers, self.stream(), settings)
        return self._form


class Response:
    """What is answered: a status, headers, and a body.

    A body of str is sent as UTF-8 and as plain text, one of bytes as it is, and an
    asynchronous iterator of bytes in chunks, or with a Content-Length if `length`
    says how many bytes it will give. With an `upgrade`, the server hands it the
    connection's stream after the head (see `server`).
    """

    status = 200
    length: int | None = None
    upgrade: Upgrade | None = None
    reason: str | None = None

    def __init__(
        self,
        body: str | ResponseBody = b"",
        status: int = 200,
        headers: HeaderFields = (),
        content_type: str | None = None,
        length: int | None = None,
        upgrade: Upgrade | None = None,
    ):
        kind = BYTES
        if isinstance(body, str):
            body, kind = body.encode(), TEXT
        self.headers = Headers(headers)
        if content_type:
            self.headers.add("Content-Type", content_type)
        elif body:
            self.headers.setdefault("Content-Type", kind)
        self.status = status
        self.body = body
        self.length = length
        self.upgrade = upgrade

    def set_cookie(
        self,
        name: str,
        value: str,
        *,
        max_age: int | None = None,
        path: str = "/",
        secure: bool = False,
        http_only: bool = True,
        same_site: str = "Lax",
    ) -> None:
        """Ask the client to keep a cookie, `max_age` seconds or till it is closed.

        Raises ValueError for characters that a cookie can't hold.
        """
        if not COOKIE_NAME.fullmatch(name) or not COOKIE_VALUE.fullmatch(value):
            raise ValueError(f"{name}={value!r} can't be a cookie")
        parts = [f"{name}={value}", f"Path={path}", f"SameSite={same_site}"]
        if max_age is not None:
            parts.append(f"Max-Age={max_age}")
        parts += ["Secure"] * secure + ["HttpOnly"] * http_only
        self.headers.add("Set-Cookie", "; ".join(parts))

    def delete_cookie(self, name: str, path: str = "/") -> None:
        """Ask the client to forget a cookie; `path` as it was set with."""
        self.set_cookie(name, "", max_age=0, path=path)


def html(text: str, status: int = 200) -> Response:
    """A page. Whatever came from outside must be escaped in it (html.escape)."""
    return Response(text, status, content_type=HTML)


def redirect(location: str, status: int = 303) -> Response:
    """Send the client elsewhere: 303 to GET it there, 307 and 308 with its method."""
    return Response(status=status, headers={"Location": quote(location, URL_SAFE)})


def local_path(text: str | None, default: str = "/") -> str:
    """A path on this site that a client named as the place to go on to, or `default`.

        return redirect(local_path(request.query.get("next")))

    Where a program sends people wherever its URL says, anybody can make a link to it
    that ends elsewhere. Browsers skip tabs and newlines and read "\\" as "/", and
    after two slashes comes a host: "/\\evil.example" is not here.
    """
    here = text is not None and re.fullmatch(r"/(?!/)[^\\\x00-\x20\x7f]*", text)
    return text if here and text else default


def to_response(result: Any) -> Response:
    """Make a response of what a handler returned.

    A str is plain text, bytes are bytes, a dict or list is JSON, an asynchronous
    iterator is a body that is sent as it comes.
    """
    if isinstance(result, Response):
        return result
    if isinstance(result, (dict, list)):
        return Response(json.dumps(result).encode(), content_type=JSON)
    if isinstance(result, (str, bytes)) or hasattr(result, "__aiter__"):
        return Response(result)
    raise TypeError(f"a handler can't return {type(result).__name__}: {result!r:.80}")
