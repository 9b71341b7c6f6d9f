"""permessage-deflate against RFC 7692: what is agreed on, and what is inflated."""

import itertools
import os
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dustdevil.websocket import (
    BINARY,
    CLOSE,
    CONTINUATION,
    PING,
    TEXT,
    Closed,
    Deflate,
    Ping,
    WebSocketProtocol,
    accept_offer,
    deflate,
    frame,
)
from dustdevil.websocket.frames import FRAGMENT_SIZE

MASK = b"abcd"
RSV1, RSV2, RSV3 = 0x40, 0x20, 0x10
HELLO = bytes.fromhex("f248cdc9c90700")


def masked(opcode, payload=b"", final=True):
    return frame(opcode, payload, final=final, mask=MASK)


def protocol(**options):
    return WebSocketProtocol(deflate=Deflate({}), **options)


def feed(stream, cuts=(), **options):
    reader = protocol(**options)
    edges = [0, *sorted(cuts), len(stream)]
    pieces = [stream[start:end] for start, end in itertools.pairwise(edges)]
    return [event for piece in pieces for event in reader.feed(piece)]


def feed_everyhow(stream, **options):
    """The events of a stream, after seeing that no cut changes them."""
    whole = feed(stream, **options)
    for cut in range(len(stream) + 1):
        assert feed(stream, [cut], **options) == whole, f"cut at {cut}"
    assert feed(stream, range(1, len(stream)), **options) == whole, "byte by byte"
    return whole


# What is agreed on (section 7.1)


@pytest.mark.parametrize(
    ("offer", "answer"),
    [
        ("permessage-deflate", ""),
        ("Permessage-Deflate", ""),
        (
            "permessage-deflate; server_no_context_takeover",
            "server_no_context_takeover",
        ),
        (
            "permessage-deflate; client_no_context_takeover",
            "client_no_context_takeover",
        ),
        ("permessage-deflate; server_max_window_bits=10", "server_max_window_bits=10"),
        ("permessage-deflate; server_max_window_bits=15", "server_max_window_bits=15"),
        ('permessage-deflate;server_max_window_bits="9"', "server_max_window_bits=9"),
        ("permessage-deflate; client_max_window_bits", "client_max_window_bits=15"),
        ("permessage-deflate; client_max_window_bits=8", "client_max_window_bits=8"),
        (
            "permessage-deflate ; client_no_context_takeover ;\tserver_max_window_bits"
            " = 11 ; server_no_context_takeover; client_max_window_bits=14",
            "client_no_context_takeover; server_max_window_bits=11; "
            "server_no_context_takeover; client_max_window_bits=14",
        ),
        # The first that can be kept is taken, section 5.1.
        ("bbf-usp-protocol, x-webkit-deflate-frame;a=b, permessage-deflate", ""),
        ("permessage-deflate; server_max_window_bits=8, permessage-deflate", ""),
        ("permessage-deflate; shiny, permessage-deflate; server_max_window_bits=9",
         "server_max_window_bits=9"),
        (", ,permessage-deflate,", ""),
    ],
)  # fmt: skip
def test_offers_that_are_taken(offer, answer):
    agreed = accept_offer(offer, 15)
    assert str(agreed) == "; ".join(filter(None, ["permessage-deflate", answer]))


@pytest.mark.parametrize(
    "offer",
    [
        "",
        "permessage-bzip2",
        "permessage-deflate=1",
        "permessage-deflate; unknown",
        "permessage-deflate; server_no_context_takeover=1",
        "permessage-deflate; client_no_context_takeover=true",
        "permessage-deflate; server_max_window_bits",
        "permessage-deflate; server_max_window_bits=7",
        "permessage-deflate; server_max_window_bits=16",
        "permessage-deflate; server_max_window_bits=010",
        "permessage-deflate; server_max_window_bits=+9",
        "permessage-deflate; server_max_window_bits=8",
        "permessage-deflate; client_max_window_bits=7",
        "permessage-deflate; client_max_window_bits=1_0",
        "permessage-deflate; client_max_window_bits=150",
        "permessage-deflate; client_max_window_bits; client_max_window_bits=10",
        "permessage-deflate; server_no_context_takeover; server_no_context_takeover",
    ],
)
def test_offers_that_are_declined(offer):
    assert accept_offer(offer, 15) is None


@pytest.mark.parametrize(
    "header",
    [
        "permessage-deflate;",
        "permessage-deflate; ;client_max_window_bits",
        "permessage-deflate; client_max_window_bits=",
        'permessage-deflate; client_max_window_bits="10',
        'permessage-deflate; client_max_window_bits=""',
        'permessage-deflate; client_max_window_bits="1 0"',
        "permessage deflate",
        "permessage-deflate\n",
        "; permessage-deflate",
        "permessage-deflate, ü",
    ],
)
def test_offers_that_are_malformed(header):
    with pytest.raises(ValueError, match="is no parameter"):
        accept_offer(header, 15)


def test_very_many_offers_are_not_read():
    accept_offer("x, " * 1000, 15)
    with pytest.raises(ValueError, match="characters"):
        accept_offer("x, " * 2000, 15)


def test_our_own_wish_for_a_small_window():
    def answer(offer):
        return str(accept_offer("permessage-deflate" + offer, 11))

    ours = "permessage-deflate; server_max_window_bits=11"
    assert answer("") == ours
    assert answer("; server_max_window_bits=15") == ours
    # The client's can be named only to one that knows the parameter.
    knows = "permessage-deflate; client_max_window_bits=11; server_max_window_bits=11"
    assert answer("; client_max_window_bits") == knows
    assert answer("; client_max_window_bits=12") == knows
    smaller = answer("; client_max_window_bits=9; server_max_window_bits=10")
    assert smaller.endswith("; client_max_window_bits=9; server_max_window_bits=10")


# The examples of section 7.2.3


@pytest.mark.parametrize(
    "payload",
    [
        "f248cdc9c90700",
        "000500faff48656c6c6f00",  # a block that is not compressed
        "f348cdc9c9070000",  # a block that is the last of its stream
        "f248050000 00ffffcac9c90700",  # two blocks
    ],
)
def test_the_examples_of_the_rfc(payload):
    payload = bytes.fromhex(payload)
    assert feed_everyhow(masked(TEXT | RSV1, payload)) == ["Hello"]
    fragments = masked(TEXT | RSV1, payload[:3], False)
    fragments += masked(CONTINUATION, payload[3:])
    assert feed_everyhow(fragments) == ["Hello"]
    assert feed_everyhow(masked(TEXT | RSV1, payload) * 3) == ["Hello"] * 3


def test_a_message_may_refer_to_the_one_before():
    second = bytes.fromhex("f200110000")
    stream = masked(TEXT | RSV1, HELLO) + masked(TEXT | RSV1, second)
    assert feed_everyhow(stream) == ["Hello", "Hello"]
    forgetful = Deflate({"client_no_context_takeover": None})
    assert forgetful.inflate(HELLO, 100, True) == b"Hello"
    with pytest.raises(zlib.error):
        forgetful.inflate(second, 100, True)


def test_what_we_compress_is_what_zlib_would_flush():
    data = b"Hello" * 100
    payload = Deflate({}).compress(data)
    assert not payload.endswith(deflate.TAIL)
    assert zlib.decompressobj(wbits=-15).decompress(payload + deflate.TAIL) == data


# Both directions

PARAMETERS = [
    {name: value for name, value in zip(names, values, strict=True) if value != "-"}
    for names in [
        ("server_no_context_takeover", "client_no_context_takeover",
         "server_max_window_bits", "client_max_window_bits")]
    for values in itertools.product([None, "-"], [None, "-"], [9, "-"], [8, 15])
]  # fmt: skip


@pytest.mark.parametrize("parameters", PARAMETERS, ids=str)
def test_both_sides_understand_each_other(parameters):
    server = WebSocketProtocol(deflate=Deflate(parameters))
    if parameters["client_max_window_bits"] == 8:  # zlib refuses 8, and 9 is near
        parameters = parameters | {"client_max_window_bits": 9}
    client = WebSocketProtocol(client=True, deflate=Deflate(parameters, client=True))
    texts = ["€ " * 3000, "short", "", "the same again, " * 20, "the same again, " * 20]
    for message in [*texts, bytes(70_000), os.urandom(40_000), os.urandom(200_000)]:
        assert client.feed(server.message(message)) == [message]
        assert server.feed(client.message(message)) == [message]


def test_windows_and_memories_are_as_agreed():
    """What was sent before is referred to only where both remember it."""
    block = os.urandom(600)
    sizes = {}
    for name, value in [("max_window_bits", 9), ("max_window_bits", 10), ("none", 0),
                        ("no_context_takeover", None)]:  # fmt: skip
        sender = Deflate({f"server_{name}": value, f"client_{name}": value})
        sender.compress(block)
        sizes[name, value] = len(sender.compress(block))
    assert sizes["max_window_bits", 9] > 600
    assert sizes["no_context_takeover", None] > 600
    assert sizes["max_window_bits", 10] < 50
    assert sizes["none", 0] < 50


def test_short_messages_are_sent_as_they_are():
    sender = protocol()
    for size, first in ((deflate.WORTH_COMPRESSING - 1, TEXT), (128, TEXT | RSV1)):
        assert sender.message("x" * size)[0] == 0x80 | first
    assert sender.message(bytes(200))[0] == 0x80 | BINARY | RSV1
    assert len(sender.message(bytes(20_000))) < 100


def test_a_large_message_takes_a_frame_for_each_piece_of_it():
    sender, receiver = protocol(), WebSocketProtocol(client=True, deflate=Deflate({}))
    message = os.urandom(3 * FRAGMENT_SIZE + 1)
    first, *others = sender.frames(message)
    assert first[0] == BINARY | RSV1
    assert [one[0] for one in others] == [0, 0, 0x80]
    events = [receiver.feed(one) for one in (first, *others)]
    assert events == [[], [], [], [message]]


def test_memory_is_taken_when_it_is_used_and_kept_only_for_takeover():
    keeps = Deflate({})
    forgets = Deflate({"server_no_context_takeover": None,
                       "client_no_context_takeover": None})  # fmt: skip
    for one in (keeps, forgets):
        assert one._compressor is one._inflater is None
        one.compress(bytes(200))
        one.inflate(HELLO, 100, True)
    assert keeps._compressor is not None
    assert keeps._inflater is not None
    assert forgets._compressor is forgets._inflater is None


utf8 = st.text(st.characters(exclude_categories=["Cs"]), max_size=300)


@given(st.lists(st.one_of(utf8, st.binary(max_size=300)), max_size=5), st.data())
def test_compressed_fragments_with_pings_between_cut_anywhere(messages, data):
    sender, stream, events = Deflate({}, client=True), b"", []
    for message in messages:
        payload = message.encode() if isinstance(message, str) else message
        opcode = TEXT if isinstance(message, str) else BINARY
        if payload and data.draw(st.booleans()):
            opcode, payload = opcode | RSV1, sender.compress(payload)
        places = data.draw(st.lists(st.integers(0, len(payload)), max_size=3))
        edges = [0, *sorted(places), len(payload)]
        for i, (start, end) in enumerate(itertools.pairwise(edges)):
            if i:
                stream += masked(PING, b"?")
                events.append(Ping(b"?"))
            stream += masked(opcode, payload[start:end], i == len(edges) - 2)
            opcode = CONTINUATION
        events.append(message)
    cuts = data.draw(st.lists(st.integers(0, len(stream)), max_size=6))
    assert feed(stream) == events
    assert feed(stream, cuts) == events
    assert feed(stream, range(1, len(stream))) == events


# The bit RSV1 (section 6)


def check_failure(stream, code, reason, **options):
    last = feed_everyhow(stream, **options)[-1]
    assert isinstance(last, Closed)
    assert last.code == code
    assert reason in last.reason


def test_rsv1_is_for_the_first_frame_of_a_message_only():
    begun = masked(TEXT | RSV1, HELLO[:3], False)
    check_failure(begun + masked(CONTINUATION | RSV1, HELLO[3:]), 1002, "reserved")
    for opcode in (PING, CLOSE):
        check_failure(masked(opcode | RSV1), 1002, "reserved")
    for bits in (RSV2, RSV3, RSV1 | RSV2):
        check_failure(masked(TEXT | bits, HELLO), 1002, "reserved")


def test_rsv1_means_nothing_where_nothing_was_agreed_on():
    reader = WebSocketProtocol()
    assert reader.feed(masked(TEXT | RSV1, HELLO))[0].code == 1002


def test_compressed_and_plain_messages_may_follow_each_other():
    stream = masked(TEXT | RSV1, HELLO) + masked(TEXT, b"plain")
    stream += masked(TEXT, b"a", False) + masked(CONTINUATION, b"b")
    stream += masked(TEXT | RSV1, bytes.fromhex("f200110000"))
    assert feed_everyhow(stream) == ["Hello", "plain", "ab", "Hello"]


# Data that is damaged, or grows too large


@pytest.mark.parametrize(
    "payload",
    [
        b"",  # where even an empty message is one byte
        b"\xff\xff\xff",  # the third type of block, which there is not
        b"\x06",
        HELLO[:-1],  # the block has not ended
        HELLO[:3],
        bytes.fromhex("000600f9ff48656c6c6f"),  # nor has this, of five bytes in six
        bytes.fromhex("0064009bff48656c6c6f"),  # or in a hundred
        bytes.fromhex("000500ffff48656c6c6f00"),  # a length that is not its own proof
        bytes.fromhex("f200110000"),  # refers to before the first message
        b"\x03\x00",  # the last block of its stream, and not the byte to end after it
    ],
)
def test_damaged_data(payload):
    check_failure(masked(BINARY | RSV1, payload), 1007, "damaged")
    begun = masked(BINARY | RSV1, payload[:1], False)
    check_failure(begun + masked(CONTINUATION, payload[1:]), 1007, "damaged")


def test_text_must_be_utf8_after_inflating():
    bad = Deflate({}, client=True).compress(b"fine, \xff and more text")
    check_failure(masked(TEXT | RSV1, bad), 1007, "UTF-8")
    assert feed(masked(BINARY | RSV1, bad)) == [b"fine, \xff and more text"]


def test_a_message_inflates_to_its_limit_and_not_beyond():
    for size in (1000, 1001):
        payload = Deflate({}, client=True).compress(b"x" * size)
        stream = masked(BINARY | RSV1, payload[:5], False)
        stream += masked(CONTINUATION, payload[5:])
        if size == 1000:
            assert feed_everyhow(stream, max_message=1000) == [b"x" * 1000]
        else:
            check_failure(stream, 1009, "1000 bytes", max_message=1000)


def test_many_streams_in_a_message_share_its_limit():
    one = zlib.compressobj(wbits=-15)
    stream = one.compress(b"x" * 400) + one.flush()
    message = masked(BINARY | RSV1, stream * 2 + b"\0")
    assert feed_everyhow(message, max_message=800) == [b"x" * 800]
    check_failure(masked(BINARY | RSV1, stream * 3 + b"\0"), 1009, "", max_message=800)


def test_text_that_is_wrong_before_it_is_too_long_is_wrong():
    payload = Deflate({}, client=True).compress(b"\xff" + b"x" * 2000)
    check_failure(masked(TEXT | RSV1, payload), 1007, "UTF-8", max_message=1000)


def test_a_bomb_is_never_inflated_whole(monkeypatch):
    """A thousand bytes for each one that was sent: what zlib gives out is counted."""
    given_out = 0

    class Counting:
        def __init__(self, inner):
            self.inner = inner

        def decompress(self, data, most):
            nonlocal given_out
            assert most
            found = self.inner.decompress(data, most)
            given_out += len(found)
            return found

        def __getattr__(self, name):
            return getattr(self.inner, name)

    make = zlib.decompressobj
    monkeypatch.setattr(zlib, "decompressobj", lambda wbits: Counting(make(wbits)))
    bomb = Deflate({}, client=True).compress(bytes(50_000_000))
    assert len(bomb) < 60_000
    [failure] = feed(masked(BINARY | RSV1, bomb), max_message=1 << 20)
    assert failure.code == 1009
    assert given_out <= (1 << 20) + 1


def test_many_bombs_at_once_come_one_after_the_other():
    size = 700_000
    bomb = Deflate({}, client=True).compress(bytes(size))
    stream = masked(BINARY | RSV1, bomb) * 5 + masked(TEXT, b"end")
    reader = WebSocketProtocol(deflate=Deflate({"client_no_context_takeover": None}))
    counts = [len(reader.feed(stream))]
    while reader.more:
        counts.append(len(reader.feed(b"")))
    assert counts == [2, 2, 2]  # two are more than a MiB; the last is small
    assert reader.feed(masked(TEXT, b"more")) == ["more"]
    assert not reader.more


def test_many_short_streams_are_copied_once_each(monkeypatch):
    """zlib hands back, by copying, all that follows a stream's end."""
    copied = 0
    make = zlib.decompressobj

    class Counting:
        def __init__(self, wbits):
            self.inner = make(wbits)

        def __getattr__(self, name):
            nonlocal copied
            value = getattr(self.inner, name)
            copied += len(value) if name == "unused_data" else 0
            return value

    monkeypatch.setattr(zlib, "decompressobj", Counting)
    per_byte = []
    for count in (2_000, 20_000):
        copied = 0
        assert Deflate({}).inflate(b"\x03\x00" * count, 10, False) == b""
        per_byte.append(copied / count)
    assert per_byte[1] < per_byte[0] * 1.5


def test_nothing_is_compressed_after_a_close_frame():
    sender = protocol()
    sender.close()
    with pytest.raises(Exception, match="nothing follows"):
        sender.message("x" * 200)
    assert sender.deflate._compressor is None
