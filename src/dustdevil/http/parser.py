"""HTTP/1.1 without input or output: bytes in, events out (RFC 9112).

A message is a first line, header fields, an empty line, and perhaps a body:

    POST /notes HTTP/1.1\\r\\n
    Host: example.org\\r\\n
    Content-Length: 5\\r\\n
    \\r\\n
    hello

`receive(data)` takes what came in, cut anywhere, and `next_event()` returns what can be
read of it: a head; after one with a body any number of `Data`, and an `End`; or None,
if more bytes are needed. What breaks the rules is a `ProtocolError`, and after it
nothing more is read. There is one parser for both roles: a server's reads requests,
a client's the responses to what it said it has asked for, with `expect`.

What the head says is for the module `head` to judge; how responses become bytes is
in `writer`.
"""

from collections import deque
from collections.abc import Callable
from enum import Enum
from typing import NamedTuple

from dustdevil.http.errors import ProtocolError
from dustdevil.http.framing import Limits
from dustdevil.http.grammar import (
    CHUNK_LINE,
    FIELD_LINE,
    LINE_END,
    METHOD,
    NAME,
    REQUEST_LINE,
    RESPONSE_HEAD,
    STATUS_LINE,
    STRAY,
)
from dustdevil.http.head import (
    Head,
    ResponseHead,
    fault_in_field,
    fault_in_first,
    make_request,
    make_response,
)
from dustdevil.http.headers import Headers
from dustdevil.speedups.choice import split_head
from dustdevil.speedups.pure import framing_fields

INTERIM = 16  # responses below 200 that may come before the one that counts


class Data(NamedTuple):
    """A piece of the body, never empty."""

    data: bytes


class End(NamedTuple):
    """The body is complete. Trailers are kept apart from the headers, always:
    merged, they could change what was decided by those (RFC 9110, 6.5.1)."""

    trailers: Headers


class Closed(NamedTuple):
    """The peer has sent its last message, and said so."""


HTTPEvent = Head | ResponseHead | Data | End | Closed | ProtocolError


class Role(Enum):
    """Whose parser it is."""

    SERVER = "reads requests"
    CLIENT = "reads responses"


class Reading(Enum):
    """What is to be read next."""

    HEAD = "a head"
    BODY = "a body whose length is known"
    BODY_TO_CLOSE = "a body that ends with the connection"
    CHUNK_SIZE = "the line before a chunk"
    CHUNK = "a chunk"
    CHUNK_END = "the line end behind a chunk"
    TRAILERS = "what follows the last chunk"
    SWITCHED = "another protocol, perhaps: see resume() and leftover()"
    OVER = "nothing"


HEAD, CLIENT = Reading.HEAD, Role.CLIENT  # looked up for every request
CR, LF = b"\r\n"


class Parser:
    """Reads the messages that come over one connection."""

    __slots__ = (
        "_after",
        "_asked",
        "_buffer",
        "_ended",
        "_fault",
        "_interim",
        "_is_line_skipped",
        "_left",
        "_line_size",
        "_lines",
        "_received",
        "_role",
        "_scanned",
        "_short",
        "_start",
        "_trailers",
        "_used",
        "_wants_upgrade",
        "begun",
        "limits",
        "state",
    )  # fmt: skip

    def __init__(self, role: Role, limits: Limits = Limits()):  # noqa: B008 (a tuple)
        self.limits = limits
        self.state = Reading.HEAD
        self._role = role
        self._short = min(limits.line, limits.field_bytes)  # a head within all limits
        self._buffer: bytes | bytearray = b""
        self._start = 0  # what stands before it in the buffer was read
        self._ended = False  # no more bytes will come
        self._fault: ProtocolError | None = None
        # Of a head that has come in part:
        self.begun = 0  # so many bytes of it are there, and were looked at
        self._lines = 0  # ends of lines in these
        self._line_size = -1  # of its first line, when that is complete
        self._is_line_skipped = False  # an empty line came before it
        # Of a line in a body:
        self._scanned = 0  # so many bytes were searched for its end
        # Of a body:
        self._after = Reading.HEAD  # what is to be read behind it
        self._left = 0  # bytes to come, of it or of the chunk
        self._received = 0  # bytes announced so far, in chunks
        self._used = 0  # bytes of chunk extensions, or of trailers
        self._trailers: list[bytes] = []
        # A client's:
        self._asked: deque[str] = deque()  # methods whose responses are to come
        self._wants_upgrade = False
        self._interim = 0

    # In

    def receive(self, data: bytes) -> None:
        """Take bytes that came; b"" says that no more will."""
        if not data:
            self._ended = True
        elif self._start == len(self._buffer):
            self._buffer, self._start = data, 0
        else:
            if isinstance(self._buffer, bytes):
                self._buffer = bytearray(memoryview(self._buffer)[self._start :])
            else:
                del self._buffer[: self._start]
            self._buffer += data
            self._start = 0

    def expect(self, method: str, upgrade: bool = False) -> None:
        """A request was sent: its method decides if its response has a body.

        After one that asks for an `upgrade`, none may follow before it is answered.
        With a 101, the bytes behind its head are left to `leftover()`.
        """
        self._asked.append(method)
        self._wants_upgrade = upgrade

    def fail(self, error: ProtocolError) -> None:
        """Have `next_event` return this error, once; nothing else is read any more."""
        self._fault = error

    def stop(self) -> None:
        """Read nothing more, whatever comes."""
        self.state = Reading.OVER
        self._buffer, self._start = b"", 0

    # Out

    def next_event(self) -> HTTPEvent | None:
        """What can be read next; None if that takes more bytes."""
        try:
            if self._fault is not None:
                raise self._fault
            event = (
                self._read_head() if self.state is HEAD else READERS[self.state](self)
            )
            if event is None and self._ended:
                event = self._at_end()
            return event
        except ProtocolError as error:
            if self._role is Role.CLIENT:
                error.status = 502  # what a gateway would answer
            elif self.state is HEAD:
                error.method = self._method()
            self._fault = None
            self.stop()
            return error

    @property
    def unread(self) -> int:
        """How many bytes it keeps that made no event yet."""
        return len(self._buffer) - self._start

    @property
    def idle(self) -> bool:
        """Whether the last message is complete and nothing of another has come."""
        at_head = self.state is HEAD and not self._asked
        return at_head and self._start == len(self._buffer)

    def resume(self) -> None:
        """Go on with HTTP: the other protocol was declined."""
        if self.state is Reading.SWITCHED:
            self.state = Reading.HEAD
        elif self._after is Reading.SWITCHED:
            self._after = Reading.HEAD  # when the body is over

    def leftover(self) -> bytes:
        """Take away the bytes that came after the message, for the new protocol."""
        rest = bytes(self._buffer[self._start :])
        self._buffer, self._start = b"", 0
        return rest

    # The head

    def _read_head(self) -> HTTPEvent | None:
        """A head that is there as a whole; one in part is looked at for its faults."""
        buffer, start = self._buffer, self._start
        if start == len(buffer):
            return None  # as after most requests
        if buffer[start] == CR and self._skip_empty_line():
            return self._read_head()
        end = buffer.find(b"\r\n\r\n", start + max(0, self.begun - 3))
        if end < 0:
            self._check_part()
            return None
        limits = self.limits
        # A line has four bytes at least: that spares most heads the count.
        doubtful = end - start > self._short or (
            end - start > 4 * limits.fields
            and buffer.count(b"\n", start, end) > limits.fields
        )
        if doubtful and (fault := self._first_fault(end, True)):
            raise fault
        head: Head | ResponseHead
        if self._role is CLIENT:
            head = self._read_response(end)
        else:
            found = split_head(buffer, start, end)
            if found is None:
                raise self._first_fault(end, True) or ProtocolError(400, "malformed")
            head = make_request(found, limits)
        if not head.plain:
            self._begin_body(head)
        self._start = end + 4
        if self.begun or self._is_line_skipped:
            self.begun = self._lines = 0
            self._line_size, self._is_line_skipped = -1, False
        return head

    def _skip_empty_line(self) -> bool:
        """Let one pass before a request (RFC 9112, 2.2)."""
        if self._is_line_skipped or self._role is Role.CLIENT:
            return False
        if not self._buffer.startswith(b"\r\n", self._start):
            return False
        self._start += 2
        self.begun = 0
        self._is_line_skipped = True
        return True

    def _check_part(self) -> None:
        """Refuse a head that can't become a good one, before all of it is there."""
        self._check_asked()
        buffer, start, limits = self._buffer, self._start, self.limits
        news = start + max(0, self.begun - 1)  # a CR may have come before its LF
        self._lines += buffer.count(b"\n", start + self.begun)
        suspicious = STRAY.search(buffer, news) is not None or buffer[start] == LF
        suspicious |= self._lines > limits.fields + 1
        if self._line_size < 0 and (end := buffer.find(b"\r\n", news)) >= 0:
            self._line_size = end - start
            # The fields are looked at when all are there, however they were cut.
            if fault := self._first_fault(end + 2, False):
                raise fault
        self.begun = len(buffer) - start
        if self._line_size < 0:
            suspicious |= self.begun > limits.line
        elif self.begun - self._line_size > limits.field_bytes:
            suspicious = True
        if suspicious and (fault := self._first_fault(len(buffer), False)):
            raise fault

    def _first_fault(self, end: int, whole: bool) -> ProtocolError | None:
        """The first fault of the head, or of a part of it, that ends there.

        Which one is the first is a matter of its place, and not of how the bytes came.
        """
        limits = self.limits
        data = bytes(self._buffer[self._start : end])
        stray = STRAY.search(data + b"\r" * whole)  # what follows, if that is all
        whole = whole and stray is None  # otherwise the last line has come in part
        if stray:
            data = data[: stray.start()]
        elif not whole:
            data = data.removesuffix(b"\r")  # perhaps of the line's end
        first, *lines = data.split(b"\r\n")
        used = 0
        if len(first) > limits.line:
            return self._long_line()
        if whole or lines:
            form = STATUS_LINE if self._role is Role.CLIENT else REQUEST_LINE
            if fault := fault_in_first(first, form):
                return fault
        for number, line in enumerate(lines, start=1):
            used += len(line)
            if used > limits.field_bytes:
                return ProtocolError(431, "the header is too long")
            if not whole and number == len(lines):
                break
            if fault := fault_in_field(line):
                return fault
            if number > limits.fields:
                return ProtocolError(431, "too many header fields")
        return ProtocolError(400, "a CR or an LF stands alone") if stray else None

    def _method(self) -> str:
        """That of the request in hand, if it has come, and its blank within the limit:
        so it is the same however the bytes were cut."""
        end = self._start + self.limits.line + 1
        found = METHOD.match(self._buffer, self._start, end)
        return found[1].decode() if found else ""

    def _long_line(self) -> ProtocolError:
        """The error for a first line beyond the limit."""
        if self._role is Role.CLIENT:
            return ProtocolError(502, "the status line is too long")
        end = self._start + self.limits.line + 1
        if NAME.fullmatch(self._buffer, self._start, end):
            # A method longer than any that is known (RFC 9112, 3).
            return ProtocolError(501, "the method is too long")
        return ProtocolError(414, "the request line is too long")

    def _check_asked(self) -> None:
        if self._role is Role.CLIENT and not self._asked:
            raise ProtocolError(502, "there are bytes that nobody asked for")

    def _read_response(self, end: int) -> ResponseHead:
        self._check_asked()
        found = RESPONSE_HEAD.fullmatch(self._buffer, self._start, end)
        if found is None:
            raise self._first_fault(end, True) or ProtocolError(400, "malformed")
        head = make_response(found, self._asked[0])
        self._interim = self._interim + 1 if head.interim else 0
        if self._interim > INTERIM:
            raise ProtocolError(502, "too many interim responses")
        if head.status == 101 and not self._wants_upgrade:
            raise ProtocolError(502, "nobody asked to switch protocols")
        if not head.interim:
            self._asked.popleft()
        return head

    # The body

    def _begin_body(self, head: Head | ResponseHead) -> None:
        """Decide what is to be read after this head."""
        limit = self.limits.body
        if limit is not None and (head.length or 0) > limit:
            raise ProtocolError(413, "the body is too large")
        if head.switches:
            self._after = Reading.SWITCHED
        elif head.keep_alive or head.interim:
            self._after = Reading.HEAD
        else:
            self._after = Reading.OVER
        self._received = self._used = 0
        if head.length == 0:
            self.state = self._after
        elif head.until_close:
            self.state = Reading.BODY_TO_CLOSE
        elif head.length is None:
            self.state = Reading.CHUNK_SIZE
        else:
            self._left = head.length
            self.state = Reading.BODY

    def _read_body(self) -> HTTPEvent | None:
        if self._left:
            return self._take_data()
        self.state = self._after
        return End(Headers())

    def _take_data(self) -> Data | None:
        """As much as is there of the body, or of the chunk."""
        end = min(self._start + self._left, len(self._buffer))
        data = bytes(self._buffer[self._start : end])
        self._left -= len(data)
        self._start = end
        return Data(data) if data else None

    def _read_to_close(self) -> HTTPEvent | None:
        limit = self.limits.body
        self._left = self.unread if limit is None else limit - self._received
        data = self._take_data()
        if data is None and self.unread:
            raise ProtocolError(413, "the body is too large")
        self._received += len(data.data) if data else 0
        return data

    def _read_chunk_size(self) -> HTTPEvent | None:
        limits = self.limits
        line = self._take_line(limits.chunk_line, 400, "a chunk's line is too long")
        if line is None:
            return None
        found = CHUNK_LINE.fullmatch(line)
        if not found:
            raise ProtocolError(400, "a chunk's line is malformed")
        self._left = int(found[1], 16)
        self._received += self._left
        self._used += len(found[2])
        limit = 2**63 if limits.body is None else limits.body
        if self._received > limit or self._used > limits.extension_bytes:
            raise ProtocolError(413, "the body is too large")
        if self._left:
            self.state = Reading.CHUNK
            return self._read_chunk()
        self._used = 0
        self.state = Reading.TRAILERS
        return self._read_trailers()

    def _read_chunk(self) -> HTTPEvent | None:
        data = self._take_data()
        if not self._left:
            self.state = Reading.CHUNK_END
        return data

    def _read_chunk_end(self) -> HTTPEvent | None:
        end = self._buffer[self._start : self._start + 2]
        if not b"\r\n".startswith(end):
            raise ProtocolError(400, "a chunk is longer than its size")
        if len(end) < 2:
            return None
        self._start += 2
        self.state = Reading.CHUNK_SIZE
        return self._read_chunk_size()

    def _read_trailers(self) -> HTTPEvent | None:
        limits = self.limits
        while line := self._take_line(
            limits.field_bytes - self._used, 431, "the trailer is too long"
        ):
            if not FIELD_LINE.fullmatch(line):
                raise ProtocolError(400, "a trailer line is malformed")
            self._used += len(line)
            self._trailers.append(line)
            if len(self._trailers) > limits.fields:
                raise ProtocolError(431, "too many trailer fields")
        if line is None:
            return None
        block = b"".join(b"\r\n" + line for line in self._trailers)
        self._trailers = []
        if framing_fields("1.0", block):
            # Who merges trailers into the headers would read another message.
            raise ProtocolError(400, "a trailer can't frame what it ends")
        self.state = self._after
        return End(Headers.parse(block))

    def _take_line(self, limit: int, status: int, reason: str) -> bytes | None:
        """Take a line off the buffer, without its CRLF; None if its end is to come."""
        start, end = self._start, self._start + limit + 2
        found = LINE_END.search(self._buffer, start + self._scanned, end)
        if found is None:
            if len(self._buffer) >= end:
                raise ProtocolError(status, reason)
            # The last byte may be the CR of a CRLF, and is looked at again.
            self._scanned = max(0, len(self._buffer) - start - 1)
            return None
        if found[0] != b"\r\n":
            raise ProtocolError(400, "a CR or an LF stands alone")
        self._start, self._scanned = found.end(), 0
        return bytes(self._buffer[start : found.start()])

    # After the message

    def _keep(self) -> HTTPEvent | None:
        """Keep what comes until `resume()` or `leftover()` decide."""
        return None

    def _drop(self) -> HTTPEvent | None:
        """Nothing after the last message means anything."""
        self._buffer, self._start = b"", 0
        return None

    def _at_end(self) -> HTTPEvent:
        """No more bytes come, and more would be needed for another event."""
        if self.state is Reading.BODY_TO_CLOSE:
            self.stop()
            return End(Headers())
        if self.idle or self.state in (Reading.OVER, Reading.SWITCHED):
            self.stop()
            return Closed()
        what = "request" if self._role is Role.SERVER else "response"
        raise ProtocolError(400, f"the {what} ends in the middle")


READERS: dict[Reading, Callable[[Parser], HTTPEvent | None]] = {
    Reading.HEAD: Parser._read_head,
    Reading.BODY: Parser._read_body,
    Reading.BODY_TO_CLOSE: Parser._read_to_close,
    Reading.CHUNK_SIZE: Parser._read_chunk_size,
    Reading.CHUNK: Parser._read_chunk,
    Reading.CHUNK_END: Parser._read_chunk_end,
    Reading.TRAILERS: Parser._read_trailers,
    Reading.SWITCHED: Parser._keep,
    Reading.OVER: Parser._drop,
}
