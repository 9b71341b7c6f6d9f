"""WebSocket (RFC 6455): a connection on which both sides speak when they like.

It begins as an HTTP request, the opening handshake, and then carries frames: a few
bytes that say what kind and how long, and the payload, masked on its way to the server
so that no proxy takes it for a request. A message is one frame or several.

handshake      the request that opens one, and who may
frames         the protocol without I/O: bytes in, messages out
deflate        permessage-deflate (RFC 7692)
connection     a WebSocket as its handler sees it
"""

from dustdevil import homes, lazy_names

HOMES = homes(
    handshake="accept_key check_handshake check_origin",
    frames="BINARY CLOSE CONTINUATION Closed ConnectionClosed GOING_AWAY INVALID_DATA "
    "NORMAL NO_CODE PING PONG Ping Pong TEXT TOO_BIG WebSocketProtocol frame",
    deflate="Deflate accept_offer",
    connection="WebSocket WebSocketSettings websocket",
)

__all__ = sorted(HOMES)
__getattr__ = lazy_names(__name__, HOMES)
