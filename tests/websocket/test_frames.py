"""The WebSocket protocol against RFC 6455: the same events however bytes are cut."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dustdevil.websocket import (
    BINARY,
    CLOSE,
    CONTINUATION,
    NO_CODE,
    PING,
    PONG,
    TEXT,
    Closed,
    ConnectionClosed,
    Ping,
    Pong,
    WebSocketProtocol,
    frame,
)
from dustdevil.websocket.frames import apply_mask

MASK = bytes.fromhex("37fa213d")


def client_frame(opcode, payload=b"", final=True, mask=MASK):
    return frame(opcode, payload, final=final, mask=mask)


def feed(stream, cuts=(), **options):
    """All events of a stream that arrives cut at these points, and what the other
    side reads in the replies (whose bytes differ: a client's masks are random)."""
    protocol = WebSocketProtocol(**options)
    other = WebSocketProtocol(client=not protocol.client)
    events, replies = [], []
    edges = [0, *sorted(cuts), len(stream)]
    for start, end in itertools.pairwise(edges):
        events += protocol.feed(stream[start:end])
        replies += other.feed(protocol.take_replies())
    replies += other.feed(protocol.goodbye())
    return events, replies


def feed_everyhow(stream, **options):
    """The events of a stream, after seeing that no cut changes them."""
    whole = feed(stream, **options)
    for cut in range(len(stream) + 1):
        assert feed(stream, [cut], **options) == whole, f"cut at {cut}"
    assert feed(stream, range(1, len(stream)), **options) == whole, "byte by byte"
    return whole


# The examples of section 5.7


def test_the_examples_of_the_rfc():
    hello = bytes.fromhex("818537fa213d7f9f4d5158")
    assert frame(TEXT, b"Hello", mask=MASK) == hello
    assert feed_everyhow(hello)[0] == ["Hello"]
    unmasked = bytes.fromhex("810548656c6c6f")
    assert frame(TEXT, b"Hello") == unmasked
    assert feed_everyhow(unmasked, client=True)[0] == ["Hello"]
    fragments = bytes.fromhex("010348656c80026c6f")
    assert feed_everyhow(fragments, client=True)[0] == ["Hello"]
    ping = bytes.fromhex("890548656c6c6f")
    assert feed_everyhow(ping, client=True)[0] == [Ping(b"Hello")]
    pong = bytes.fromhex("8a8537fa213d7f9f4d5158")
    assert feed_everyhow(pong)[0] == [Pong(b"Hello")]
    assert frame(BINARY, bytes(256))[:4] == bytes.fromhex("827e0100")
    assert frame(BINARY, bytes(65536))[:10] == bytes.fromhex("827f0000000000010000")


# Lengths and masks


@pytest.mark.parametrize("size", [0, 1, 125, 126, 127, 499, 500, 65535, 65536, 70001])
def test_lengths_at_their_edges(size):
    payload = bytes(i * 7 % 256 for i in range(size))
    for client in (False, True):
        sender = WebSocketProtocol(client=not client)
        data = sender.message(payload)
        assert feed(data, client=client)[0] == [payload]
        for cut in (1, 2, 3, 4, 6, 8, 9, 10, 13, 14, len(data) - 1):
            assert feed(data, [min(cut, len(data))], client=client)[0] == [payload]


@given(st.binary(max_size=1200), st.binary(min_size=4, max_size=4))
def test_masking_is_the_rfcs_loop(data, mask):
    expected = bytes(byte ^ mask[i % 4] for i, byte in enumerate(data))
    assert apply_mask(data, mask) == expected


def test_a_client_masks_with_a_fresh_mask():
    client = WebSocketProtocol(client=True)
    frames = {client.message(b"the same words") for _ in range(5)}
    assert len(frames) == 5


@pytest.mark.parametrize(
    ("head", "size"),
    [
        ("82fe0000", 0),  # in 16 bits
        ("82fe007d", 125),
        ("82ff000000000000007d", 125),  # in 64 bits
        ("82ff000000000000ffff", 65535),
        ("82ff8000000000000000", 0),  # the topmost bit is set
        ("82ffffffffffffffffff", 0),
    ],
)
def test_lengths_that_are_not_minimal(head, size):
    stream = bytes.fromhex(head) + MASK + bytes(size)
    for cut in range(20):
        [failure], _ = feed(stream, [min(cut, len(stream))])
        assert failure.code == 1002


def test_limits_are_kept_before_the_payload_arrives():
    options = {"max_frame": 100, "max_message": 150}
    at_limit = client_frame(BINARY, bytes(100), False) + client_frame(0, bytes(50))
    assert feed_everyhow(at_limit, **options)[0] == [bytes(150)]
    frame_too_big = client_frame(BINARY, bytes(101))
    check_failure(frame_too_big, 1009, **options)
    assert feed(frame_too_big[:2], **options)[0][0].code == 1009
    message_too_big = client_frame(BINARY, bytes(100), False) + client_frame(
        CONTINUATION, bytes(51)
    )
    check_failure(message_too_big, 1009, **options)
    assert feed(message_too_big[:108], **options)[0][0].code == 1009
    # A control frame is no part of a message.
    with_ping = client_frame(BINARY, bytes(100), False) + client_frame(PING, bytes(125))
    assert feed(with_ping, **options)[0] == [Ping(bytes(125))]


# Messages, fragments and control frames

utf8 = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)


@st.composite
def conversations(draw):
    """Valid frames as a client may send them, and the events they stand for."""
    stream, events = b"", []

    def controls():
        nonlocal stream
        for opcode in draw(st.lists(st.sampled_from([PING, PONG]), max_size=2)):
            payload = draw(st.binary(max_size=125 if draw(st.booleans()) else 3))
            stream += client_frame(opcode, payload, mask=draw(masks))
            events.append((Ping if opcode == PING else Pong)(payload))

    masks = st.binary(min_size=4, max_size=4)
    for message in draw(st.lists(st.one_of(utf8, st.binary(max_size=20)), max_size=4)):
        data = message.encode() if isinstance(message, str) else message
        opcode = TEXT if isinstance(message, str) else BINARY
        cuts = sorted(draw(st.lists(st.integers(0, len(data)), max_size=3)))
        edges = [0, *cuts, len(data)]
        for i, (start, end) in enumerate(itertools.pairwise(edges)):
            if i:
                controls()
            piece = data[start:end]
            final = i == len(edges) - 2
            stream += client_frame(opcode, piece, final, draw(masks))
            opcode = CONTINUATION
        events.append(message)
    return stream, events


@given(conversations(), st.data())
def test_any_conversation_cut_anywhere(conversation, data):
    stream, expected = conversation
    events, replies = feed(stream)
    assert events == expected
    pings = [event.payload for event in events if isinstance(event, Ping)]
    assert [pong.payload for pong in replies] == pings
    cuts = data.draw(st.lists(st.integers(0, len(stream)), max_size=6))
    assert feed(stream, cuts) == (events, replies)
    assert feed(stream, range(1, len(stream))) == (events, replies)


@given(st.binary(max_size=60), st.data())
def test_any_rubbish_gets_the_same_verdict_however_it_is_cut(stream, data):
    start = data.draw(conversations())[0]
    feed_everyhow(start + stream)
    feed_everyhow(stream, client=True)


# Violations


def check_failure(stream, code, **options):
    """`stream` must fail, with this code and wherever it is cut, and be told so."""
    events, replies = feed_everyhow(stream, **options)
    assert isinstance(events[-1], Closed)
    assert events[-1].code == code, events[-1]
    assert replies[-1] == events[-1]
    return events


@pytest.mark.parametrize("bits", [0x10, 0x20, 0x40, 0x70])
@pytest.mark.parametrize("opcode", [TEXT, PING, CLOSE])
def test_reserved_bits(bits, opcode):
    stream = bytearray(client_frame(opcode))
    stream[0] |= bits
    check_failure(bytes(stream), 1002)


@pytest.mark.parametrize("opcode", [3, 4, 5, 6, 7, 11, 12, 13, 14, 15])
def test_unknown_opcodes(opcode):
    check_failure(client_frame(opcode, b"?"), 1002)


@pytest.mark.parametrize("opcode", [CLOSE, PING, PONG])
def test_control_frames_are_whole_and_short(opcode):
    check_failure(client_frame(opcode, b"", final=False), 1002)
    check_failure(client_frame(opcode, bytes(126)), 1002)


def test_fragments_in_the_wrong_order():
    check_failure(client_frame(CONTINUATION, b"x"), 1002)
    check_failure(client_frame(CONTINUATION, b"x", final=False), 1002)
    begun = client_frame(TEXT, b"x", final=False)
    check_failure(begun * 2, 1002)
    check_failure(begun + client_frame(TEXT, b"x"), 1002)
    ended = begun + client_frame(CONTINUATION)
    assert check_failure(ended + client_frame(CONTINUATION), 1002)[0] == "x"


def test_masks_are_the_clients_alone():
    check_failure(frame(TEXT, b"Hello"), 1002)
    protocol = WebSocketProtocol(client=True)
    assert protocol.feed(client_frame(TEXT, b"Hello"))[0].code == 1002
    assert protocol.failed


def test_messages_before_a_violation_are_delivered():
    stream = client_frame(TEXT, b"good") + client_frame(3)
    assert check_failure(stream, 1002)[0] == "good"


def test_nothing_is_read_after_a_failure():
    protocol = WebSocketProtocol()
    protocol.feed(client_frame(3))
    assert protocol.goodbye() != b""
    assert protocol.goodbye() == b""
    for _ in range(100):
        assert protocol.feed(client_frame(TEXT, bytes(1000))) == []
    assert protocol.take_replies() == b""
    assert len(protocol._buffer) < 1000


# Text

NOT_UTF8 = [
    b"\x80",
    b"\xc0\xaf",
    b"\xc1\xbf",
    b"\xe0\x80\xaf",
    b"\xe0\x9f\xbf",
    b"\xed\xa0\x80",
    b"\xed\xbf\xbf",
    b"\xf0\x80\x80\xaf",
    b"\xf0\x8f\xbf\xbf",
    b"\xf4\x90\x80\x80",
    b"\xf5\x80\x80\x80",
    b"\xff",
    b"\xe2\x28\xa1",
    b"\xf0\x9f\x28\x8c",
    b"\xce\xba\xe1\xbd\xb9\xcf\x83\xce\xbc\xce\xb5\xed\xa0\x80edited",
]


def can_become_utf8(prefix):
    """Whether some continuation makes text of these bytes: tried by brute force."""
    for count in range(4):
        for tail in itertools.product(b"\x80\x90\xa0\xbf", repeat=count):
            try:
                (prefix + bytes(tail)).decode()
            except UnicodeDecodeError:
                continue
            return True
    return False


@pytest.mark.parametrize("fragmented", [False, True])
@pytest.mark.parametrize("bad", NOT_UTF8)
def test_wrong_text_fails_at_its_first_wrong_byte(bad, fragmented):
    payload = b"fine \xe2\x82\xac " + bad + b" and then more text"
    protocol = WebSocketProtocol()
    if fragmented:
        pieces = [client_frame(TEXT, b"", final=False)]
        pieces += [
            client_frame(CONTINUATION, payload[i : i + 1], final=False)
            for i in range(len(payload))
        ]
    else:
        whole = client_frame(TEXT, payload)
        head = len(whole) - len(payload)
        pieces = [whole[:head], *(whole[i : i + 1] for i in range(head, len(whole)))]
    for seen, piece in enumerate(pieces):
        events = protocol.feed(piece)
        if can_become_utf8(payload[:seen]):
            assert events == []
        else:
            assert [event.code for event in events] == [1007]
            return
    pytest.fail("never noticed")


@pytest.mark.parametrize("bad", NOT_UTF8)
def test_wrong_text_fails_in_any_cut(bad):
    check_failure(client_frame(TEXT, b"x" + bad), 1007)
    check_failure(
        client_frame(TEXT, b"x", False) + client_frame(CONTINUATION, bad), 1007
    )


def test_text_that_ends_within_a_character():
    check_failure(client_frame(TEXT, "€".encode()[:2]), 1007)
    stream = client_frame(TEXT, "€".encode()[:1], False)
    check_failure(stream + client_frame(CONTINUATION, "€".encode()[1:2]), 1007)
    # The next text starts afresh after one that was cut within a character.
    stream += client_frame(CONTINUATION, "€".encode()[1:]) + client_frame(TEXT, b"$")
    assert feed_everyhow(stream)[0] == ["€", "$"]


def test_binary_may_hold_anything():
    assert feed_everyhow(client_frame(BINARY, b"\xff\xfe"))[0] == [b"\xff\xfe"]


# Closing


def test_a_close_is_answered_with_its_code():
    payload = (1001).to_bytes(2, "big") + "bye €".encode()
    events, replies = feed_everyhow(client_frame(CLOSE, payload))
    assert events == [Closed(1001, "bye €")]
    assert replies == [Closed(1001, "")]


def test_a_close_without_a_code_is_answered_with_none():
    events, replies = feed_everyhow(client_frame(CLOSE))
    assert events == [Closed(NO_CODE, "")]
    assert replies == [Closed(NO_CODE, "")]


def test_nothing_is_read_after_a_close():
    stream = client_frame(CLOSE) + client_frame(TEXT, b"late") + client_frame(3)
    events, replies = feed_everyhow(stream)
    assert events == [Closed(NO_CODE, "")]
    assert replies == [Closed(NO_CODE, "")]


VALID = [*range(1000, 1004), *range(1007, 1015), 3000, 3999, 4000, 4999]


@pytest.mark.parametrize("code", VALID)
def test_valid_close_codes(code):
    events, _ = feed_everyhow(client_frame(CLOSE, code.to_bytes(2, "big")))
    assert events == [Closed(code, "")]


@pytest.mark.parametrize(
    "code", [0, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000, 65535]
)
def test_invalid_close_codes(code):
    check_failure(client_frame(CLOSE, code.to_bytes(2, "big")), 1002)
    if code != NO_CODE:  # which asks for a Close frame without a code
        with pytest.raises(ValueError, match="may be sent"):
            WebSocketProtocol().close(code)


def test_malformed_close_frames():
    check_failure(client_frame(CLOSE, b"\x03"), 1002)
    check_failure(client_frame(CLOSE, b"\x03\xe8\xff"), 1007)


def test_after_our_close_we_are_silent_but_listen():
    protocol = WebSocketProtocol()
    protocol.close(1000, "done")
    late = client_frame(PING, b"?") + client_frame(TEXT, b"late") + client_frame(CLOSE)
    assert protocol.feed(late) == [Ping(b"?"), "late", Closed(NO_CODE, "")]
    assert protocol.take_replies() + protocol.goodbye() == b""
    for speak in (protocol.ping, protocol.close, lambda: protocol.message("x")):
        with pytest.raises(ConnectionClosed):
            speak()


def test_a_violation_after_our_close_is_not_answered():
    protocol = WebSocketProtocol()
    protocol.close()
    assert protocol.feed(client_frame(3))[0].code == 1002
    assert protocol.goodbye() == b""


def test_we_may_finish_our_sentence_before_we_say_goodbye():
    protocol = WebSocketProtocol()
    protocol.feed(client_frame(TEXT, b"question") + client_frame(CLOSE, b"\x03\xe8"))
    answer = protocol.message("answer") + protocol.goodbye()
    client = WebSocketProtocol(client=True)
    assert client.feed(answer) == ["answer", Closed(1000, "")]


def test_a_long_reason_is_cut_between_characters():
    data = WebSocketProtocol().close(1000, "€" * 100)
    assert WebSocketProtocol(client=True).feed(data) == [Closed(1000, "€" * 41)]
    data = WebSocketProtocol().close(1000, "x" * 200)
    assert WebSocketProtocol(client=True).feed(data) == [Closed(1000, "x" * 123)]


def test_a_ping_is_short():
    with pytest.raises(ValueError, match="125"):
        WebSocketProtocol().ping(bytes(126))


def test_what_is_sent_must_be_text():
    with pytest.raises(UnicodeEncodeError):
        WebSocketProtocol().message("\ud800")
