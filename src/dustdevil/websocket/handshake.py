"""The opening handshake of a WebSocket, as the server reads it (RFC 6455, section 4.2).

A browser lets every page on the web open a WebSocket to every server, and no proxy on
the way need know what that is. So each side shows the other that it means it: the
client with a request for an upgrade and a random key, the server with a number made
of that key. What subprotocol and extension to speak is agreed on at the same time.
"""

import re
from base64 import b64encode
from collections.abc import Callable, Collection
from hashlib import sha1

from dustdevil.web.messages import HTTPError, Request
from dustdevil.websocket.deflate import Deflate, accept_offer

Origins = Collection[str] | Callable[[Request, str], bool] | None

# RFC 6455, section 1.3: no server that does not know WebSocket would add just this.
GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
KEY = re.compile(r"[A-Za-z0-9+/]{22}==")  # sixteen bytes in base64


def accept_key(key: str) -> str:
    """What the server answers to the client's key (section 4.2.2, item 5.4)."""
    return b64encode(sha1(key.encode() + GUID).digest()).decode()


def check_handshake(request: Request) -> str:
    """The key of a request that opens a WebSocket as it should (section 4.2.1).

    Raises HTTPError 426 for a request for something else, 400 for a malformed one.
    """
    upgrade = ("Upgrade", "websocket")
    if request.method != "GET" or "websocket" not in tokens(request.upgrade.lower()):
        raise HTTPError(426, "This address speaks WebSocket only.", [upgrade])
    if request.headers.get("sec-websocket-version") != "13":
        version = ("Sec-WebSocket-Version", "13")
        raise HTTPError(426, "This server knows version 13.", [upgrade, version])
    key = request.headers.get("sec-websocket-key", "")
    if not KEY.fullmatch(key):
        raise HTTPError(400, "Sec-WebSocket-Key is not sixteen bytes in base64.")
    return key


def tokens(text: str) -> list[str]:
    """The members of a comma-separated list."""
    return [item.strip() for item in text.split(",") if item.strip()]


def check_origin(request: Request, origins: Origins) -> None:
    """Raise HTTPError 403 if a page of another site is behind the request.

    A browser lets any page open a WebSocket to anywhere, with the cookies of there,
    and tells in Origin which page it is (section 10.2). Other programs send none.
    `origins` are those allowed, or a function of the request and the origin that
    says so; None allows the host the request went to, "*" everybody.
    """
    origin = request.headers.get("origin")
    if origin is None:
        return
    if origins is None:
        allowed = origin.lower().partition("://")[2] == request.host.lower()
    elif callable(origins):
        allowed = origins(request, origin)
    else:
        allowed = origins == "*" or origin in origins
    if not allowed:
        raise HTTPError(403, "This page may not open a WebSocket here.")


def agree_on_deflate(request: Request, bits: int | None) -> Deflate | None:
    """The compression to speak: what the client offers, with windows of `bits`.

    None, if it offers none that we have, or `bits` is None. Raises HTTPError 400 for
    a malformed offer (section 9.1).
    """
    offers = request.headers.get("sec-websocket-extensions", "")
    try:
        return accept_offer(offers, bits) if bits is not None else None
    except ValueError as error:
        raise HTTPError(400, f"Sec-WebSocket-Extensions: {error}.") from None
