"""HTTP/1.1 responses, read without input or output (RFC 9110, RFC 9112).

A response is framed as a request is, but for its first line and for three matters:
what was asked decides whether a body follows, a body may end with the connection,
and interim responses can come before the one that counts. So the parser here is the
one of requests with another beginning. It is as strict: a client that guesses where
a response ends reads the next person's answer as its own.
"""

import re
from collections import deque
from typing import Any

from dustdevil.fields import lazy
from dustdevil.http.head import NO_HEADERS, Headers, ProtocolError, body_length, tokens
from dustdevil.http.parser import Data, End, Limits, RequestParser
from dustdevil.speedups.pure import framing_fields

# RFC 9112, 4   status-line = HTTP-version SP status-code SP [ reason-phrase ]
STATUS_LINE = re.compile(
    rb"HTTP/([0-9])\.([0-9]) ([1-9][0-9][0-9]) ([\t -~\x80-\xff]*+)"
)
INTERIM = 16  # responses below 200 that may come before the one that counts


class ResponseHead:
    """A response up to its body.

    `length` is the body's in bytes; None if it comes in chunks, or, `until_close`,
    with no end but that of the connection. `keep_alive` is what the server offers.
    """

    length: int | None = 0
    until_close = False
    keep_alive = True

    def __init__(self, status: int, reason: str, version: str, block: bytes):
        self.status = status
        self.reason = reason
        self.version = version
        self._block = block

    @property
    def interim(self) -> bool:
        """Whether another response follows, the one that counts (RFC 9110, 15.2)."""
        return self.status < 200 and self.status != 101

    @property
    def has_body(self) -> bool:
        """Whether `Data` and `End` follow."""
        return self.length != 0

    @lazy
    def headers(self) -> Headers:
        """All the header fields, in their order."""
        return Headers(self._block)

    def __repr__(self) -> str:
        return f"<ResponseHead {self.status} {self.reason}>"


class ResponseParser(RequestParser):
    """Reads the responses of one connection; `expect(method)` before each.

    A response without a body is one `ResponseHead`; with a body it is that, any
    number of `Data`, and an `End`. Bytes that nobody asked for are an error.
    """

    __slots__ = ("_interim", "_methods", "_until_close", "_upgrade")
    _step: Any  # a step of either class
    _after: Any

    def __init__(self, limits: Limits = Limits()):  # noqa: B008 (it is immutable)
        super().__init__(limits)
        self._methods: deque[str] = deque()
        self._interim = 0
        self._until_close = False
        self._upgrade = False
        self._step = ResponseParser._read_status_line

    def expect(self, method: str, upgrade: bool = False) -> None:
        """A request was sent: its method decides if its response has a body.

        After one that asks for an `upgrade`, none may follow before it is answered.
        With a 101, the bytes behind its head are left to `leftover()`.
        """
        self._methods.append(method)
        self._upgrade = upgrade

    def feed(self, data: bytes) -> list:
        """As for requests; what is wrong is a 502, which a gateway would answer."""
        events: list = super().feed(data)
        if events and isinstance(events[-1], ProtocolError):
            self._until_close = False
            events[-1].status = 502
        return events

    def feed_eof(self) -> list:
        """The connection has ended: a body too, perhaps, or it is an error."""
        if self._until_close:
            self.stop()
            self._until_close = False
            return [End(NO_HEADERS)]
        if self.idle or self._step in (RequestParser._ignore, RequestParser._wait):
            return []
        self.stop()
        return [ProtocolError(502, "the response ends in the middle")]

    @property
    def idle(self) -> bool:
        """Whether every response asked for is complete, and nothing else has come."""
        first = self._step is ResponseParser._read_status_line
        return first and not self._methods and not self._buffer

    def _read_status_line(self, events: list) -> bool:
        if not self._methods:
            raise ProtocolError(502, "there are bytes that nobody asked for")
        line = self._take_line(self.limits.line, 502, "the status line is too long")
        if line is None:
            return False
        found = STATUS_LINE.fullmatch(line)
        if not found or found[1] != b"1":
            raise ProtocolError(502, "the status line is malformed")
        self._request = found[3], found[4], found[2], b""
        self._step = ResponseParser._read_head_fields
        return True

    def _read_head_fields(self, events: list) -> bool:
        line = self._take_field()
        if line == b"":
            assert self._request is not None
            status, reason, minor, _ = self._request
            version = "1.0" if minor == b"0" else "1.1"
            block = self._take_block()
            head = ResponseHead(int(status), reason.decode("latin-1"), version, block)
            self._begin_response(head, block, events)
        return line is not None

    def _switch(self, head: ResponseHead, events: list) -> None:
        """HTTP ends here, and another protocol begins (RFC 9110, 15.2.2)."""
        if not self._upgrade:
            raise ProtocolError(502, "nobody asked to switch protocols")
        self._methods.popleft()
        events.append(head)
        self._step = RequestParser._wait

    def _begin_response(self, head: ResponseHead, block: bytes, events: list) -> None:
        if head.status == 101:
            self._switch(head, events)
            return
        self._interim = self._interim + 1 if head.interim else 0
        if self._interim > INTERIM:
            raise ProtocolError(502, "too many interim responses")
        method = self._methods[0] if head.interim else self._methods.popleft()
        frame(head, method, block)
        limit = self.limits.body
        if limit is not None and (head.length or 0) > limit:
            raise ProtocolError(502, "the body is too large")
        events.append(head)
        self._after = ResponseParser._read_status_line
        if not head.keep_alive and not head.interim:
            self._after = RequestParser._ignore
        if not head.has_body:
            self._step = self._after
        elif head.until_close:
            self._until_close = True
            self._received = 0
            self._step = ResponseParser._read_to_the_end
        elif head.length is None:
            self._received = 0
            self._step = RequestParser._read_chunk_size
        else:
            self._left = head.length
            self._step = RequestParser._read_body

    def _read_to_the_end(self, events: list) -> bool:
        data = bytes(self._buffer[self._start :])
        self._start = len(self._buffer)
        limit = self.limits.body
        room = len(data) if limit is None else limit - self._received
        if data[:room]:
            events.append(Data(data[:room]))
        if len(data) > room:
            raise ProtocolError(502, "the body is too large")
        self._received += len(data)
        return True


def frame(head: ResponseHead, method: str, block: bytes) -> None:
    """Find out where the response ends (RFC 9112, 6.3), and if another may follow.

    Raises ProtocolError for framing fields that are malformed or contradict
    themselves, also where no body follows.
    """
    fields = framing_fields(head.version, block)
    length = body_length(head.version, fields)
    options = tokens(fields.get(b"connection", []))
    head.keep_alive = b"close" not in options and (
        head.version == "1.1" or b"keep-alive" in options
    )
    if method == "HEAD" or head.interim or head.status in (204, 304):
        return
    head.length = length
    if b"content-length" not in fields and b"transfer-encoding" not in fields:
        head.length, head.until_close, head.keep_alive = None, True, False
