"""permessage-deflate: WebSocket messages that are compressed (RFC 7692).

A client offers the extension in its handshake, the server takes one of the offers,
and both sides can then compress any message they like: the bit RSV1 of its first
frame tells. Four parameters are agreed on. For each direction one says how far back
the compressor may refer, as a power of two (`max_window_bits`), and one that it
starts every message afresh (`no_context_takeover`). What is not said means 15 bits,
32 KiB, and that a message may refer to the messages before it.

That window is what compression costs. zlib keeps 8 bytes for each byte of it to
compress and one to inflate, and some 6 KiB more: for every connection, from its first
compressed message on.
"""

import re
import zlib
from collections.abc import Iterable
from typing import Any

EXTENSION = "permessage-deflate"
# A shorter message, in bytes, fits into one packet anyhow, and is sent as it is.
WORTH_COMPRESSING = 128
# A flushed deflate stream ends in these. They are left out on the way, section 7.2.1.
TAIL = b"\x00\x00\xff\xff"
# So much is inflated in one step. Where a stream ends zlib copies what follows in the
# step, and many short streams would make that grow with the square of its size.
STEP = 1024
# The smallest whole deflate stream. Where a block has ended, it can follow.
EMPTY_BLOCK = b"\x03\x00"

# RFC 6455, 9.1    extension-param = token [ "=" ( token / quoted token ) ]
EXTENSION_PARAMETER = re.compile(
    r"[ \t]*([!#$%&'*+\-.^_`|~0-9A-Za-z]+)"
    r'(?:[ \t]*=[ \t]*("?)([!#$%&\'*+\-.^_`|~0-9A-Za-z]+)\2)?[ \t]*'
)
BITS = re.compile("[89]|1[0-5]")
# Each offer takes time to read, and a header could hold thirty thousand.
LONGEST = 4096

Parameters = dict[str, int | None]


class TooLarge(Exception):
    """A message inflates to more bytes than there is room for."""

    def __init__(self, beginning: bytes):
        super().__init__()
        self.beginning = beginning  # as much as there was room for


class Deflate:
    """Both directions of one connection, as `parameters` has them.

    `compress` is one's own direction and `inflate` the peer's. The memory is taken
    when a direction is first used, and without context takeover given back after
    every message.
    """

    def __init__(self, parameters: Parameters, *, client: bool = False):
        self.parameters = parameters
        ours, theirs = ("client", "server") if client else ("server", "client")
        self._bits = parameters.get(f"{ours}_max_window_bits") or 15
        # Some compressors that are asked for 8 bits take 9, as old zlibs do.
        self._their_bits = max(9, parameters.get(f"{theirs}_max_window_bits") or 15)
        self._keeps = f"{ours}_no_context_takeover" not in parameters
        self._they_keep = f"{theirs}_no_context_takeover" not in parameters
        self._compressor: Any = None
        self._inflater: Any = None

    def __str__(self) -> str:
        """The extension as the handshake says it."""
        items = self.parameters.items()
        said = [name if value is None else f"{name}={value}" for name, value in items]
        return "; ".join([EXTENSION, *said])

    def compress(self, piece: bytes, last: bool = True) -> bytes:
        """A piece of a message's payload; the whole must not be empty (section 7.2.1).

        Of one that is not the `last`, much may come out with the next, or all.
        """
        if self._compressor is None:
            # As much memory for the hash table as for the window: zlib's own measure.
            self._compressor = zlib.compressobj(
                wbits=-self._bits, memLevel=self._bits - 7
            )
        compressed = self._compressor.compress(piece)
        if last:
            compressed += self._compressor.flush(zlib.Z_SYNC_FLUSH)
            compressed = compressed.removesuffix(TAIL)
            self._compressor = self._compressor if self._keeps else None
        return compressed

    def inflate(self, piece: bytes | bytearray, room: int, last: bool) -> bytes:
        """What a piece of a message's payload stands for (section 7.2.2).

        Raises TooLarge at the first byte over `room`, and zlib.error for what is
        malformed, or with its `last` piece not complete.
        """
        found = []
        whole = piece + TAIL if last else piece
        for start in range(0, len(whole), STEP):
            rest: bytes | bytearray = whole[start : start + STEP]
            while rest:
                data, rest = self._inflate(rest, room + 1)
                found.append(data)
                room -= len(data)
                if room < 0:
                    raise TooLarge(b"".join(found)[:room])
        if last:
            self._end_message()
        return b"".join(found)

    def _inflate(self, piece: bytes | bytearray, limit: int) -> tuple[bytes, bytes]:
        """Up to `limit` bytes, and the rest of the piece where a stream has ended: a
        block may be marked as the last of its stream, and another stream follows."""
        if self._inflater is None:
            self._inflater = zlib.decompressobj(wbits=-self._their_bits)
        inflater = self._inflater
        data = inflater.decompress(piece, limit)
        if inflater.eof:
            self._inflater = None
        return data, inflater.unused_data

    def _end_message(self) -> None:
        """See that the last block is complete: zlib would wait for the rest of it."""
        if self._inflater is not None:
            probe = self._inflater.copy()
            probe.decompress(EMPTY_BLOCK)
            if not probe.eof:
                raise zlib.error("the last block is not complete")
        if not self._they_keep:
            self._inflater = None


def accept_offer(header: str, bits: int) -> Deflate | None:
    """Take the first offer in Sec-WebSocket-Extensions that we can keep (section 7.1).

    `bits`, from 9 to 15, is the largest window we want. None, if there is no such
    offer; ValueError for a header that breaks the grammar, or is very long.
    """
    if len(header) > LONGEST:
        raise ValueError(f"it has more than {LONGEST} characters")
    offers = [
        [read_parameter(item) for item in offer.split(";")]
        for offer in header.split(",")
        if offer.strip(" \t")
    ]
    for (name, value), *parameters in offers:
        if (name.lower(), value) == (EXTENSION, None):
            agreed = agree(parameters, bits)
            if agreed is not None:
                return Deflate(agreed)
    return None


def read_parameter(text: str) -> tuple[str, str | None]:
    """A name and its value, if it has one. Raises ValueError."""
    found = EXTENSION_PARAMETER.fullmatch(text)
    if not found:
        raise ValueError(f"{text!r:.80} is no parameter of an extension")
    return found[1], found[3]


def agree(offered: Iterable[tuple[str, str | None]], bits: int) -> Parameters | None:
    """The parameters of our answer to an offer; None declines it (section 7.1).

    Everything that is offered is answered. Our own window can be named unasked, the
    client's only if it said that it could make it smaller.
    """
    agreed: Parameters = {}
    for name, value in offered:
        if name in agreed or not (value is None or BITS.fullmatch(value)):
            return None
        if name in ("server_no_context_takeover", "client_no_context_takeover"):
            if value is not None:
                return None
            agreed[name] = None
        elif name == "client_max_window_bits":
            agreed[name] = min(bits, int(value or 15))
        elif name == "server_max_window_bits" and value not in (None, "8"):
            # zlib has no window of 8 bits to compress with.
            agreed[name] = min(bits, int(value))
        else:
            return None
    if bits < 15:
        agreed.setdefault("server_max_window_bits", bits)
    return agreed
