"""The head of a message: its first line, and its header fields (RFC 9112).

The parser has it split by the grammar. Here the conclusions are drawn: what is asked
for, where the message ends, what comes after it. And for a head that did not match,
here it is found out why.
"""

import re
from functools import lru_cache
from socket import AF_INET6, inet_pton
from urllib.parse import unquote

from dustdevil.fields import lazy
from dustdevil.http.errors import ProtocolError
from dustdevil.http.framing import Limits, body_length, is_persistent, members
from dustdevil.http.grammar import (
    ABSOLUTE_FORM,
    AUTHORITY_FORM,
    BROWSERS,
    FIELD_LINE,
    HOST,
    ORIGIN,
    REQUEST_LINE,
)
from dustdevil.http.headers import Headers
from dustdevil.speedups.pure import Fields, Found, framing_fields


class MessageHead:
    """What the heads of requests and of responses have in common."""

    length: int | None = 0
    keep_alive = True
    until_close = False
    _block: bytes  # the field lines, each with a CRLF before it

    @property
    def has_body(self) -> bool:
        """Whether `Data` and `End` follow."""
        return self.length != 0

    @lazy
    def headers(self) -> Headers:
        """All the header fields, in their order."""
        return Headers.parse(self._block)


class Head(MessageHead):
    """A request up to its body.

    `target` is "/path?query" as it was sent, with its percent signs; "*" for some
    OPTIONS; "host:port" for CONNECT. Of an absolute "http://host/path" it is what
    follows the host, and `host` that host, whatever the Host field says (RFC 9112,
    3.2.2). `length` is the body's in bytes, None when it comes in chunks. `upgrade` is
    the value of that field or "", and `expects_continue` tells that the client waits
    for a "100 Continue" before it sends the body.
    """

    # As most requests leave them; `plain` says that this one does.
    plain = True
    expects_continue = False
    upgrade = ""
    interim = False  # only responses can be

    def __init__(self, method: str, target: str, version: str, host: str, block: bytes):
        self.method = method
        self.target = target
        self.version = version
        self.host = host
        self._block = block

    @property
    def switches(self) -> bool:
        """Whether another protocol may follow."""
        return bool(self.upgrade) or self.method == "CONNECT"

    @property
    def path(self) -> str:
        """The target without its query, decoded: what is not UTF-8 becomes U+FFFD."""
        target = self.target
        if "%" not in target and "?" not in target:
            return target
        return unquote(target.partition("?")[0])

    def __repr__(self) -> str:
        return f"<Head {self.method} {self.target} HTTP/{self.version}>"


class ResponseHead(MessageHead):
    """A response up to its body.

    `length` is the body's in bytes; None if it comes in chunks, or, `until_close`,
    with no end but that of the connection. `keep_alive` is what the server offers.
    """

    plain = False  # what follows has to be looked at

    def __init__(self, status: int, reason: str, version: str, block: bytes):
        self.status = status
        self.reason = reason
        self.version = version
        self._block = block

    @property
    def switches(self) -> bool:
        """Whether another protocol follows."""
        return self.status == 101

    @property
    def interim(self) -> bool:
        """Whether another response follows, the one that counts (RFC 9110, 15.2)."""
        return self.status < 200 and self.status != 101

    def __repr__(self) -> str:
        return f"<ResponseHead {self.status} {self.reason}>"


# Requests


def make_request(found: Found, limits: Limits) -> Head:
    """The request of which `split_head` found the parts. Raises ProtocolError."""
    usual, method, target, version, host, fields, block = found
    head = Head(method, target, version, host, block)
    if not usual:
        head.plain = False
        look_closer(head, fields.pop(b"host", []), limits)
    if fields or version == "1.0":
        head.plain = False
        frame_request(head, fields)
    return head


def look_closer(head: Head, hosts: list[bytes], limits: Limits) -> None:
    """Read a target and a host that are not of the usual forms.

    Raises ProtocolError: 421 for what may only be asked on a secure connection (RFC
    9110, 7.4), otherwise 400.
    """
    path = BROWSERS if limits.lenient_targets else ORIGIN
    authority = read_target(head, path, limits.secure)
    # RFC 9112, 3.2: one Host in every request since 1.1, and never two.
    if len(hosts) > 1 or (head.version == "1.1" and not hosts):
        raise ProtocolError(400, "there must be one Host field")
    if hosts and not is_host(hosts[0]):
        raise ProtocolError(400, "the Host field is malformed")
    head.host = (authority or b"".join(hosts)).decode()


def read_target(head: Head, path: re.Pattern[bytes], secure: bool) -> bytes:
    """Bring the target into origin form, `path`; returns the authority in it, or b"".

    Raises ProtocolError.
    """
    target = head.target.encode("latin-1")
    if head.method == "CONNECT":
        if AUTHORITY_FORM.fullmatch(target) and is_host(target):
            return target
    elif path.fullmatch(target) or (head.method, target) == ("OPTIONS", b"*"):
        return b""
    elif absolute := ABSOLUTE_FORM.fullmatch(target):
        scheme, authority, rest = absolute.groups(b"")
        if is_host(authority):
            if scheme.lower() == b"https" and not secure:
                raise ProtocolError(421, "this connection is not secure")
            asterisk = head.method == "OPTIONS" and not rest
            rest = rest if rest.startswith(b"/") else b"/" + rest
            head.target = "*" if asterisk else rest.decode("latin-1")
            if path.fullmatch(rest):
                return authority
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


def frame_request(head: Head, fields: Fields) -> None:
    """Do what the framing fields say. Raises ProtocolError."""
    head.length = body_length(head.version, fields)
    head.keep_alive = is_persistent(head.version, fields)
    if head.version == "1.0":
        return
    if b"upgrade" in members(fields.get(b"connection", [])):
        head.upgrade = b", ".join(fields.get(b"upgrade", [])).decode("latin-1")
    if b"expect" in fields:
        expected = set(members(fields[b"expect"]))
        if expected - {b"100-continue"}:
            raise ProtocolError(417, "the only expectation known is 100-continue")
        head.expects_continue = bool(expected) and head.has_body


# Responses


def make_response(found: re.Match[bytes], asked: str) -> ResponseHead:
    """The response that matched RESPONSE_HEAD, to a request of the method `asked`.

    Raises ProtocolError, also for framing fields that contradict themselves where no
    body follows.
    """
    minor, status, reason, block = found.groups()
    version = "1.0" if minor == b"0" else "1.1"
    head = ResponseHead(int(status), reason.decode("latin-1"), version, block)
    fields = framing_fields(version, block)
    length = body_length(version, fields)
    head.keep_alive = is_persistent(version, fields)
    if asked == "HEAD" or head.status < 200 or head.status in (204, 304):
        return head
    head.length = length
    if b"content-length" not in fields and b"transfer-encoding" not in fields:
        head.length, head.until_close, head.keep_alive = None, True, False
    return head


# Faults


def fault_in_field(line: bytes) -> ProtocolError | None:
    """What is wrong with a header line, if anything is."""
    if FIELD_LINE.fullmatch(line):
        return None
    folded = line.startswith((b" ", b"\t"))
    what = "begins with a space" if folded else "is malformed"
    return ProtocolError(400, f"a header line {what}")


def fault_in_first(line: bytes, form: re.Pattern[bytes]) -> ProtocolError | None:
    """What is wrong with a first line, if anything is."""
    found = form.fullmatch(line)
    if found and found["major"] == b"1":
        return None
    if found and form is REQUEST_LINE:
        return ProtocolError(505, "this server speaks HTTP/1.1")
    name = "request" if form is REQUEST_LINE else "status"
    return ProtocolError(400, f"the {name} line is malformed")
