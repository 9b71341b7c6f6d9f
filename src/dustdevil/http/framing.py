"""Where a message ends, and what comes after it (RFC 9112, sections 6 and 9).

How long the body is, the header says, and on a connection that carries one message
after another everything depends on reading it as the sender meant it. Where a proxy
in front and a server behind it disagree about one byte, the rest of one person's
request becomes the beginning of another's: request smuggling. So nothing is repaired
or guessed: two answers to the question are refused, even when they agree.
"""

from typing import NamedTuple

from dustdevil.http.errors import ProtocolError
from dustdevil.http.grammar import NAME
from dustdevil.speedups.pure import Fields

# Responses without a body, whatever their headers say (RFC 9110, 6.4.1): after a 1xx
# another response follows, and 205 must not have one (15.3.6).
BODILESS = frozenset([*range(100, 200), 204, 205, 304])


class Limits(NamedTuple):
    """How much of a message is read before it is refused; sizes in bytes."""

    line: int = 8 * 1024  # the first line: 414 beyond
    fields: int = 100  # header fields, and trailer fields: 431 beyond
    field_bytes: int = 64 * 1024  # all header fields, and all trailers: 431 beyond
    body: int | None = None  # 413 beyond
    chunk_line: int = 1024  # one chunk's size with its extensions: 400 beyond
    extension_bytes: int = 16 * 1024  # all chunk extensions of a body: 413 beyond
    lenient_targets: bool = False  # whether []| and the like may be there unencoded
    secure: bool = True  # whether it came over TLS, as "https://" must: 421 if not


def members(values: list[bytes]) -> list[bytes]:
    """The members of a comma-separated list, in lower case (RFC 9110, 5.6.1)."""
    found = b",".join(values).lower().split(b",")
    return [member.strip(b" \t") for member in found if member.strip(b" \t")]


def is_persistent(version: str, fields: Fields) -> bool:
    """Whether the connection stays open after this message (RFC 9112, 9.3)."""
    options = members(fields.get(b"connection", []))
    if b"close" in options:
        return False
    return version == "1.1" or b"keep-alive" in options


def body_length(version: str, fields: Fields) -> int | None:
    """The body's length in bytes, None for chunks (RFC 9112, 6.3).

    Raises ProtocolError: 400 for what is malformed or said twice, 501 for a coding
    that is not known, 413 for a length beyond all measure.
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
