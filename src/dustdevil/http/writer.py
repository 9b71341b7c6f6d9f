"""Messages as bytes: the writing half of HTTP/1.1 (RFC 9112).

A response begins with `response_head`, and a body whose length is not known goes out
in chunks. What an application gives is checked here: a header is one line, or it is
refused. With a CRLF in a value, whoever chose the value would write headers, or a
whole second response.
"""

import re
from email.utils import formatdate
from http import HTTPStatus
from typing import Any

from dustdevil.http.framing import BODILESS
from dustdevil.http.grammar import FIELD_LINE, NAME
from dustdevil.http.headers import Headers

LAST_CHUNK = b"0\r\n\r\n"
CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"
# What is about the message or the connection is written by us; of an Upgrade the half.
OURS = {"content-length", "transfer-encoding", "connection", "date", "upgrade"}
# Names that applications set most, and may.
USUAL = {
    "Accept-Ranges", "Allow", "Cache-Control", "Content-Disposition",
    "Content-Encoding", "Content-Range", "Content-Security-Policy", "Content-Type",
    "ETag", "Expires", "Last-Modified", "Location",
    "Retry-After", "Set-Cookie", "Vary",
}  # fmt: skip
# What a response says, by version, about a connection that closes or stays open.
PERSISTENCE = {
    "1.0": ("Connection: close\r\n", "Connection: keep-alive\r\n"),
    "1.1": ("Connection: close\r\n", ""),
}
STATUS_LINES = {
    int(status): f"HTTP/1.1 {status:d} {status.phrase}\r\n" for status in HTTPStatus
}


def begin(
    response: Any, version: str, keep: bool, date: str
) -> tuple[bytes, bool, bool]:
    """A response's head, whether its body is sent in chunks, and whether the
    connection stays open, which it may if `keep`. `version` is that of the request.

    Raises an exception for what is no response, as the module `server` describes it.
    """
    status, body, length = response.status, response.body, response.length
    if not 200 <= status <= 599:
        raise ValueError(f"{status} can't be a response's status")
    if isinstance(body, bytes):
        length = len(body)
    elif not hasattr(body, "__aiter__"):
        raise TypeError(f"{body!r:.80} can't be a response's body")
    chunked = length is None and version == "1.1"
    # In HTTP/1.0, only the end of the connection ends a body of unknown length.
    kept = keep and (chunked or length is not None)
    framing = PERSISTENCE[version][kept]
    if status in BODILESS:
        framing += "Content-Length: 0\r\n" * (status == 205)
    elif chunked:
        framing += "Transfer-Encoding: chunked\r\n"
    elif length is not None:
        framing += f"Content-Length: {length}\r\n"
    head = response_head(status, response.headers, date, framing, response.reason)
    return head, chunked, kept


def response_head(
    status: int,
    headers: Headers,
    date: str,
    framing: str = "",
    reason: str | None = None,
) -> bytes:
    """The head of a response, with its empty line.

    `headers` are the application's; `date` and `framing` are lines of ours, with their
    CRLF. Raises ValueError for what can't be a status, a reason or a header line.
    """
    usual = status in STATUS_LINES and reason is None
    first = STATUS_LINES[status] if usual else status_line(status, reason or "")
    lines = f"{first}{date}{field_lines(headers)}{framing}\r\n"
    return lines.encode("latin-1")


def status_line(status: int, reason: str) -> str:
    """One with a status or a reason of its own."""
    line = f"HTTP/1.1 {status:d} {reason}"
    if not re.fullmatch(r"HTTP/1.1 [1-9][0-9]{2} [\t -~\x80-\xff]*+", line):
        raise ValueError(f"no status line can be made of {status} and {reason!r}")
    return f"{line}\r\n"


def field_lines(headers: Headers) -> str:
    """The lines of an application's headers, each with its CRLF.

    Raises ValueError for a name that is no token, for a value with a CR, LF or NUL in
    it, or with characters outside Latin-1, and for what is ours to write.
    """
    lines = ""
    for name, value in headers.items():
        # Nearly all are like this, which is the quickest to see.
        if name in USUAL and value.isascii() and value.isprintable():
            lines += f"{name}: {value}\r\n"
        else:
            lines += field_line(name, value)
    return lines


def field_line(name: str, value: str) -> str:
    """One line that an application may set, with its CRLF; ValueError if it is none.

    Upgrade is about this connection only, and nobody may pass it on: that takes a
    second line (RFC 9110, 7.8).
    """
    if name.lower() == "upgrade":
        return f"{name}: {checked_value(name, value)}\r\nConnection: Upgrade\r\n"
    if name.lower() in OURS:
        raise ValueError(f"{name} is written by the server, not by the application")
    return f"{name}: {checked_value(name, value)}\r\n"


def checked_value(name: str, value: str) -> str:
    """The value, if it makes one header line with this name."""
    line = f"{name}: {value}".encode("latin-1")
    if not NAME.fullmatch(name.encode("latin-1")) or not FIELD_LINE.fullmatch(line):
        raise ValueError(f"no header line can be made of {name!r} and {value!r}")
    return value


def date_line() -> str:
    """The Date of now, with its CRLF. Making it takes as long as all else of a head: a
    server makes it once a second (RFC 9110, 6.6.1)."""
    return f"Date: {formatdate(usegmt=True)}\r\n"


def chunk(data: bytes) -> bytes:
    """One chunk of a body (RFC 9112, 7.1); nothing for no data, which would end it."""
    return b"%x\r\n%b\r\n" % (len(data), data) if data else b""
