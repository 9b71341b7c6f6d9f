"""Any bytes into the WebSocket protocol, cut anywhere: see `run.py`.

The first byte of an input chooses the role, whether compression was agreed on and
whether the rest is raw or a list of frames; the next bytes say where it is cut.
However that is, the events must be the same, nothing but events may come out, and no
more may be kept than the limits allow.
"""

from contextlib import suppress
from functools import partial

from cutting import pieces, the_same_however_cut

from dustdevil.websocket import (
    INVALID_DATA,
    PING,
    TEXT,
    TOO_BIG,
    Closed,
    Deflate,
    WebSocketProtocol,
    accept_offer,
    frame,
)

MOST, MOST_BUFFERED = 400, 14 + 125
MASK = b"abcd"
CLIENT, COMPRESSED, FRAMED, FORGETFUL, OFFER = 1, 2, 4, 8, 16

WORDS = ["\x81\x85abcd", "\xc1", "\x00\x00\xff\xff", "\x03\x00", "\x7e\x00\x7e",
         "\x7f", "\xf2H\xcd\xc9\xc9\x07\x00", "\x88\x82", "\x03\xe8", "; ", ", ",
         "permessage-deflate", "client_max_window_bits", "server_max_window_bits=",
         "client_no_context_takeover", "server_no_context_takeover", "=15", '="9"',
         ]  # fmt: skip


def seeds():
    deflate = Deflate({}, client=True)
    texts = [b"Hello", "€".encode() * 20, b"x" * 100, b"x" * 390, bytes(500)]
    for text in texts:
        for first, payload in ((TEXT, text), (TEXT | 0x40, deflate.compress(text))):
            raw = frame(first, payload, mask=MASK) + frame(PING, b"?", mask=MASK)
            yield bytes([COMPRESSED, 2, 40, 90]) + raw
            half = len(payload) // 2
            listed = [first, half, *payload[:half], 0x80, half, *payload[half:]]
            yield bytes([COMPRESSED | FRAMED, 1, 80, *(b & 0xFF for b in listed)])
    yield bytes([OFFER, 0]) + b"permessage-deflate; client_max_window_bits=10, x;a=b"


def framed(data, client):
    """Bytes as a list of frames, so that mutations need not get lengths right."""
    stream = b""
    while len(data) >= 2:
        payload, first = data[2 : 2 + data[1]], data[0]
        mask = None if client else MASK
        stream += frame(first & 0x7F, payload, final=first >= 0x80, mask=mask)
        data = data[2 + data[1] :]
    return stream


def read(stream, cuts, choice):
    """All that is said to a stream cut there."""
    parameters = {}
    if choice & FORGETFUL:
        parameters = {"client_no_context_takeover": None, "client_max_window_bits": 9}
    client = bool(choice & CLIENT)
    deflate = Deflate(parameters, client=client) if choice & COMPRESSED else None
    protocol = WebSocketProtocol(MOST, MOST, client=client, deflate=deflate)
    found = []
    for piece in pieces(stream, cuts):
        events = protocol.feed(piece)
        while protocol.more:
            events += protocol.feed(b"")
        for event in events:
            assert not found or type(found[-1]) is not int, "an event after the end"
            if isinstance(event, str | bytes):
                size = len(event if isinstance(event, bytes) else event.encode())
                assert size <= MOST
            # Two things can be wrong at once: the code must agree, not the words.
            found.append(
                verdict(event.code, deflate) if isinstance(event, Closed) else event
            )
        assert len(protocol._message) <= MOST
        assert len(protocol._buffer) <= MOST_BUFFERED or protocol.closed is not None
    protocol.take_replies()
    protocol.goodbye()
    return found


def verdict(code, deflate):
    """The code of an end. One tie is left open: zlib decodes one symbol more than it
    has room for, so that damage right behind the limit of a compressed message is
    found before the limit is, or after it, as the bytes are cut. Refused it is."""
    return TOO_BIG if deflate and code == INVALID_DATA else code


def check_offer(data):
    with suppress(ValueError):
        agreed = accept_offer(data.decode("latin-1"), 12)
        if agreed is not None:
            assert str(accept_offer(str(agreed), 12)) == str(agreed)
            plain = b"x" * 200
            other = Deflate(agreed.parameters, client=True)
            assert other.inflate(agreed.compress(plain), 200, True) == plain


def check(data):
    if len(data) < 2:
        return
    choice, count = data[0], data[1] % 8
    if choice & OFFER:
        check_offer(data[2:])
        return
    cuts, stream = data[2 : 2 + count], data[2 + count :]
    if choice & FRAMED:
        stream = framed(stream, choice & CLIENT)
    the_same_however_cut(partial(read, choice=choice), stream, cuts)
