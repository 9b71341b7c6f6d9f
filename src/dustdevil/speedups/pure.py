"""The functions of the C extension, in Python: each does exactly what its twin does.

They serve where there is no C compiler, and they say what the C must mean: the same
tests run on both, and the module `choice` says which serves.
"""

import re

from dustdevil.http.grammar import HOST_PORT, REQUEST_HEAD, USUAL_HEAD

Fields = dict[bytes, list[bytes]]
Found = tuple[bool, str, str, str, str, Fields, bytes]

# The fields that decide how the message is read, out of all that are there.
FRAMING_FIELD = re.compile(
    rb"\r\n(?=[HhCcTtEeUu])(?i:(host|connection|content-length|transfer-encoding"
    rb"|expect|upgrade)):([^\r]*)"
)


def split_head(data: bytes | bytearray, start: int, end: int) -> Found | None:
    """Take apart the head of a request, `data[start:end]`, without its empty line.

    Returns whether it is a usual one; the method; the target; "1.0" or "1.1"; the host;
    the framing fields (see `framing_fields`); and all field lines, each with a CRLF
    before it. Usual is a head that asks for a path, at one host that is no IPv6
    address. Of any other the host is "", and the Host fields are among the framing
    fields. None is returned for what does not match the grammar.
    """
    found = USUAL_HEAD.fullmatch(data, start, end)
    if found is not None:
        method, target, block, host = found.groups()
        return (
            True, method.decode(), target.decode(), "1.1", host.decode(), {}, block
        )  # fmt: skip
    found = REQUEST_HEAD.fullmatch(data, start, end)
    if found is None:
        return None
    method, path, other, minor, block = found.groups()
    version = "1.0" if minor == b"0" else "1.1"
    fields = framing_fields(version, block)
    hosts = fields.get(b"host", ())
    usual = (
        path is not None
        and len(hosts) == 1
        and HOST_PORT.fullmatch(hosts[0]) is not None
        and method != b"CONNECT"
    )
    host = fields.pop(b"host")[0].decode() if usual else ""
    target = (path or other).decode("latin-1")
    return usual, method.decode(), target, version, host, fields, block


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
