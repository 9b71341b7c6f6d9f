"""Requests to take and requests to refuse, by the sections of RFC 9112 and RFC 9110.

Each stream is read whole, byte by byte and cut at random places, with both readers of
heads, and through the socket of a real server.
"""

import random
from itertools import pairwise

import pytest

from dustdevil.http import Data, End, Head, Limits, Parser, ProtocolError, Role
from dustdevil.http import parser as module
from dustdevil.speedups import pure
from support.http_requests import REJECTED, chunked, get, post
from support.http_requests_rfc import RAW, REFUSE, TAKE
from support.reading import feed
from support.serving import Answer, Running

try:
    from dustdevil.speedups import _speedups
except ImportError:
    READERS = [pure]
else:
    READERS = [pure, _speedups]


@pytest.fixture(params=READERS, ids=lambda module: module.__name__)
def reader(request, monkeypatch):
    """Read heads in Python, and in C where that is built."""
    monkeypatch.setattr(module, "split_head", request.param.split_head)


def read(stream, cuts=(), limits=Limits()):  # noqa: B008 (it is immutable)
    """Each request as "method target host body", and the error's status at the end."""
    parser, found, body = Parser(Role.SERVER, limits), [], None
    for start, end in pairwise([0, *sorted(cuts), len(stream)]):
        for event in feed(parser, stream[start:end]):
            if isinstance(event, Head):
                found.append(f"{event.method} {event.target} {event.host} ")
                body = b"" if event.has_body else None
            elif isinstance(event, Data):
                body += event.data
            elif isinstance(event, End):
                found[-1] += body.decode("latin-1")
                body = None
            else:
                found.append(event.status)
    return found, body is None and parser.idle


def ways(stream):
    """Ways to cut a stream: not at all, everywhere, and at random places."""
    yield []
    yield range(1, len(stream))
    dice = random.Random(len(stream))
    for _ in range(10):
        yield dice.sample(range(len(stream)), min(len(stream), dice.randrange(1, 9)))


@pytest.mark.parametrize("case", TAKE)
def test_what_is_taken(case, reader):
    stream, *requests = TAKE[case]
    for cuts in ways(stream):
        found, _ = read(stream, cuts)
        assert found == requests


@pytest.mark.parametrize("case", REFUSE)
def test_what_is_refused(case, reader):
    status, stream = REFUSE[case]
    whole, _ = read(stream)
    assert whole[-1] == status
    for cuts in ways(stream):
        assert read(stream, cuts)[0] == whole


def test_the_characters_of_browsers_are_taken_where_the_settings_say_so(reader):
    lenient = Limits(lenient_targets=True)
    for raw in RAW:
        for target in (raw, b"http://a" + raw):
            found, _ = read(get(target=target), limits=lenient)
            assert found == [f"GET {raw.decode()} a "]
    for target in (b"/\\", b"/{a}", b"/^", b'/?"', b"/?<", b"/ ", b"/#", b"/%", b"[a]"):
        assert read(get(target=target), limits=lenient)[0] == [400]


def test_no_byte_is_let_pass_that_does_not_belong(reader):
    """Each of the 256 in each place; what is let pass is counted in the grammar."""
    unreserved = set(b"-._~0123456789")
    unreserved |= set(range(ord("a"), ord("z") + 1)) | set(
        range(ord("A"), ord("Z") + 1)
    )
    tchar = unreserved | set(b"!#$%&'*+^`|")
    pchar = unreserved | set(b"!$&'()*+,;=:@")
    value = set(range(0x20, 0x7F)) | set(range(0x80, 0x100)) | {9}
    places = {
        b"G%bT / HTTP/1.1\r\nHost: a\r\n\r\n": tchar,
        # A space would end the target, and a percent sign begin a number.
        b"GET /a%bb HTTP/1.1\r\nHost: a\r\n\r\n": pchar | set(b"/?"),
        b"GET /?a%bb HTTP/1.1\r\nHost: a\r\n\r\n": pchar | set(b"/?"),
        b"GET / HTTP/1.1\r\nHost: a\r\nX%bY: b\r\n\r\n": tchar | set(b":"),
        b"GET / HTTP/1.1\r\nHost: a\r\nX: a%bb\r\n\r\n": value,
        b"GET / HTTP/1.1\r\nHost: a%bb\r\n\r\n": pchar - set(b":@"),
        b"GET / HTTP/1.%b\r\nHost: a\r\n\r\n": set(b"0123456789"),
        b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: %b1\r\n\r\n":
            set(b"0123456789 \t"),
        b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n%b1\r\n":
            set(b"0123456789abcdefABCDEF"),
        b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0;a%bb\r\n":
            tchar | set(b";="),
    }  # fmt: skip
    for place, allowed in places.items():
        passed = {
            byte
            for byte in range(256)
            if type(read(place % bytes([byte]))[0][-1]) is str
        }
        assert passed == allowed, (place, passed ^ allowed)


# Through a real server


def describe(head, body, connection):
    async def answer():
        data = (await body.read()).decode("latin-1")
        said = f"{head.method} {head.target} {head.host} {data}"
        return Answer(said.encode("latin-1"))

    return answer()


@pytest.fixture(scope="module")
def server():
    running = Running(describe, linger=60)
    yield running
    running.stop()
    running.loop.close()


def test_a_server_answers_all_that_is_taken_in_order(server):
    last = get(b"Connection: close", target=b"/last")
    for case, (stream, *requests) in TAKE.items():
        with server.connect() as client:
            client.send(stream + last)
            answers = [*requests, "GET /last a "]
            for answer in answers:
                method = answer.split()[0]
                status, headers, body = client.response(method)
                if status == 100:
                    status, headers, body = client.response(method)
                assert status == 200, case
                assert method == "HEAD" or body == answer.encode("latin-1"), case
                if headers.get("connection") == "close":
                    break
            assert answer in (answers[-1], requests[-1]), case
            assert client.at_end(), case


def test_a_server_answers_what_it_refuses_once_and_closes(server):
    old_table = {case: pair for case, pair in REJECTED.items() if pair[0] in (400, 505)}
    for case, (status, stream) in (old_table | REFUSE).items():
        found, _ = read(stream)
        if found[-1:] != [status]:
            continue  # refused by the limits of that table alone
        with server.connect() as client:
            client.send(get(target=b"/first") + stream)
            assert client.response()[2] == b"GET /first a ", case
            for request in found[:-1]:
                if not request.startswith("POST") or "not announced" in case:
                    assert client.response()[0] == 200, case
            answer, headers, _ = client.response()
            assert (answer, headers["connection"]) == (status, "close"), case
            client.send(get(target=b"/smuggled"))
            assert client.at_end(), case


# Memory and work


ENDLESS = {
    "a request line": (b"", b"GET /aaaaaaa"),
    "a target": (b"GET /", b"a"),
    "empty lines": (b"", b"\r\n"),
    "a field's name": (b"GET / HTTP/1.1\r\n", b"a"),
    "a field": (b"GET / HTTP/1.1\r\nHost: a\r\nA: ", b"b"),
    "fields": (b"GET / HTTP/1.1\r\nHost: a\r\n", b"A: b\r\n"),
    "large fields": (b"GET / HTTP/1.1\r\n", b"A: " + b"b" * 999 + b"\r\n"),
    "a chunk's size": (chunked(b""), b"0"),
    "a chunk's extension": (chunked(b"1;"), b"a"),
    "a quoted extension": (chunked(b'1;a="'), b"a"),
    "chunks' extensions": (chunked(b""), b"1;" + b"a" * 500 + b"\r\nx\r\n"),
    "small extensions": (chunked(b""), b"1;a\r\nx\r\n"),
    "a trailer": (chunked(b"0\r\nA: "), b"b"),
    "trailers": (chunked(b"0\r\n"), b"A: b\r\n"),
}


@pytest.mark.parametrize("case", ENDLESS)
@pytest.mark.parametrize("size", [1, 100, 50_000])
def test_what_never_ends_is_refused_and_never_kept(case, size, reader):
    """The limits hold whatever the pieces are like, and after them nothing is kept."""
    begin, more = ENDLESS[case]
    parser = Parser(Role.SERVER)
    feed(parser, begin)
    piece = more * max(1, size // len(more))
    fed = 0
    while True:
        events = feed(parser, piece)
        fed += len(piece)
        assert parser.unread <= 65_536 + 1024 + len(piece)
        if events and isinstance(events[-1], ProtocolError):
            break
        assert fed < 2_000_000
    for _ in range(10):
        assert feed(parser, piece) == []
        assert parser.unread == 0


BULKY = {
    "one long field": get(b"A: " + b"b" * 60_000),
    "a long target": get(b"A: " + b"b" * 60_000, target=b"/" + b"a" * 8000),
    "cookies": get(b"Cookie: " + b"a=b; " * 12_000),
    "many fields": get(*[b"A: " + b"b" * 600] * 99),
    "pipelined": get() * 2000,
    "many chunks": chunked(b"1\r\nx\r\n" * 10_000 + b"0\r\n\r\n"),
    "long extensions": chunked(
        (b"1;" + b"a" * 1000 + b"\r\nx\r\n") * 16 + b"0\r\n\r\n"
    ),
    "many trailers": chunked(
        b"0\r\n" + (b"A: " + b"b" * 600 + b"\r\n") * 100 + b"\r\n"
    ),
    "one long body": post(b"Content-Length: 60000", body=b"x" * 60_000),
}


@pytest.mark.parametrize("case", BULKY)
@pytest.mark.parametrize("size", [1, 50, 1460])
def test_work_grows_with_the_bytes_and_not_with_their_square(case, size, monkeypatch):
    """Counted: bytes looked at by the expressions that search, and bytes read."""
    stream, looked_at = BULKY[case], 0

    class Search:
        def __init__(self, pattern):
            self.pattern = pattern

        def search(self, buffer, start=0, end=1 << 30):
            nonlocal looked_at
            found = self.pattern.search(buffer, start, end)
            looked_at += (found.end() if found else min(len(buffer), end)) - start
            return found

    def split_head(buffer, start, end):
        nonlocal looked_at
        looked_at += end - start
        return pure.split_head(buffer, start, end)

    for name in ("LINE_END", "STRAY"):
        monkeypatch.setattr(module, name, Search(getattr(module, name)))
    monkeypatch.setattr(module, "split_head", split_head)
    parser = Parser(Role.SERVER)
    for start in range(0, len(stream), size):
        feed(parser, stream[start : start + size])
    assert parser.idle
    assert looked_at < 5 * len(stream) + 30 * (len(stream) // size + 1)
