"""Any bytes as a server's answer, and any text as a URL, for the client: see `run.py`.

The first byte of an input chooses what the rest is. Responses are cut where the next
bytes say, and a compressed body too: however that is, the outcome must be the same,
and no more may be kept than the limits allow. A URL is refused, or the request made
of it is one that our own server reads as it was meant.
"""

from itertools import pairwise

from dustdevil.head import Head, ProtocolError
from dustdevil.http1 import Data, End, Limits, RequestParser
from dustdevil.outgoing import PIECE, ClientError, Inflater, Request, encode, split
from dustdevil.responses import INTERIM, ResponseHead, ResponseParser

LIMITS = Limits(line=60, fields=6, field_bytes=200, body=300, chunk_line=50,
                extension_bytes=80, batch=3)  # fmt: skip
MOST_KEPT = max(LIMITS.line, LIMITS.field_bytes, LIMITS.chunk_line) + 2
MOST_INFLATED = 3 * PIECE
HEAD_FIRST, HEAD_SECOND, SWITCH, INFLATE, DEFLATE, URL = 1, 2, 4, 8, 16, 32

WORDS = ["HTTP/1.1 ", "HTTP/1.0 200 OK\r\n", "101 ", "100 Continue\r\n\r\n", "204 ",
         "304 ", "Content-Length: ", "Transfer-Encoding: chunked\r\n", "\r\n\r\n",
         "Connection: ", "close", "keep-alive", "Upgrade: ", "0\r\n\r\n",
         "5;a=\"b\"\r\n", "\r", "\n", "\t", "\x1f\x8b\x08\x00", "\x78\x9c", "\x03\x00",
         "http://", "https://", "[::1]", ":80", "%41", "@", "?", "#", "//"]  # fmt: skip


def seeds():
    from test_outgoing import CODINGS
    from test_responses import BAD, GOOD

    for stream in [*GOOD, *BAD]:
        for choice in (0, HEAD_FIRST, HEAD_SECOND, SWITCH):
            yield bytes([choice, 3, 0x20, 0x80, 0xC0]) + stream
    for choice, (_, compress) in zip((8, 24, 24), CODINGS.values(), strict=True):
        for size in (0, 5, PIECE + 100):
            yield bytes([choice, 2, 0x20, 0x80]) + compress(b"x" * size)
    for url in ("http://a", "https://b:1/c?d=e#f", "http://[::1]:8/%41 [|]?{}", "a"):
        yield bytes([URL]) + url.encode()


def read(stream, cuts, choice):
    """All that is said of a stream cut there; adjacent data is one."""
    parser, found = ResponseParser(LIMITS), []
    parser.expect("HEAD" if choice & HEAD_FIRST else "GET")
    parser.expect("HEAD" if choice & HEAD_SECOND else "GET", bool(choice & SWITCH))
    for start, end in pairwise([0, *cuts, len(stream)]):
        events = parser.feed(stream[start:end])
        while events:
            for event in events:
                note(found, event)
            events = parser.feed(b"")
        assert parser.kept <= MOST_KEPT or parser.paused, parser.kept
    state = parser.idle, parser.paused and parser.leftover()
    for event in parser.feed_eof():
        note(found, event)
    assert not parser.feed_eof()
    return found, state


def note(found, event):
    assert not found or type(found[-1]) is not int, "an event after an error"
    if isinstance(event, ResponseHead):
        assert 100 <= event.status <= 999
        framing = event.length, event.until_close, event.keep_alive, event.interim
        line = event.status, event.reason, event.version
        found.append((*line, *framing, *event.headers.items()))
        heads = [item for item in found if isinstance(item, tuple)]
        assert len(heads) <= 2 * (INTERIM + 1)
    elif isinstance(event, Data):
        assert event.data
        last = found.pop() if isinstance(found[-1], bytes) else b""
        found.append(last + event.data)
        assert len(found[-1]) <= LIMITS.body
    elif isinstance(event, End):
        found.append(["end", *event.trailers.items()])
    else:
        assert isinstance(event, ProtocolError), event
        assert event.status == 502
        found.append(event.status)


def inflate(stream, cuts, choice):
    """What a compressed body holds; with None behind it where it is damaged."""
    inflater = Inflater("deflate" if choice & DEFLATE else "gzip", MOST_INFLATED)
    found = b""
    try:
        for start, end in pairwise([0, *cuts, len(stream)]):
            for piece in inflater.feed(stream[start:end]):
                assert 0 < len(piece) <= PIECE
                found += piece
        inflater.end()
    except ClientError:
        return None
    assert len(found) <= MOST_INFLATED
    return found


def check_url(url):
    try:
        origin, target = split(url)
        sent = encode(Request("GET", url, [], b""), origin, target)
    except (ClientError, OSError):
        return  # OSError: what can't be a name in the DNS
    [head] = RequestParser().feed(sent)
    assert isinstance(head, Head), head
    assert (head.method, head.target) == ("GET", target)
    assert origin.host in head.host
    assert [name for name, _ in head.headers.items()] == ["Host", "Accept-Encoding"]


def check(data):
    if len(data) < 2:
        return
    choice, count = data[0], data[1] % 8
    if choice & URL:
        check_url(data[1:].decode("utf-8", "replace"))
        return
    cuts, stream = data[2 : 2 + count], data[2 + count :]
    outcome = inflate if choice & INFLATE else read
    whole = outcome(stream, [], choice)
    cut = sorted(cut * len(stream) // 256 for cut in cuts)
    assert outcome(stream, cut, choice) == whole
    if len(stream) < 250:  # the rest of the time is better spent on other inputs
        assert outcome(stream, range(1, len(stream)), choice) == whole
