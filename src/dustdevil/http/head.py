"""The head of a request: what its line and its header fields say (RFC 9110, RFC 9112).

How long the body is, the header says, and on a connection that carries one request
after another everything depends on reading it as the sender meant it. Where a proxy
in front and a server behind it disagree about one byte, the rest of one person's
request becomes the beginning of another's: request smuggling. So what does not match
the grammar (the module `grammar`) is refused. Nothing is repaired or guessed.

`Head` and `Headers` are what an application sees of it. `make_head` and `frame` draw
the conclusions: what the request is for, where it ends, and what comes after it.
"""

import re
from collections.abc import Iterator
from functools import lru_cache
from socket import AF_INET6, inet_pton
from typing import Any
from urllib.parse import unquote

from dustdevil.fields import lazy
from dustdevil.http.grammar import (
    ABSOLUTE_FORM,
    AUTHORITY_FORM,
    HOST,
    NAME,
    ORIGIN,
    REQUEST_LINE,
)
from dustdevil.speedups.pure import Fields, framing_fields


class ProtocolError(Exception):
    """The peer broke the rules, or a limit; `status` is the answer it gets.

    `method` is that of a request whose first line was read before the error: an
    answer to HEAD has no body, whatever it says (RFC 9110, 9.3.2).
    """

    method = ""

    def __init__(self, status: int, reason: str):
        super().__init__(status, reason)
        self.status = status
        self.reason = reason


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
        """Every value of a name, in order; the list is the caller's own."""
        if self._values is None:
            self._values = {}
            for sent, value in self.items():
                self._values.setdefault(sent.lower(), []).append(value)
        # A copy: requests of the same bytes share these (see RequestParser.whole).
        return list(self._values.get(name.lower(), ()))

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


NO_HEADERS = Headers()


class Head:
    """A request up to its body.

    `target` is "/path?query" as it was sent, with its percent signs; "*" for some
    OPTIONS; "host:port" for CONNECT. Of an absolute "http://host/path" it is what
    follows the host, and `host` that host, whatever the Host field says (RFC 9112,
    3.2.2). `path` is the target without its query, decoded: what is not UTF-8 in it
    becomes U+FFFD. `length` is the body's in bytes, None when it comes in chunks.
    `upgrade` is the value of that field or "", and `expects_continue` tells that the
    client waits for a "100 Continue" before it sends the body. `plain` is an HTTP/1.1
    request that leaves all of these as they stand here, as most do.
    """

    length: int | None = 0
    has_body = False
    keep_alive = True
    expects_continue = False
    upgrade = ""

    def __init__(
        self,
        method: str,
        target: str,
        version: str,
        block: bytes,
        host: str = "",
        plain: bool = False,
    ):
        self.method = method
        self.target = target
        self.version = version
        self.host = host
        self.plain = plain
        self._block = block
        easy = "%" not in target and "?" not in target
        self.path = target if easy else unquote(target.partition("?")[0])

    @lazy
    def headers(self) -> Headers:
        """All the header fields, in their order."""
        return Headers(self._block)

    def __repr__(self) -> str:
        return f"<Head {self.method} {self.target} HTTP/{self.version}>"


def parse_request_line(
    line: bytes, path: re.Pattern[bytes] = ORIGIN, secure: bool = True
) -> tuple[bytes, bytes, bytes, bytes]:
    """Return method, target in origin form, minor version, and authority if any.

    `path` is the form of a path with its query; `secure`, whether the connection is.
    Raises ProtocolError: 505 for another HTTP than 1, 421 for what may only be asked on
    a secure connection (RFC 9110, 7.4), otherwise 400.
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
        scheme, authority, rest = absolute.groups(b"")
        if is_host(authority):
            if scheme.lower() == b"https" and not secure:
                raise ProtocolError(421, "this connection is not secure")
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
        expected = set(tokens(fields[b"expect"]))
        if expected - {b"100-continue"}:
            raise ProtocolError(417, "the only expectation known is 100-continue")
        head.expects_continue = bool(expected) and head.has_body


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
