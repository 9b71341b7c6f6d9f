"""Responses as bytes: the writing half of HTTP/1.1 (RFC 9112).

`begin` says how a response is framed and makes its head, `chunk` and `LAST_CHUNK` a
body whose length is not known yet. What an application gives is checked here: a header
is one line, or it is refused.
"""

import re
from collections.abc import Iterable
from email.utils import formatdate
from functools import lru_cache
from http import HTTPStatus
from itertools import starmap
from time import time
from typing import Any

from dustdevil.http.grammar import FIELD_LINE, NAME

LAST_CHUNK = b"0\r\n\r\n"
OURS = {"content-length", "transfer-encoding", "connection", "date"}
# These responses have no body, whatever their headers say (RFC 9110, 6.4.1), and 205
# must not have one (15.3.6).
BODILESS = (204, 205, 304)
# What a response says, by version, about a connection that closes or stays open.
PERSISTENCE = {
    "1.0": (b"Connection: close\r\n", b"Connection: keep-alive\r\n"),
    "1.1": (b"Connection: close\r\n", b""),
}


def begin(response: Any, version: str, keep: bool) -> tuple[bytes, bool, bool]:
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
    kept = (chunked or length is not None) and keep
    framing = PERSISTENCE[version][kept]
    if status in BODILESS:
        framing += b"Content-Length: 0\r\n" * (status == 205)
    elif chunked:
        framing += b"Transfer-Encoding: chunked\r\n"
    elif length is not None:
        framing += b"Content-Length: %d\r\n" % length
    reason = getattr(response, "reason", None)
    return encode_head(status, response.headers, framing, reason), chunked, kept


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
    line = field_line(name, value)
    if name.lower() == "upgrade":
        # About this connection only, and nobody may pass it on (RFC 9110, 7.8).
        line += b"Connection: Upgrade\r\n"
    return line


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
