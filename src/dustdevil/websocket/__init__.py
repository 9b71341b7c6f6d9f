"""WebSocket (RFC 6455): a connection on which both sides speak when they like.

It begins as an HTTP request, the opening handshake, and then carries frames: a few
bytes that say what kind and how long, and the payload, masked on its way to the server
so that no proxy takes it for a request. A message is one frame or several.

handshake      the request that opens one, and who may
frames         the protocol without I/O: bytes in, messages out
deflate        permessage-deflate (RFC 7692)
connection     a WebSocket as its handler sees it
"""

from dustdevil import lazy_names

HOMES = {
    "BINARY": "frames",
    "CLOSE": "frames",
    "CONTINUATION": "frames",
    "Closed": "frames",
    "ConnectionClosed": "frames",
    "Deflate": "deflate",
    "GOING_AWAY": "frames",
    "INVALID_DATA": "frames",
    "NORMAL": "frames",
    "NO_CODE": "frames",
    "PING": "frames",
    "PONG": "frames",
    "Ping": "frames",
    "Pong": "frames",
    "TEXT": "frames",
    "TOO_BIG": "frames",
    "WebSocket": "connection",
    "WebSocketProtocol": "frames",
    "WebSocketSettings": "connection",
    "accept_key": "handshake",
    "accept_offer": "deflate",
    "check_handshake": "handshake",
    "check_origin": "handshake",
    "frame": "frames",
    "websocket": "connection",
}

__all__ = sorted(HOMES)
__getattr__ = lazy_names(__name__, HOMES)
