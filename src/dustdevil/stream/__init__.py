"""Streams: sockets that never block, with a buffer on each side.

The kernel takes as many bytes as fit and gives as many as are there. A protocol wants
a line, or exactly ten bytes, or all of a megabyte to be gone. Between the two stands a
stream: it reads ahead into one buffer until what was asked for is there, and writes
from another as the peer makes room. What a writer waits for when that buffer is full is
backpressure. TLS is the same face over a socket that encrypts.

iostream    reading until something, writing with a limit, closing in halves
tls         the same through TLS
tcp         where streams come from: connecting, and listening
"""

from dustdevil import homes, lazy_names

HOMES = homes(
    iostream="CHUNK HIGH_WATER LOW_WATER LimitExceeded Stream StreamClosed",
    tls="TLSStream",
    tcp="Listener bind connect listen turn_away",
)

__all__ = sorted(HOMES)
__getattr__ = lazy_names(__name__, HOMES)
