"""The WebSocket protocol (RFC 6455) without any input or output.

Once a connection speaks WebSocket it carries *frames*, in both directions. A frame
is a head of 2 to 14 bytes and a payload. One frame or several make a message, and
small *control frames* (ping, pong, close) may come between them:

     0                   1                   2                   3
     0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
    +-+-+-+-+-------+-+-------------+-------------------------------+
    |F|R R R| opcode|M|   length    |  length again, 16 or 64 bits, |
    |I|S S S|  (4)  |A|  (7 bits)   |  if the 7 bits are 126 or 127 |
    |N|V V V|       |S|             |                               |
    | |1 2 3|       |K|             |                               |
    +-+-+-+-+-------+-+-------------+-------------------------------+
    |  mask, 4 bytes, if MASK is set (a client always sets it)      |
    +---------------------------------------------------------------+
    |  payload, each byte XORed with the mask's bytes in turn       |
    +---------------------------------------------------------------+

`WebSocketProtocol` is one side of it as a state machine: bytes go in, events come
out, and they are the same events wherever the bytes were cut. The module `websocket`
joins it to a connection.
"""

import codecs
import os
import struct
import zlib
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from dustdevil.speedups.choice import apply_mask
from dustdevil.websocket.deflate import WORTH_COMPRESSING, Deflate, TooLarge

CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG = 0x0, 0x1, 0x2, 0x8, 0x9, 0xA
OPCODES = {CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG}
FINAL, RESERVED, MASKED = 0x80, 0x70, 0x80
WHOLE = {FINAL | TEXT, FINAL | BINARY}  # the first byte of most frames
COMPRESSED = 0x40  # RSV1, in the first frame of a message (RFC 7692, section 6)

# Close codes (section 7.4.1). 1005 and 1006 are never sent: they stand for a Close
# frame without a code and for a connection that ended without a Close frame.
NORMAL, PROTOCOL_ERROR, NO_CODE, ABNORMAL = 1000, 1002, 1005, 1006
GOING_AWAY, INVALID_DATA, TOO_BIG, INTERNAL_ERROR = 1001, 1007, 1009, 1011
# Those that a Close frame may carry (section 7.4.2, and IANA's registry).
SENDABLE = {*range(1000, 1015), *range(3000, 5000)} - {1004, NO_CODE, ABNORMAL}
NOT_UTF8 = "text that is not UTF-8"
# Of what is compressed, feed() stops when it has inflated so many bytes.
ENOUGH = 1 << 20
# What is to be compressed goes out in frames that hold so many bytes of it. A piece of
# text that size takes two or three milliseconds.
FRAGMENT_SIZE = 1 << 16


class Ping(NamedTuple):
    """The peer asks whether we are there; the answer is in the replies already."""

    payload: bytes


class Pong(NamedTuple):
    """The peer answered a ping of ours (or sent a pong of its own accord)."""

    payload: bytes


class Closed(NamedTuple):
    """The conversation is over: the peer's close code, or what it did wrong."""

    code: int
    reason: str


Incoming = str | bytes | Ping | Pong | Closed


class Violation(Exception):
    """The peer broke the protocol or a limit; `code` goes into our Close frame."""

    def __init__(self, code: int, reason: str):
        super().__init__(reason)
        self.code = code


class ConnectionClosed(Exception):
    """There is nothing more to receive, and nobody to send to."""

    def __init__(self, code: int, reason: str = ""):
        super().__init__(f"{code} {reason}".strip())
        self.code = code
        self.reason = reason


def frame(
    opcode: int, payload: bytes, *, final: bool = True, mask: bytes | None = None
) -> bytes:
    """One frame, its length in the fewest bytes (section 5.2)."""
    first = opcode | FINAL if final else opcode
    size, bit = len(payload), 0
    if mask is not None:
        payload, bit = mask + apply_mask(payload, mask), MASKED
    if size < 126:
        return bytes((first, bit | size)) + payload
    if size < 1 << 16:
        return struct.pack("!BBH", first, bit | 126, size) + payload
    return struct.pack("!BBQ", first, bit | 127, size) + payload


class WebSocketProtocol:
    """One side of a WebSocket after the handshake.

    `feed()` takes the bytes that arrived, cut anywhere, and returns the events they
    complete: a message is its own event, a str or a bytes. A few KiB can inflate to a
    great deal: then `more` says that `feed(b"")` has the rest. The pongs to send wait
    in `replies` until they are taken with `take_replies()`. After a Closed, the last
    event there is, `goodbye()` is to be sent; before it one may finish what one was
    about to say. The methods that speak return the bytes to send.

    `max_frame` and `max_message` are the most bytes of payload that a frame and a
    whole message may have; of a message that comes compressed, `max_message` is what
    it may inflate to. `deflate` is the extension, if it was agreed on.
    """

    def __init__(
        self,
        max_frame: int = 1 << 20,
        max_message: int = 1 << 20,
        *,
        client: bool = False,
        deflate: Deflate | None = None,
    ):
        self.max_frame = max_frame
        self.max_message = max_message
        self.client = client
        self.deflate = deflate
        self.close_sent = False
        self.failed = False
        self.closed: Closed | None = None
        self.replies = bytearray()
        self.more = False
        self._inflated = 0
        self._buffer = b""
        self._at = 0  # the first byte in it that was not read yet
        # The frame being read: `_left` is None between frames.
        self._opcode = 0
        self._final = True
        self._left: int | None = None
        self._mask = b""
        # The message being read, and TEXT or BINARY while there is one.
        self._kind = 0
        self._compressed = False
        self._message = bytearray()
        self._decoder = codecs.getincrementaldecoder("utf-8")()

    # What arrives

    def feed(self, data: bytes) -> list[Incoming]:
        """The events that `data` completes. After a Closed there are no more."""
        events: list[Incoming] = []
        if self.closed is not None:
            return events
        self._buffer += data  # mostly to nothing, and then `data` is not even copied
        self._inflated = 0
        try:
            while self._at < len(self._buffer) and self._inflated < ENOUGH:
                if self._left is None and not self._read_head():
                    break
                if not self._read_payload(events):
                    break
        except UnicodeDecodeError:
            self._fail(INVALID_DATA, NOT_UTF8)
        except Violation as violation:
            self._fail(violation.code, str(violation))
        self._buffer, self._at = self._buffer[self._at :], 0
        self.more = self._inflated >= ENOUGH and self.closed is None
        if self.closed is not None:
            events.append(self.closed)
        return events

    def take_replies(self) -> bytes:
        """The bytes to send that what arrived has called for; then forget them."""
        replies = bytes(self.replies)
        self.replies.clear()
        return replies

    def _fail(self, code: int, reason: str) -> None:
        """Give the connection up (section 7.1.7)."""
        self.failed = True
        self.closed = Closed(code, reason)

    def _read_head(self) -> bool:
        """Read a frame's head if all of it is there; check it field by field."""
        buffer, at = self._buffer, self._at
        if len(buffer) < at + 2:
            return False
        first, second = buffer[at], buffer[at + 1]
        if first not in WHOLE or self._kind:
            self._check_opcode(first)
        if bool(second & MASKED) == self.client:
            who = "server's" if self.client else "client's"
            raise Violation(PROTOCOL_ERROR, f"wrong mask bit in a {who} frame")
        size, at = second & 0x7F, at + 2
        if first & 0x8 and size > 125:
            raise Violation(PROTOCOL_ERROR, "control frame of more than 125 bytes")
        if size >= 126:
            width = 2 if size == 126 else 8
            if len(buffer) < at + width:
                return False
            size = self._read_size(buffer[at : at + width])
            at += width
        if not first & 0x8:
            if not self._kind:
                self._compressed = bool(first & COMPRESSED)
            self._check_size(size)
        if not self.client:
            if len(buffer) < at + 4:
                return False
            self._mask = buffer[at : at + 4]
            at += 4
        self._opcode, self._final = first & 0xF, bool(first & FINAL)
        self._left, self._at = size, at
        return True

    def _check_opcode(self, first: int) -> None:
        opcode = first & 0xF
        # Only an extension that was agreed on gives one of these bits a meaning.
        extended = self.deflate is not None and opcode in (TEXT, BINARY)
        if first & (RESERVED ^ COMPRESSED if extended else RESERVED):
            raise Violation(PROTOCOL_ERROR, "reserved bit set")
        if opcode not in OPCODES:
            raise Violation(PROTOCOL_ERROR, f"unknown opcode {opcode}")
        if opcode & 0x8:
            if not first & FINAL:
                raise Violation(PROTOCOL_ERROR, "fragmented control frame")
        elif opcode == CONTINUATION and not self._kind:
            raise Violation(PROTOCOL_ERROR, "continuation of no message")
        elif opcode != CONTINUATION and self._kind:
            raise Violation(PROTOCOL_ERROR, "new message within a message")

    def _read_size(self, number: bytes) -> int:
        # RFC 6455, 5.2: the minimal number of bytes must be used; the first bit is 0.
        size = int.from_bytes(number, "big")
        if size < (126 if len(number) == 2 else 1 << 16):
            raise Violation(PROTOCOL_ERROR, "length in more bytes than it needs")
        if size >= 1 << 63:
            raise Violation(PROTOCOL_ERROR, "length of 64 bits")
        return size

    def _check_size(self, size: int) -> None:
        if size > self.max_frame:
            raise Violation(TOO_BIG, f"frame of more than {self.max_frame} bytes")
        if len(self._message) + size > self.max_message and not self._compressed:
            raise self._too_big()

    def _too_big(self) -> Violation:
        return Violation(TOO_BIG, f"message of more than {self.max_message} bytes")

    def _read_payload(self, events: list[Incoming]) -> bool:
        """Take what is there of the payload; False if more must come first."""
        left, at = self._left or 0, self._at
        control = self._opcode & 0x8
        chunk = self._buffer[at : at + left]
        if control and len(chunk) < left:
            return False
        self._at += len(chunk)
        if not self.client:
            chunk = apply_mask(chunk, self._mask)
        left -= len(chunk)
        if control:
            self._control(chunk, events)
        else:
            self._data(chunk, self._final and not left, events)
        if left:
            # The next piece goes on in the mask where this one ended.
            turn = len(chunk) % 4
            self._mask = self._mask[turn:] + self._mask[:turn]
            self._left = left
            return False
        self._left = None
        return self.closed is None

    def _data(self, chunk: bytes, last: bool, events: list[Incoming]) -> None:
        """Add to the message; with its last piece it is an event."""
        kind = self._kind = self._kind or self._opcode
        if self._compressed:
            chunk = self._inflate(chunk, last)
        whole: bytes | bytearray = chunk
        if self._message or not last:
            self._message += chunk
            whole = self._message
            if kind == TEXT:
                self._check_text(chunk)
        if last:
            events.append(str(whole, "utf-8") if kind == TEXT else bytes(whole))
            self._kind, self._message = 0, bytearray()

    def _inflate(self, chunk: bytes, last: bool) -> bytes:
        """What a piece of a compressed message stands for, never beyond the limit."""
        assert self.deflate is not None
        room = self.max_message - len(self._message)
        try:
            data = self.deflate.inflate(chunk, room, last)
        except zlib.error:
            raise Violation(INVALID_DATA, "compressed data that is damaged") from None
        except TooLarge as error:
            # What was wrong before counts first, however the bytes were cut.
            if self._kind == TEXT:
                self._check_text(error.beginning)
            raise self._too_big() from None
        self._inflated += len(data)
        return data

    def _check_text(self, chunk: bytes) -> None:
        """Refuse what can't become UTF-8 at its first wrong byte (section 8.1)."""
        self._decoder.decode(chunk)
        # Python's decoder waits for a third byte here, but none can help: these are
        # the beginnings of surrogates, U+D800 to U+DFFF, which UTF-8 does not have.
        pending, _ = self._decoder.getstate()
        if b"\xed\xa0" <= pending < b"\xee":
            raise Violation(INVALID_DATA, NOT_UTF8)

    def _control(self, payload: bytes, events: list[Incoming]) -> None:
        if self._opcode == PONG:
            events.append(Pong(payload))
        elif self._opcode == PING:
            events.append(Ping(payload))
            if not self.close_sent:
                self.replies += self._frame(PONG, payload)
        else:
            self.closed = self._read_close(payload)

    def _read_close(self, payload: bytes) -> Closed:
        """A Close frame's code and reason (section 5.5.1); both may be left out."""
        if not payload:
            return Closed(NO_CODE, "")
        code = int.from_bytes(payload[:2], "big")
        if code not in SENDABLE:  # nor is the value of a single byte
            raise Violation(PROTOCOL_ERROR, "close frame without a valid code")
        return Closed(code, payload[2:].decode())

    # What we say

    def message(self, data: str | bytes) -> bytes:
        """A text message for a str, a binary one for bytes; compressed, if agreed."""
        return b"".join(self.frames(data))

    def frames(self, data: str | bytes) -> Iterable[bytes]:
        """The frames of a message, one at a time: of a large one that is compressed,
        each takes a short while. No other message may come between (section 5.4)."""
        opcode, payload = (
            (TEXT, data.encode()) if isinstance(data, str) else (BINARY, data)
        )
        if self.deflate is None or len(payload) < WORTH_COMPRESSING:
            return (self._frame(opcode, payload),)
        return self._deflated(opcode | COMPRESSED, payload)

    def _deflated(self, opcode: int, payload: bytes) -> Iterator[bytes]:
        assert self.deflate is not None
        for start in range(0, len(payload), FRAGMENT_SIZE):
            self._check_open()  # before the compressor takes it into its window
            last = start + FRAGMENT_SIZE >= len(payload)
            piece = self.deflate.compress(payload[start : start + FRAGMENT_SIZE], last)
            if piece:
                yield self._frame(opcode, piece, last)
                opcode = CONTINUATION

    def ping(self, payload: bytes = b"") -> bytes:
        """A ping, with up to 125 bytes that the pong will bring back."""
        if len(payload) > 125:
            raise ValueError("a ping carries at most 125 bytes")
        return self._frame(PING, payload)

    def close(self, code: int = NORMAL, reason: str = "") -> bytes:
        """A Close frame: nothing may follow it. NO_CODE makes an empty one.

        A reason that is too long for a control frame is cut.
        """
        payload = b""
        if code in SENDABLE:
            short = reason.encode()[:123].decode(errors="ignore")
            payload = code.to_bytes(2, "big") + short.encode()
        elif code != NO_CODE:
            raise ValueError(f"{code} is not a close code that may be sent")
        closing = self._frame(CLOSE, payload)
        self.close_sent = True
        return closing

    def goodbye(self) -> bytes:
        """The Close frame that answers a Closed; b"" if we have said it already.

        It returns the peer's code, or tells what the peer did wrong (section 5.5.1).
        """
        if self.closed is None or self.close_sent:
            return b""
        return self.close(self.closed.code, self.closed.reason if self.failed else "")

    def _check_open(self) -> None:
        if self.close_sent:
            raise ConnectionClosed(NORMAL, "nothing follows a Close frame")

    def _frame(self, opcode: int, payload: bytes, final: bool = True) -> bytes:
        self._check_open()
        mask = os.urandom(4) if self.client else None
        return frame(opcode, payload, final=final, mask=mask)
