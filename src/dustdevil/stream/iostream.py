"""Streams: sockets that never block, with a buffer on each side.

A non-blocking socket takes as many bytes as fit now and gives as many as are there
now, and neither is what a protocol wants to say or hear. A stream keeps the rest:
what could not be sent yet, until the socket has room, and what came early, until
somebody reads it. Both buffers have a limit, and past it the other side is made to
wait: that is backpressure.

    stream = Stream(sock)
    stream.write(b"ping\n")
    await stream.drain()
    line = await stream.read_until(b"\n")
    stream.close()
"""

import socket
import ssl
from collections.abc import Callable
from typing import Any

from dustdevil.coroutine import Future
from dustdevil.loop.eventloop import Loop, running_loop
from dustdevil.loop.poller import READ, WRITE

# The most that one recv() takes: enough to make the call worth its price, little
# enough that one fast peer does not keep the others waiting.
CHUNK = 65536
# More than this in a buffer, and the side that fills it has to wait …
HIGH_WATER = 65536
# … until no more than this is left. Apart, so that it does not stop at every byte.
LOW_WATER = 16384

NOT_NOW = (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError)


class StreamClosed(ConnectionError):
    """The stream is closed: by us, by the peer, or by an error on the way."""


class LimitExceeded(ValueError):
    """The delimiter did not come within the limit."""


class Stream:
    """A connected socket on the loop; one reader at a time.

    Read with the `read` methods, or set `on_data`, and it is called with each piece
    that comes, and with b"" at the end. `on_close(error)` is called once, when the
    connection is over; `error` is None if that was in order.
    """

    __slots__ = (
        "_closing",
        "_ending",
        "_error",
        "_events",
        "_in",
        "_loop",
        "_on_drained",
        "_on_more",
        "_out",
        "_paused",
        "closed",
        "eof",
        "on_close",
        "on_data",
        "sock",
    )

    def __init__(self, sock: socket.socket, loop: Loop | None = None) -> None:
        sock.setblocking(False)
        self.sock = sock
        self.on_data: Callable[[bytes], Any] | None = None
        self.on_close: Callable[[BaseException | None], Any] | None = None
        self.eof = False
        self.closed = False
        self._loop = loop or running_loop()
        self._in = bytearray()
        self._out: bytes | bytearray = b""
        self._paused = False
        self._closing = False  # close() waits for the write buffer to empty
        self._ending = False  # so does write_eof()
        self._error: BaseException | None = None
        self._on_more: Future | None = None
        self._on_drained: Future | None = None
        self._events = 0
        self._watch(READ)

    # Readiness

    def _watch(self, events: int) -> None:
        """Tell the loop what to look for. One system call, and only for a change."""
        if events == self._events:
            return
        fd = self.sock.fileno()
        if not self._events:
            self._loop.watch(fd, events, self._on_ready)
        elif events:
            self._loop.rewatch(fd, events)
        else:
            # With no events asked for, epoll would still report a hang-up, in every
            # turn, and nobody would take it.
            self._loop.unwatch(fd)
        self._events = events

    def _on_ready(self, events: int) -> None:
        if events & WRITE:
            self._flush()
        # A hang-up or an error shows itself in what recv() returns or raises.
        if not events & ~WRITE or self.closed:
            return
        # Once, not until it has no more. There is more? The loop will say so.
        try:
            data = self.sock.recv(CHUNK)
        except NOT_NOW:
            return
        except OSError as error:
            self._lost(error)
            return
        if not data:
            self._on_end()
        elif self.on_data is not None:
            self.on_data(data)
        else:
            self._in += data
            if len(self._in) >= HIGH_WATER:
                self.pause_reading()
            self._wake_reader()

    def _on_end(self) -> None:
        """The peer has said that it sends no more."""
        self.eof = True
        # The end of the file stays readable for ever: looking on would spin.
        self._watch(self._events & ~READ)
        if self.on_data is not None:
            self.on_data(b"")
        else:
            self._wake_reader()

    # Reading

    def _wake_reader(self) -> None:
        waiting, self._on_more = self._on_more, None
        if waiting is not None and not waiting.done():
            waiting.set_result(None)

    async def _more(self) -> bool:
        """Wait for more bytes in the buffer; say whether some came.

        Raises StreamClosed where none can come any more.
        """
        if self.eof:
            return False
        if self.closed or self._closing:
            raise StreamClosed("the stream is closed") from self._error
        if self._on_more is not None:
            raise RuntimeError("somebody else is reading from this stream")
        self.resume_reading()
        before = len(self._in)
        self._on_more = Future(self._loop)
        try:
            await self._on_more
        finally:
            self._on_more = None
        if self.closed and not self.eof:
            raise StreamClosed("the connection was lost") from self._error
        return len(self._in) > before

    def _take(self, size: int) -> bytes:
        data = bytes(self._in[:size])
        del self._in[:size]
        return data

    async def read(self, size: int = CHUNK) -> bytes:
        """Return what is there, up to `size` bytes; b"" at the end of the stream.

        Waits only while there is nothing. Raises StreamClosed.
        """
        while not self._in:
            if not await self._more():
                return b""
        return self._take(size)

    def read_now(self) -> bytes:
        """Return all that came already, without waiting; b"" if nothing did."""
        return self._take(len(self._in))

    async def read_exactly(self, size: int) -> bytes:
        """Return `size` bytes. Raises EOFError if the stream ends before them."""
        while len(self._in) < size:
            if not await self._more():
                raise EOFError(f"{len(self._in)} bytes of {size}, then the end")
        return self._take(size)

    async def read_until(self, delimiter: bytes, limit: int = HIGH_WATER) -> bytes:
        """Return everything up to and with the delimiter.

        Raises LimitExceeded if that would be more than `limit` bytes (nothing is
        consumed then), and EOFError if the stream ends before.
        """
        searched = 0
        while True:
            found = self._in.find(delimiter, searched)
            end = found + len(delimiter)
            if end > limit or (found < 0 and len(self._in) >= limit):
                raise LimitExceeded(f"no {delimiter!r} within {limit} bytes")
            if found >= 0:
                return self._take(end)
            # A delimiter may have come in part: the search goes on before its end.
            searched = max(0, len(self._in) - len(delimiter) + 1)
            if not await self._more():
                raise EOFError(f"no {delimiter!r} before the end")

    def pushback(self, data: bytes) -> None:
        """Put bytes back in front: the next read returns them first."""
        self._in[:0] = data

    def pause_reading(self) -> None:
        """Leave what comes in the kernel; when that is full too, the peer waits."""
        self._paused = True
        if not self.closed:
            self._watch(self._events & ~READ)

    def resume_reading(self) -> None:
        """Take in again what comes."""
        self._paused = False
        if not (self.closed or self.eof or self._closing):
            self._watch(self._events | READ)

    # Writing

    def write(self, data: bytes) -> bool:
        """Send the bytes soon: what the socket takes then, the rest when it has room.

        Never waits itself. The peer reads slowly where this returns True: `await
        drain()` before more is written. Raises StreamClosed after close() or the end of
        the connection.
        """
        if self.closed or self._closing or self._ending:
            raise StreamClosed("the stream is closed for writing") from self._error
        if not self._out:
            # After the callbacks of this turn, and with all that they write: by one
            # system call, however much it is. The streams then send one after another,
            # which finds the processor's caches warm and wakes the other side once.
            # Bytes can't change meanwhile; of a buffer that can, we take a copy.
            self._out = data if type(data) is bytes else bytes(data)
            self._loop.ready.append((self._flush, ()))
        else:
            if isinstance(self._out, bytes):
                self._out = bytearray(self._out)
            self._out += data
        if len(self._out) <= HIGH_WATER:
            return False
        if not self._events & WRITE:
            self._flush()
        return len(self._out) > HIGH_WATER

    def _flush(self) -> None:
        """Send what waits, as much as the socket takes now."""
        if not self._out:
            return  # it was sent earlier: it was much, or the end came
        try:
            sent = self.sock.send(self._out)
        except NOT_NOW:
            sent = 0
        except OSError as error:
            self._lost(error)
            return
        if sent < len(self._out):
            self._keep_from(sent)
            return
        self._out = b""
        if self._events & WRITE or self._ending:
            self._on_empty()

    def _keep_from(self, sent: int) -> None:
        """The socket took so many bytes; the others wait until it has room."""
        if isinstance(self._out, bytes):
            self._out = bytearray(memoryview(self._out)[sent:])
        else:
            del self._out[:sent]
        self._watch(self._events | WRITE)
        if len(self._out) <= LOW_WATER:
            self._wake_writer()

    def _on_empty(self) -> None:
        """What waited for room is sent."""
        self._watch(self._events & ~WRITE)
        self._wake_writer()
        if self._closing:
            self._end()
        elif self._ending:
            self._shutdown()

    def _wake_writer(self) -> None:
        waiting, self._on_drained = self._on_drained, None
        if waiting is not None and not waiting.done():
            waiting.set_result(None)

    @property
    def unsent(self) -> int:
        """How many bytes wait in the write buffer."""
        return len(self._out)

    async def drain(self) -> None:
        """Wait while the write buffer is above its limit: the peer reads slowly.

        Raises StreamClosed if the connection ends meanwhile.
        """
        if len(self._out) > HIGH_WATER and not self.closed:
            if self._on_drained is None:
                self._on_drained = Future(self._loop)
            await self._on_drained
        if self.closed:
            raise StreamClosed("the connection was lost") from self._error

    def write_eof(self) -> None:
        """Say, after what is unsent, that no more will come; reading goes on.

        The peer reads an end of file, and may answer still, shutdown(2).
        """
        if not (self._ending or self._closing or self.closed):
            self._ending = True
            if self._out:
                self._flush()
            else:
                self._shutdown()

    def _shutdown(self) -> None:
        try:
            self.sock.shutdown(socket.SHUT_WR)
        except OSError as error:
            self._lost(error)

    # The end

    def close(self) -> None:
        """Send what is unsent, then close; nothing is read any more."""
        if self.closed or self._closing:
            return
        self._flush()
        if self._out:
            self._closing = True
            self._watch(WRITE)
            self._wake_reader()
        else:
            self._end()

    def _end(self) -> None:
        """All is sent: close in order."""
        self._close(None)

    def abort(self) -> None:
        """Close now, and lose what the socket has no room for."""
        self._flush()
        if not self.closed:
            self._close(None)

    def _lost(self, error: BaseException) -> None:
        if not self.closed:
            self._close(error)

    def _close(self, error: BaseException | None) -> None:
        self._watch(0)
        self.closed = True
        self._error = error
        self._out = b""
        self.sock.close()
        self._wake_reader()
        self._wake_writer()
        if self.on_close is not None:
            # Soon, not now: who calls write() does not expect to be called back
            # before it returns.
            self._loop.call_soon(self.on_close, error)
        # Both usually lead back to this stream: without them it is freed at once,
        # and not only when the garbage collector finds the cycle.
        self.on_data = self.on_close = None
