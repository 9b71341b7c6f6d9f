"""HTTP/1.1 without input or output: bytes in, events out (RFC 9112).

A request is a line, header fields, an empty line, and perhaps a body:

    POST /notes HTTP/1.1\\r\\n
    Host: example.org\\r\\n
    Content-Length: 5\\r\\n
    \\r\\n
    hello

`RequestParser.feed(data)` takes what came in, cut anywhere, and returns events. A
request without a body is one `Head`; with a body it is a `Head`, any number of
`Data`, and an `End`. The last event of a stream that breaks the rules is a
`ProtocolError`, with the status to answer. After it nothing more is read.

What the head says is for the module `head` to judge; how responses become bytes is
in `writer`.
"""

from collections.abc import Callable
from typing import NamedTuple

from dustdevil.http.grammar import (
    BROWSERS,
    CHUNK_LINE,
    FIELD_LINE,
    LINE_END,
    NAME,
    ORIGIN,
)
from dustdevil.http.head import (
    NO_HEADERS,
    Head,
    Headers,
    ProtocolError,
    frame,
    make_head,
    parse_request_line,
)
from dustdevil.speedups.choice import parse_head
from dustdevil.speedups.pure import framing_fields


class Limits(NamedTuple):
    """How much of a request is read before it is refused; sizes in bytes."""

    line: int = 8 * 1024  # the request line: 414 beyond
    fields: int = 100  # header fields, and trailer fields: 431 beyond
    field_bytes: int = 64 * 1024  # all header fields, and all trailers: 431 beyond
    body: int | None = None  # 413 beyond
    chunk_line: int = 1024  # one chunk's size with its extensions: 400 beyond
    extension_bytes: int = 16 * 1024  # all chunk extensions of a body: 413 beyond
    batch: int = 64  # events that one call of feed() returns
    lenient_targets: bool = False  # whether []| and the like may be there unencoded
    secure: bool = True  # whether it came over TLS, as "https://" must: 421 if not


class Data(NamedTuple):
    """A piece of the body, never empty."""

    data: bytes


class End(NamedTuple):
    """The body is complete. Trailers are kept apart from the headers, always:
    merged, they could change what was decided by those (RFC 9110, 6.5.1)."""

    trailers: Headers


Event = Head | Data | End | ProtocolError


def plain_request(data: bytes, most: int, max_fields: int) -> Head | None:
    """The plain request that these bytes are, if they are one and no more.

    `most` and `max_fields` are limits, as of `parse_head`.
    """
    usual = parse_head(data, 0, most, max_fields)
    if usual is None:
        return None
    end, method, target, version, host, fields, block = usual
    if end != len(data) or fields or version != "1.1":
        return None
    return Head(method, target, version, block, host, plain=True)


# A program that asks again sends the same bytes again, and they mean the same. Browsers
# send more of them, and seldom the same: to look those up would be in vain.
SHORT = 256  # bytes
MOST_KNOWN = 1024  # requests; then all of them are forgotten


class RequestParser:
    """Reads the requests of one connection.

    `_step` is what to read next, one of the methods below: the state. Each looks at
    the bytes from `_start` on, moves `_start` behind what it used, adds the events
    to the list, and returns False if it needs more bytes than there are.
    """

    __slots__ = (
        "_after",
        "_buffer",
        "_known",
        "_left",
        "_lines",
        "_method",
        "_most",
        "_most_fields",
        "_received",
        "_request",
        "_scanned",
        "_skipped",
        "_start",
        "_step",
        "_used",
        "limits",
    )  # fmt: skip

    def __init__(
        self,
        limits: Limits = Limits(),  # noqa: B008 (it is immutable)
        known: dict[bytes, Head] | None = None,
    ):
        """`known`: what `whole` remembers. Parsers of the same limits may share it."""
        self.limits = limits
        self._known = {} if known is None else known
        self._most = min(limits.line, limits.field_bytes)  # bytes of a usual head
        self._most_fields = limits.fields
        self._buffer: bytes | bytearray = b""
        self._start = 0
        self._scanned = 0  # bytes of the line in hand known to have no end in them
        self._skipped = False  # an empty line before the request
        self._lines: list[bytes] = []  # the field lines so far
        self._used = 0  # their bytes, or those of the chunk extensions
        self._request: tuple[bytes, bytes, bytes, bytes] | None = None
        self._method = ""  # once it is known
        self._left = 0  # bytes to come of the body, or of the chunk
        self._received = 0  # bytes announced of a body in chunks
        self._step: Step = RequestParser._read_head
        self._after: Step = RequestParser._read_head  # follows the message's end

    def feed(self, data: bytes) -> list[Event]:
        """Return the events that these bytes, and what was kept, make complete.

        At most `limits.batch` of them and those of the last step; when so many come,
        ask for the rest with `feed(b"")`.
        """
        if self._buffer:
            self._buffer += data
        else:
            self._buffer = data
        events: list[Event] = []
        size, most = len(self._buffer), self.limits.batch
        try:
            while self._start < size and len(events) < most:
                if not self._step(self, events):
                    break
        except ProtocolError as error:
            error.method = self._method
            events.append(error.with_traceback(None))
            self._step = RequestParser._ignore
        if self._start == size:
            self._buffer = b""
        elif self._start or isinstance(self._buffer, bytes):
            # To a bytearray, bytes can be added without copying those before.
            self._buffer = bytearray(memoryview(self._buffer)[self._start :])
        self._start = 0
        return events

    def whole(self, data: bytes) -> Head | None:
        """The plain request that these bytes are, if they are one and no more.

        That is the likeliest of all that can come, by far. For anything else nothing
        is done, and `feed` reads it. Only for a parser that is `fresh`.
        """
        if len(data) > SHORT:
            return plain_request(data, self._most, self._most_fields)
        known = self._known
        head = known.get(data)
        if head is None:
            head = plain_request(data, self._most, self._most_fields)
            if head is not None and head.method != "HEAD":
                if len(known) >= MOST_KNOWN:
                    known.clear()
                known[data] = head
        return head

    def feed_eof(self) -> list[Event]:
        """Return the event that the end of the bytes makes: an error, or none."""
        if self.idle or self._step in (RequestParser._ignore, RequestParser._wait):
            return []
        self._step = RequestParser._ignore
        return [ProtocolError(400, "the request ends in the middle")]

    def stop(self) -> None:
        """Read nothing more: whatever comes is ignored."""
        self._step = RequestParser._ignore
        self._buffer = b""

    @property
    def idle(self) -> bool:
        """Whether the last request is complete and nothing of another has come."""
        return not self._buffer and self._step in FIRST_STEPS

    @property
    def fresh(self) -> bool:
        """Whether it is idle, and not even an empty line came before the request."""
        return not self._buffer and self._step is READ_HEAD

    @property
    def kept(self) -> int:
        """How many bytes it keeps that made no event yet."""
        return len(self._buffer)

    @property
    def paused(self) -> bool:
        """Whether the last request asked for another protocol than this one."""
        return self._step is RequestParser._wait

    def resume(self) -> None:
        """Go on with HTTP: the other protocol was declined. Then `feed(b"")`."""
        if self.paused:
            self._step = RequestParser._read_head
        else:
            self._after = RequestParser._read_head  # when the body is over

    def leftover(self) -> bytes:
        """Take away the bytes that came after the request, for the new protocol."""
        rest, self._buffer = bytes(self._buffer), b""
        return rest

    # The head

    def _read_head(self, events: list[Event]) -> bool:
        """Read a usual head in one go, any other one by its lines.

        Both give the same verdict. That by lines can stop in the middle and say
        what is wrong, or where a limit is passed; this one is ten times as fast.
        """
        usual = parse_head(self._buffer, self._start, self._most, self._most_fields)
        if usual is None:
            self._step = RequestParser._read_request_line
            return True
        self._start, method, target, version, host, fields, block = usual
        plain = not fields and version == "1.1"
        head = Head(method, target, version, block, host, plain)
        if plain:
            # Nothing was said of a body or an end: the next request follows.
            events.append(head)
        else:
            self._method = method
            frame(head, fields)
            self._begin(head, events)
        return True

    def _read_request_line(self, events: list[Event]) -> bool:
        self._method = ""
        end = self._start + self.limits.line + 2
        if len(self._buffer) >= end and NAME.fullmatch(self._buffer, self._start, end):
            # A method longer than any that is known (RFC 9112, 3).
            raise ProtocolError(501, "the method is too long")
        line = self._take_line(self.limits.line, 414, "the request line is too long")
        if line is None:
            return False
        if not line and not self._skipped:
            self._skipped = True  # one empty line is let pass (RFC 9112, 2.2)
            return True
        path = BROWSERS if self.limits.lenient_targets else ORIGIN
        self._request = parse_request_line(line, path, self.limits.secure)
        self._method = self._request[0].decode()
        self._skipped = False
        self._step = RequestParser._read_fields
        return True

    def _read_fields(self, events: list[Event]) -> bool:
        line = self._take_field()
        if line == b"":
            assert self._request is not None
            self._begin(make_head(*self._request, self._take_block()), events)
        return line is not None

    def _take_line(self, limit: int, status: int, reason: str) -> bytes | None:
        """Take a line off the buffer, without its CRLF; None if its end is to come."""
        start, end = self._start, self._start + limit + 2
        found = LINE_END.search(self._buffer, start + self._scanned, end)
        if found is None:
            if len(self._buffer) >= end:
                raise ProtocolError(status, reason)
            # The last byte may be the CR of a CRLF, and is looked at again.
            self._scanned = len(self._buffer) - start - 1
            return None
        if found[0] != b"\r\n":
            raise ProtocolError(400, "a CR or an LF stands alone")
        self._start, self._scanned = found.end(), 0
        return bytes(self._buffer[start : found.start()])

    def _take_field(self) -> bytes | None:
        """Take a header or trailer line; empty is the one that ends the section."""
        limits = self.limits
        line = self._take_line(
            limits.field_bytes - self._used, 431, "the header is too long"
        )
        if line:
            if not FIELD_LINE.fullmatch(line):
                folded = line.startswith((b" ", b"\t"))
                what = "begins with a space" if folded else "is malformed"
                raise ProtocolError(400, f"a header line {what}")
            self._used += len(line)
            self._lines.append(line)
            if len(self._lines) > limits.fields:
                raise ProtocolError(431, "too many header fields")
        return line

    def _take_block(self) -> bytes:
        block = b"".join(b"\r\n" + line for line in self._lines)
        self._lines = []
        self._used = 0
        return block

    def _begin(self, head: Head, events: list[Event]) -> None:
        """Say what is to be read after this head."""
        limit = self.limits.body
        if limit is not None and (head.length or 0) > limit:
            raise ProtocolError(413, "the body is too large")
        events.append(head)
        if head.upgrade or head.method == "CONNECT":
            self._after = RequestParser._wait
        elif head.keep_alive:
            self._after = RequestParser._read_head
        else:
            self._after = RequestParser._ignore
        if not head.has_body:
            self._step = self._after
        elif head.length is None:
            self._received = 0
            self._step = RequestParser._read_chunk_size
        else:
            self._left = head.length
            self._step = RequestParser._read_body

    # The body

    def _read_body(self, events: list[Event]) -> bool:
        self._read_piece(events)
        if not self._left:
            events.append(End(NO_HEADERS))
            self._step = self._after
        return True

    def _read_piece(self, events: list[Event]) -> None:
        end = min(self._start + self._left, len(self._buffer))
        events.append(Data(bytes(self._buffer[self._start : end])))
        self._left -= end - self._start
        self._start = end

    def _read_chunk_size(self, events: list[Event]) -> bool:
        limits = self.limits
        line = self._take_line(limits.chunk_line, 400, "a chunk's line is too long")
        if line is None:
            return False
        found = CHUNK_LINE.fullmatch(line)
        if not found:
            raise ProtocolError(400, "a chunk's line is malformed")
        self._left = int(found[1], 16)
        self._received += self._left
        self._used += len(found[2])
        most = 2**63 if limits.body is None else limits.body
        if self._received > most or self._used > limits.extension_bytes:
            raise ProtocolError(413, "the body is too large")
        if self._left:
            self._step = RequestParser._read_chunk
        else:
            self._used = self._received = 0
            self._step = RequestParser._read_trailers
        return True

    def _read_chunk(self, events: list[Event]) -> bool:
        self._read_piece(events)
        if not self._left:
            self._step = RequestParser._read_chunk_end
        return True

    def _read_chunk_end(self, events: list[Event]) -> bool:
        end = self._buffer[self._start : self._start + 2]
        if not b"\r\n".startswith(end):
            raise ProtocolError(400, "a chunk is longer than its size")
        if len(end) < 2:
            return False
        self._start += 2
        self._step = RequestParser._read_chunk_size
        return True

    def _read_trailers(self, events: list[Event]) -> bool:
        line = self._take_field()
        if line == b"":
            block = self._take_block()
            if framing_fields("1.0", block):
                # Who merges trailers into the headers would read another message.
                raise ProtocolError(400, "a trailer can't frame what it ends")
            events.append(End(Headers(block)))
            self._step = self._after
        return line is not None

    # After the message

    def _wait(self, events: list[Event]) -> bool:
        """Keep what comes until `resume()` or `leftover()` decide."""
        return False

    def _ignore(self, events: list[Event]) -> bool:
        """Nothing after the last request, or after an error, means anything."""
        self._start = len(self._buffer)
        return True


Step = Callable[[RequestParser, list[Event]], bool]
READ_HEAD = RequestParser._read_head
FIRST_STEPS = (READ_HEAD, RequestParser._read_request_line)
