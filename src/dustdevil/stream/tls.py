"""Streams through TLS (RFC 8446): the same face, over a socket that encrypts.

Below a byte there is a record now: it comes whole or not at all, and to read one may
take writing, and the reverse. And an end has to be said: a connection that just stops
may have been cut by anybody on the way.
"""

import ssl
from contextlib import suppress

from dustdevil.loop.eventloop import until_ready
from dustdevil.loop.poller import READ, WRITE
from dustdevil.stream.iostream import Stream


class TLSStream(Stream):
    """A stream through TLS: the same, with a handshake before and records below."""

    __slots__ = ()

    async def handshake(self) -> None:
        """Agree on keys with the peer. Raises ssl.SSLError, or OSError."""
        self._watch(0)
        fd = self.sock.fileno()
        while True:
            try:
                self.sock.do_handshake()  # type: ignore[attr-defined]
                break
            except ssl.SSLWantReadError:
                await until_ready(self._loop, fd, READ)
            except ssl.SSLWantWriteError:
                await until_ready(self._loop, fd, WRITE)
        self._watch(READ)

    def _on_ready(self, events: int) -> None:
        # Below, TLS may have to read before it can write, and the reverse.
        self._flush()
        while not self.closed and not self._paused:
            super()._on_ready(READ)
            # A record is decrypted whole: bytes left over in it never make the
            # descriptor ready again.
            if self.closed or self.eof or not self.sock.pending():  # type: ignore
                break

    def _end(self) -> None:
        self._alert()
        super()._end()

    def _shutdown(self) -> None:
        self._alert()
        super()._shutdown()

    def _alert(self) -> None:
        """Say that nothing follows. An end without that may be a cut, by anybody on
        the way; so `abort()` says nothing (RFC 8446, 6.1)."""
        with suppress(OSError, ValueError):  # the peer's own alert is not waited for
            self.sock.unwrap()  # type: ignore[attr-defined]

    def resume_reading(self) -> None:
        super().resume_reading()
        if not self.closed and self.sock.pending():  # type: ignore[attr-defined]
            self._loop.call_soon(self._on_ready, READ)
