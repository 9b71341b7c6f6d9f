"""The functions of the C extension, in Python: each does exactly what its twin does.

They serve where there is no C compiler, and they say what the C must mean: the same
tests run on both, and the module `speedups` chooses. For a head, Python takes about
eight times as long.
"""

import re
from functools import lru_cache

from dustdevil.http.grammar import FIELD, ORIGIN_FORM, REG_NAME, TOKEN

Fields = dict[bytes, list[bytes]]
Found = tuple[int, str, str, str, str, Fields, bytes]

# A head of the usual form, up to its empty line. CONNECT asks for something else
# than a path; other forms of a target and of a host are rare.
USUAL_HEAD = re.compile(
    rb"(?!CONNECT )(%b) (%b) HTTP/1\.([0-9])((?:\r\n%b)*+)"
    % (TOKEN, ORIGIN_FORM, FIELD)
)
HOST_PORT = rb"(?!:)" + REG_NAME + rb"(?::[0-9]*+)?+"
USUAL_HOST = re.compile(HOST_PORT)

# The fields that decide how the message is read, out of all that are there.
FRAMING_FIELD = re.compile(
    rb"\r\n(?=[HhCcTtEeUu])(?i:(host|connection|content-length|transfer-encoding"
    rb"|expect|upgrade)):([^\r]*)"
)


# Most requests have no more of those fields than one Host, and perhaps a "Connection:
# keep-alive" that changes nothing. Such a head is taken apart in this one match.
OTHER_FIELD = (
    rb"\r\n(?:(?![HhCcTtEeUu])|(?=(?i:connection:[ \t]*+keep-alive)[ \t]*+(?:\r|\Z))"
    rb"|(?!(?i:host|connection|content-length|transfer-encoding|expect|upgrade):))"
) + FIELD
PLAIN_HEAD = re.compile(
    rb"(?!CONNECT )(%b) (%b) HTTP/1\.1"
    rb"((?:%b)*+\r\n(?i:host):[ \t]*+(%b)[ \t]*+(?:%b)*+)"
    % (TOKEN, ORIGIN_FORM, OTHER_FIELD, HOST_PORT, OTHER_FIELD)
)


def parse_head(
    data: bytes | bytearray, start: int, most: int, max_fields: int
) -> Found | None:
    """Read the head of a request that begins at `start`, if it is a usual one.

    Usual is a head that is complete within `most` bytes, of at most `max_fields`
    well-formed lines, asking for a path at one host that is not an IPv6 address. For
    any other, good or bad, the answer is None: it has to be read line by line, which
    also finds out what is wrong with it.

    Returns where the head ends, the method, the target, "1.0" or "1.1", the host ("" if
    an HTTP/1.0 request names none), the other framing fields (see `framing_fields`),
    and the block of field lines, each with a CRLF before it.
    """
    end = data.find(b"\r\n\r\n", start, start + most)
    plain = PLAIN_HEAD.fullmatch(data, start, end) if end >= 0 else None
    if plain is not None:
        method, target, block, host = plain.groups()
        # A line has four bytes at least: that spares most heads the count.
        if len(block) > 4 * max_fields and block.count(b"\n") > max_fields:
            return None
        end += 4
        return end, method.decode(), target.decode(), "1.1", host.decode(), {}, block
    usual = USUAL_HEAD.fullmatch(data, start, end) if end >= 0 else None
    if usual is None or usual[4].count(b"\n") > max_fields:
        return None
    method, target, minor, block = usual.groups()
    version = "1.0" if minor == b"0" else "1.1"
    fields = framing_fields(version, block)
    hosts = fields.pop(b"host", [])
    if len(hosts) != 1 and (hosts or version == "1.1"):
        return None
    host = usual_host(hosts[0]) if hosts else ""
    if host is None:
        return None
    return end + 4, method.decode(), target.decode(), version, host, fields, block


def framing_fields(version: str, block: bytes) -> Fields:
    """The fields that say where a message ends and what follows it.

    By their names in lower case, each with its values in order. "Connection:
    keep-alive", which browsers send, is left out in HTTP/1.1: it changes nothing.
    """
    fields: Fields = {}
    for name, value in FRAMING_FIELD.findall(block):
        name, value = name.lower(), value.strip(b" \t")
        if name == b"connection" and version == "1.1" and is_keep_alive(value):
            continue
        fields.setdefault(name, []).append(value)
    return fields


def is_keep_alive(value: bytes) -> bool:
    """Whether this is the one word."""
    return value.lower() == b"keep-alive"


@lru_cache(maxsize=64)
def usual_host(value: bytes) -> str | None:
    """A Host field's value as text; None if it has to be looked at more closely."""
    return value.decode() if USUAL_HOST.fullmatch(value) else None


def fs64(data: bytes | bytearray | memoryview) -> tuple[int, int]:
    """A signature of 64 bits, as two unsigned integers of 32 bits, the high one first.

    It is FNV-1a (Fowler, Noll, Vo; RFC 9923, section 2): start with the offset basis;
    for each byte, XOR it in and multiply by the prime, modulo 2**64. Equal
    signatures mean equal data, but for a chance of 1 in 2**64 and for somebody who
    looks for a collision: it protects from accidents, not from people.
    """
    signature = 0xCBF29CE484222325
    for byte in memoryview(data).tobytes():
        signature = (signature ^ byte) * 0x100000001B3 & 0xFFFFFFFFFFFFFFFF
    return signature >> 32, signature & 0xFFFFFFFF


# XOR[m] maps every byte b to b ^ m, for bytes.translate.
XOR = [bytes(byte ^ mask for byte in range(256)) for mask in range(256)]


def apply_mask(data: bytes | bytearray, mask: bytes) -> bytes:
    """XOR `data` with the four bytes of `mask` over and over (RFC 6455, section 5.3).

    A loop over the bytes would take some seventy times as long for 64 KiB. One XOR of
    two huge integers is the quickest for short data, four translations of every
    fourth byte for long data; on the machine where this was written the two meet at
    about 500 bytes. Raises ValueError for a mask of another length.
    """
    if len(mask) != 4:
        raise ValueError("a mask has four bytes")
    size = len(data)
    if size < 500:
        key = (mask * (size // 4 + 1))[:size]
        number = int.from_bytes(data, "big") ^ int.from_bytes(key, "big")
        return number.to_bytes(size, "big")
    masked = bytearray(data)
    for i in range(4):
        masked[i::4] = masked[i::4].translate(XOR[mask[i]])
    return bytes(masked)
