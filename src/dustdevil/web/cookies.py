"""Cookies that a client can keep and show, but not write: signed ones.

    cookies = SignedCookies(os.environ["COOKIE_KEY"])

    @app.post("/login")
    def login(request):
        response = redirect("/")
        cookies.set(response, "user", "ada", max_age=3600)
        return response

    @app.get("/")
    def home(request):
        return f"Hello, {cookies.get(request, 'user') or 'stranger'}!"

A signed cookie is no secret: whoever holds it can read it. What nobody can do without
the key is to change it, to keep it beyond its time, or to give it another name.
"""

import hmac
import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable
from time import time
from typing import Any

from dustdevil.web.messages import Request, Response

# Shorter keys could be found by trying. `secrets.token_urlsafe()` makes good ones.
SHORTEST_KEY = 16
# RFC 6265, 6.1: what every client must be able to keep, name and attributes included.
# Of a larger one, browsers say nothing, and keep nothing.
LARGEST_COOKIE = 4096
MONTH = 30 * 24 * 3600  # in seconds

# value.expiry.signature: base64url without its padding, seconds since 1970, and
# base64url of 32 bytes. None of these has a "." or a "=" in it.
SIGNED = re.compile(r"([\w-]*)\.([0-9]{1,11})\.([\w-]{43})", re.ASCII)


class SignedCookies:
    """Signs with the first key, and accepts what any of the keys has signed.

    So a key is changed without logging everybody out: put the new one in front, and
    take the old one away when what it signed has expired. Raises ValueError for a key
    of less than 16 bytes.
    """

    def __init__(self, *keys: str | bytes, clock: Callable[[], float] = time):
        self._keys = [key.encode() if isinstance(key, str) else key for key in keys]
        if not keys or min(map(len, self._keys)) < SHORTEST_KEY:
            raise ValueError(
                f"signing needs a key of at least {SHORTEST_KEY} bytes; "
                "secrets.token_urlsafe() makes one"
            )
        self._clock = clock

    def sign(self, name: str, value: str, max_age: int = MONTH) -> str:
        """The text of a cookie of that name, good for `max_age` seconds."""
        text = f"{to_base64(value.encode())}.{int(self._clock()) + max_age}"
        return f"{text}.{signature(self._keys[0], name, text)}"

    def unsign(self, name: str, signed: str) -> str | None:
        """The value that was signed; None if it was not by us, for this name, or is
        too old."""
        found = SIGNED.fullmatch(signed)
        if not found:
            return None
        value, expiry, given = found.groups()
        text = f"{value}.{expiry}"
        # Compared in constant time: how long it takes must not tell how many
        # characters of a forged signature are right already.
        if not any(
            hmac.compare_digest(signature(key, name, text), given) for key in self._keys
        ):
            return None
        return None if int(expiry) <= self._clock() else from_base64(value).decode()

    def set(
        self,
        response: Response,
        name: str,
        value: str,
        max_age: int = MONTH,
        **attributes: Any,
    ) -> None:
        """Have the client keep a value for `max_age` seconds.

        `attributes` as of `Response.set_cookie`. Raises ValueError for more than a
        client must keep: 4,096 bytes.
        """
        trial = Response()
        signed = self.sign(name, value, max_age)
        trial.set_cookie(name, signed, max_age=max_age, **attributes)
        if len(trial.headers["Set-Cookie"]) > LARGEST_COOKIE:
            raise ValueError(f"the cookie {name} is too large for a client to keep")
        response.headers.extend(trial.headers)

    def get(self, request: Request, name: str) -> str | None:
        """The value that the client was given; None if there is none, or no good one.

        There can be several of a name: anybody on a neighbouring host can add one.
        """
        for signed in request.cookies.all(name):
            value = self.unsign(name, signed)
            if value is not None:
                return value
        return None


def signature(key: bytes, name: str, text: str) -> str:
    """HMAC-SHA256 (RFC 2104) of the cookie as a whole: the name is a part of it.

    A cookie's name has no "=" in it, so nothing can be moved from one to the other.
    """
    return to_base64(hmac.digest(key, f"{name}={text}".encode(), "sha256"))


def to_base64(data: bytes) -> str:
    """Bytes in characters that a cookie can hold (RFC 4648, section 5)."""
    return urlsafe_b64encode(data).rstrip(b"=").decode()


def from_base64(text: str) -> bytes:
    """The bytes again; ValueError for what can't be that."""
    return urlsafe_b64decode(text + "=" * (-len(text) % 4))
