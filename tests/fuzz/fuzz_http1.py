"""Any bytes into the request parser, cut anywhere: see `run.py`.

The first bytes of an input say where the others are cut. However that is, the events
must be the same, nothing but events may come out, and no more may be kept than the
limits allow.
"""

from cutting import fed, note_body, the_same_however_cut

from dustdevil.http import Head, Limits, Parser, ProtocolError, Role
from dustdevil.http.parser import Reading
from support.reading import feed_eof

LIMITS = Limits(line=120, fields=6, field_bytes=200, body=300, chunk_line=50,
                extension_bytes=80)  # fmt: skip

WORDS = ["GET ", "POST /", " HTTP/1.1\r\n", "HTTP/1.0", "Host: a\r\n", "\r\n\r\n",
         "Content-Length: ", "Transfer-Encoding: chunked\r\n", "Connection: ", "close",
         "keep-alive", "Upgrade: ", "upgrade", "Expect: 100-continue\r\n", "CONNECT ",
         "OPTIONS *", "http://", "[::1]:80", "0\r\n\r\n", "5;a=\"b\"\r\n", "\r", "\n",
         "%41", "\x00", "\t"]  # fmt: skip


def seeds():
    from support.http_requests_rfc import REFUSE, TAKE

    streams = [stream for stream, *_ in TAKE.values()]
    for stream in streams + [stream for _, stream in REFUSE.values()]:
        yield b"\x03\x20\x80\xc0" + stream


def read(stream, cuts):
    """All that the parser says to a stream cut there; adjacent data is one."""
    parser, found = Parser(Role.SERVER, LIMITS), []
    for event in fed(parser, stream, cuts):
        note(found, event)
    state = parser.idle, parser.state is Reading.SWITCHED and parser.leftover()
    found += [event.status for event in feed_eof(parser)]
    return found, state


def note(found, event):
    if isinstance(event, Head):
        assert not found or type(found[-1]) is not int, "an event after an error"
        framing = event.length, event.has_body, event.keep_alive, event.upgrade
        line = event.method, event.target, event.host, event.version
        found.append((*line, *framing, event.expects_continue, *event.headers.items()))
    elif not note_body(found, event, LIMITS.body):
        assert isinstance(event, ProtocolError), event
        assert 400 <= event.status <= 505
        found += [event.method, event.status]


def check(data):
    count, data = data[:1], data[1:]
    cuts = data[: count[0] % 8] if count else b""
    stream = data[len(cuts) :]
    the_same_however_cut(read, stream, cuts)
