"""Any bytes as a server's answer, and any text as a URL, for the client: see `run.py`.

The first byte of an input chooses what the rest is. Responses are cut where the next
bytes say, and a compressed body too: however that is, the outcome must be the same,
and no more may be kept than the limits allow. A URL is refused, or the request made
of it is one that our own server reads as it was meant.
"""

from functools import partial

from cutting import fed, note_body, pieces, the_same_however_cut

from dustdevil.http import (
    ClientError,
    Head,
    Headers,
    Limits,
    Parser,
    ProtocolError,
    ResponseHead,
    Role,
)
from dustdevil.http.outgoing import (
    INFLATE_SIZE,
    Inflater,
    Request,
    encode_request,
    split,
)
from dustdevil.http.parser import INTERIM, Reading
from support.reading import feed, feed_eof

LIMITS = Limits(line=60, fields=6, field_bytes=200, body=300, chunk_line=50,
                extension_bytes=80)  # fmt: skip
MOST_INFLATED = 3 * INFLATE_SIZE
HEAD_FIRST, HEAD_SECOND, SWITCH, INFLATE, DEFLATE, URL = 1, 2, 4, 8, 16, 32

WORDS = ["HTTP/1.1 ", "HTTP/1.0 200 OK\r\n", "101 ", "100 Continue\r\n\r\n", "204 ",
         "304 ", "Content-Length: ", "Transfer-Encoding: chunked\r\n", "\r\n\r\n",
         "Connection: ", "close", "keep-alive", "Upgrade: ", "0\r\n\r\n",
         "5;a=\"b\"\r\n", "\r", "\n", "\t", "\x1f\x8b\x08\x00", "\x78\x9c", "\x03\x00",
         "http://", "https://", "[::1]", ":80", "%41", "@", "?", "#", "//"]  # fmt: skip


def seeds():
    from support.http_responses import BAD, CODINGS, GOOD

    for stream in [*GOOD, *BAD]:
        for choice in (0, HEAD_FIRST, HEAD_SECOND, SWITCH):
            yield bytes([choice, 3, 0x20, 0x80, 0xC0]) + stream
    for choice, (_, compress) in zip((8, 24, 24), CODINGS.values(), strict=True):
        for size in (0, 5, INFLATE_SIZE + 100):
            yield bytes([choice, 2, 0x20, 0x80]) + compress(b"x" * size)
    for url in ("http://a", "https://b:1/c?d=e#f", "http://[::1]:8/%41 [|]?{}", "a"):
        yield bytes([URL]) + url.encode()


def read(stream, cuts, choice):
    """All that is said of a stream cut there; adjacent data is one."""
    parser, found = Parser(Role.CLIENT, LIMITS), []
    parser.expect("HEAD" if choice & HEAD_FIRST else "GET")
    parser.expect("HEAD" if choice & HEAD_SECOND else "GET", bool(choice & SWITCH))
    for event in fed(parser, stream, cuts):
        note(found, event)
    state = parser.idle, parser.state is Reading.SWITCHED and parser.leftover()
    for event in feed_eof(parser):
        note(found, event)
    assert not feed_eof(parser)
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
    elif not note_body(found, event, LIMITS.body):
        assert isinstance(event, ProtocolError), event
        assert event.status == 502
        found.append(event.status)


def inflate(stream, cuts, choice):
    """What a compressed body holds; with None behind it where it is damaged."""
    inflater = Inflater("deflate" if choice & DEFLATE else "gzip", MOST_INFLATED)
    found = b""
    try:
        for part in pieces(stream, cuts):
            for piece in inflater.feed(part):
                assert 0 < len(piece) <= INFLATE_SIZE
                found += piece
        inflater.end()
    except ClientError:
        return None
    assert len(found) <= MOST_INFLATED
    return found


def check_url(url):
    try:
        origin, target = split(url)
        sent = encode_request(Request("GET", url, Headers(), b""), origin, target)
    except (ClientError, OSError):
        return  # OSError: what can't be a name in the DNS
    [head] = feed(Parser(Role.SERVER), sent)
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
    the_same_however_cut(partial(outcome, choice=choice), stream, cuts)
