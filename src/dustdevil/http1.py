"""HTTP/1.1 without input or output: bytes in, events out (RFC 9110, RFC 9112).

A request is a line, header fields, an empty line, and perhaps a body:

    POST /notes HTTP/1.1\\r\\n
    Host: example.org\\r\\n
    Content-Length: 5\\r\\n
    \\r\\n
    hello

How long the body is, the header says, and on a connection that carries one request
after another everything depends on reading it as the sender meant it. Where a proxy
in front and a server behind it disagree about one byte, the rest of one person's
request becomes the beginning of another's: request smuggling. So what does not match
the grammar (the module `grammar`) is refused. Nothing is repaired or guessed.

`RequestParser.feed(data)` takes what came in, cut anywhere, and returns events. A
request without a body is one `Head`; with a body it is a `Head`, any number of
`Data`, and an `End`. The last event of a stream that breaks the rules is a
`ProtocolError`, with the status to answer. After it nothing more is read.

The other half writes: `encode_head`, `chunk` and `LAST_CHUNK` make responses.
"""

import re
from collections.abc import Callable, Iterable, Iterator
from email.utils import formatdate
from functools import lru_cache
from http import HTTPStatus
from itertools import starmap
from socket import AF_INET6, inet_pton
from time import time
from typing import Any, NamedTuple

from dustdevil.fields import lazy
from dustdevil.grammar import (
    ABSOLUTE_FORM,
    AUTHORITY_FORM,
    BROWSERS,
    CHUNK_LINE,
    FIELD_LINE,
    HOST,
    LINE_END,
    NAME,
    ORIGIN,
    REQUEST_LINE,
)
from dustdevil.speedups import parse_head
from dustdevil.twins import Fields, framing_fields


class ProtocolError(Exception):
    """The peer broke the rules, or a limit; `status` is the answer it gets."""

    def __init__(self, status: int, reason: str):
        super().__init__(status, reason)
        self.status = status
        self.reason = reason


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


class Headers:
    """Header fields. Names have no case; a name can have several values.

    They are taken apart when the first is asked for: most requests are answered
    without a look at most of their headers.
    """

    __slots__ = ("_block", "_values")

    def __init__(self, block: bytes = b""):
        """`block`: field lines that were checked, each with a CRLF before it."""
        self._block = block
        self._values: dict[str, list[str]] | None = None

    def items(self) -> Iterator[tuple[str, str]]:
        """Each field's name, as it was sent, and value, in their order."""
        for line in self._block.decode("latin-1").split("\r\n")[1:]:
            name, _, value = line.partition(":")
            yield name, value.strip(" \t")

    def get_all(self, name: str) -> list[str]:
        """Every value of a name, in order."""
        if self._values is None:
            self._values = {}
            for sent, value in self.items():
                self._values.setdefault(sent.lower(), []).append(value)
        return self._values.get(name.lower(), [])

    def get(self, name: str, default: Any = None) -> Any:
        """The value of a name; several are joined with commas (RFC 9110, 5.3)."""
        values = self.get_all(name)
        return ", ".join(values) if values else default

    def __contains__(self, name: str) -> bool:
        return bool(self.get_all(name))

    def __getitem__(self, name: str) -> str:
        values = self.get_all(name)
        if not values:
            raise KeyError(name)
        return ", ".join(values)

    def __repr__(self) -> str:
        return f"<Headers {list(self.items())}>"


class Head:
    """A request up to its body.

    `target` is "/path?query" as it was sent, with its percent signs; "*" for some
    OPTIONS; "host:port" for CONNECT. Of an absolute "http://host/path" it is what
    follows the host, and `host` that host, whatever the Host field says (RFC 9112,
    3.2.2). `length` is the body's in bytes, None when it comes in chunks. `upgrade`
    is the value of that field or "", and `expects_continue` tells that the client
    waits for a "100 Continue" before it sends the body. `plain` is an HTTP/1.1 request
    that leaves all of these as they stand here, as most do.
    """

    plain = False
    length: int | None = 0
    has_body = False
    keep_alive = True
    expects_continue = False
    upgrade = ""

    def __init__(
        self, method: str, target: str, version: str, block: bytes, host: str = ""
    ):
        self.method = method
        self.target = target
        self.version = version
        self.host = host
        self._block = block

    @lazy
    def headers(self) -> Headers:
        """All the header fields, in their order."""
        return Headers(self._block)

    def __repr__(self) -> str:
        return f"<Head {self.method} {self.target} HTTP/{self.version}>"


class Data(NamedTuple):
    """A piece of the body, never empty."""

    data: bytes


class End(NamedTuple):
    """The body is complete. Trailers are kept apart from the headers, always:
    merged, they could change what was decided by those (RFC 9110, 6.5.1)."""

    trailers: Headers


Event = Head | Data | End | ProtocolError
NO_HEADERS = Headers()


class RequestParser:
    """Reads the requests of one connection.

    `_step` is what to read next, one of the methods below: the state. Each looks at
    the bytes from `_start` on, moves `_start` behind what it used, adds the events
    to the list, and returns False if it needs more bytes than there are.
    """

    __slots__ = (
        "_after",
        "_buffer",
        "_left",
        "_lines",
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

    def __init__(self, limits: Limits = Limits()):  # noqa: B008 (it is immutable)
        self.limits = limits
        self._most = min(limits.line, limits.field_bytes)  # bytes of a usual head
        self._most_fields = limits.fields
        self._buffer: bytes | bytearray = b""
        self._start = 0
        self._scanned = 0  # bytes of the line in hand known to have no end in them
        self._skipped = False  # an empty line before the request
        self._lines: list[bytes] = []  # the field lines so far
        self._used = 0  # their bytes, or those of the chunk extensions
        self._request: tuple[bytes, bytes, bytes, bytes] | None = None
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
            events.append(error.with_traceback(None))
            self._step = RequestParser._ignore
        if self._start == size:
            self._buffer = b""
        elif self._start or isinstance(self._buffer, bytes):
            # To a bytearray, bytes can be added without copying those before.
            self._buffer = bytearray(memoryview(self._buffer)[self._start :])
        self._start = 0
        return events

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
        head = Head(method, target, version, block, host)
        if fields or version == "1.0":
            frame(head, fields)
            self._begin(head, events)
        else:
            # Nothing was said of a body or an end: the next request follows.
            head.plain = True
            events.append(head)
        return True

    def _read_request_line(self, events: list[Event]) -> bool:
        line = self._take_line(self.limits.line, 414, "the request line is too long")
        if line is None:
            return False
        if not line and not self._skipped:
            self._skipped = True  # one empty line is let pass (RFC 9112, 2.2)
            return True
        path = BROWSERS if self.limits.lenient_targets else ORIGIN
        self._request = parse_request_line(line, path)
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
            events.append(End(Headers(self._take_block())))
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
FIRST_STEPS = (RequestParser._read_head, RequestParser._read_request_line)


def parse_request_line(
    line: bytes, path: re.Pattern[bytes] = ORIGIN
) -> tuple[bytes, bytes, bytes, bytes]:
    """Return method, target in origin form, minor version, and authority if any.

    `path` is the form of a path with its query. Raises ProtocolError: 505 for another
    HTTP than 1, otherwise 400.
    """
    found = REQUEST_LINE.fullmatch(line)
    if not found:
        raise ProtocolError(400, "the request line is malformed")
    method, target, major, minor = found.groups()
    if major != b"1":
        raise ProtocolError(505, "this server speaks HTTP/1.1")
    if method == b"CONNECT":
        tunnel = AUTHORITY_FORM.fullmatch(target)
        if tunnel and is_host(target):
            return method, target, minor, target
    elif path.fullmatch(target) or (method, target) == (b"OPTIONS", b"*"):
        return method, target, minor, b""
    elif absolute := ABSOLUTE_FORM.fullmatch(target):
        authority, rest = absolute.groups(b"")
        if is_host(authority) and not authority.startswith(b":"):
            if method == b"OPTIONS" and not rest:
                return method, b"*", minor, authority
            rest = rest if rest.startswith(b"/") else b"/" + rest
            if path.fullmatch(rest):
                return method, rest, minor, authority
    raise ProtocolError(400, "the request's target is malformed")


@lru_cache(maxsize=64)
def is_host(value: bytes) -> bool:
    """Whether this is a host with or without a port (RFC 9110, 7.2)."""
    found = HOST.fullmatch(value)
    if found and found[1]:
        try:
            inet_pton(AF_INET6, found[1].decode())
        except OSError:
            return False
    return bool(found)


def make_head(
    method: bytes, target: bytes, minor: bytes, authority: bytes, block: bytes
) -> Head:
    """The head of a request whose lines are well-formed.

    Raises ProtocolError where the fields that frame it contradict themselves or the
    standard.
    """
    version = "1.0" if minor == b"0" else "1.1"
    fields = framing_fields(version, block)
    hosts = fields.pop(b"host", [])
    # RFC 9112, 3.2: one Host in every request since 1.1, and never two.
    if len(hosts) > 1 or (version == "1.1" and not hosts):
        raise ProtocolError(400, "there must be one Host field")
    if hosts and not is_host(hosts[0]):
        raise ProtocolError(400, "the Host field is malformed")
    host = authority or b"".join(hosts)
    head = Head(method.decode(), target.decode(), version, block, host.decode())
    frame(head, fields)
    return head


def frame(head: Head, fields: Fields) -> None:
    """Do what the framing fields say: they decide where the request ends, and what
    comes after it."""
    persistent = head.version == "1.1"
    head.length = body_length(head.version, fields)
    head.has_body = head.length != 0
    options = tokens(fields.get(b"connection", []))
    head.keep_alive = b"close" not in options and (
        persistent or b"keep-alive" in options
    )
    if persistent and b"upgrade" in options:
        head.upgrade = b", ".join(fields.get(b"upgrade", [])).decode("latin-1")
    if persistent and b"expect" in fields:
        if tokens(fields[b"expect"]) != [b"100-continue"]:
            raise ProtocolError(417, "the only expectation known is 100-continue")
        head.expects_continue = head.has_body


def tokens(values: list[bytes]) -> list[bytes]:
    """The members of a comma-separated list, in lower case (RFC 9110, 5.6.1)."""
    members = b",".join(values).lower().split(b",")
    return [member.strip(b" \t") for member in members if member.strip(b" \t")]


def body_length(version: str, fields: Fields) -> int | None:
    """The body's length in bytes, None for chunks (RFC 9112, 6.3).

    Two ways to say the length are two answers to the question where the request
    ends, even when they agree. They are refused: 400.
    """
    lengths = fields.get(b"content-length", [])
    codings = fields.get(b"transfer-encoding", [])
    if codings:
        if lengths:
            raise ProtocolError(400, "both Content-Length and Transfer-Encoding")
        if version == "1.0":
            raise ProtocolError(400, "HTTP/1.0 has no Transfer-Encoding")
        check_codings(b",".join(codings).lower().split(b","))
        return None
    if not lengths:
        return 0
    if len(lengths) > 1 or not lengths[0].isdigit():
        raise ProtocolError(400, "Content-Length is malformed or repeated")
    # int() of very many digits takes very long.
    if len(lengths[0].lstrip(b"0")) > 18:
        raise ProtocolError(413, "the body is too large")
    return int(lengths[0])


def check_codings(codings: list[bytes]) -> None:
    """Let "chunked" pass, alone. RFC 9112, 6.1 and 6.3, for all others."""
    codings = [coding.strip(b" \t") for coding in codings]
    if codings == [b"chunked"]:
        return
    known = all(map(NAME.fullmatch, codings))
    if known and codings[-1] == b"chunked" and codings.count(b"chunked") == 1:
        raise ProtocolError(501, "the only transfer coding known is chunked")
    raise ProtocolError(400, "Transfer-Encoding must end in one chunked")


# Responses

LAST_CHUNK = b"0\r\n\r\n"
OURS = {"content-length", "transfer-encoding", "connection", "date"}


def encode_head(
    status: int,
    headers: Iterable[tuple[str, str]] = (),
    framing: bytes = b"",
    reason: str | None = None,
) -> bytes:
    """The head of a response, with its Date and its empty line.

    `headers` are from the application, and checked: ValueError for what would not
    be one header line. `framing` is ours, and made by `field_line`, or a constant.
    """
    return opening(status, reason, tuple(headers), int(time())) + framing + b"\r\n"


@lru_cache(maxsize=64)
def opening(status: int, reason: str | None, headers: tuple, second: int) -> bytes:
    """Status line, Date and the application's headers: made once a second, while
    responses are alike."""
    if reason is None:
        known = status in HTTPStatus.__members__.values()
        reason = HTTPStatus(status).phrase if known else ""
    if not 100 <= status <= 999:
        raise ValueError(f"{status} is no HTTP status")
    line = f"HTTP/1.1 {status:d} {reason}".encode("latin-1")
    if not re.fullmatch(rb"[\t -~\x80-\xff]+", line):
        raise ValueError(f"a reason phrase can't be {reason!r}")
    date = field_line("Date", formatdate(second, usegmt=True))
    return b"".join([line, b"\r\n", date, *starmap(application_line, headers)])


@lru_cache(maxsize=256)
def application_line(name: str, value: str) -> bytes:
    """A header line that the application may set. Most come again and again."""
    if name.lower() in OURS:
        raise ValueError(f"{name} is written by the server, not by the application")
    return field_line(name, value)


def field_line(name: str, value: str) -> bytes:
    """One header line with its CRLF.

    Raises ValueError for a name that is no token and for a value with a CR, LF or
    NUL in it, or with characters outside Latin-1: with a CRLF in a value, whoever
    chose the value would write headers, or a whole second response.
    """
    line = f"{name}: {value}".encode("latin-1")
    if not NAME.fullmatch(name.encode("latin-1")) or not FIELD_LINE.fullmatch(line):
        raise ValueError(f"no header line can be made of {name!r} and {value!r}")
    return line + b"\r\n"


def chunk(data: bytes) -> bytes:
    """One chunk of a body (RFC 9112, 7.1); nothing for no data, which would end it."""
    return b"%x\r\n%b\r\n" % (len(data), data) if data else b""
