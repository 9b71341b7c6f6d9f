"""The HTTP parser, held to RFC 9110 and RFC 9112 section by section."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dustdevil.http import Data, End, Head, Limits, Parser, ProtocolError, Role
from dustdevil.http.parser import Reading
from support.http_requests import (
    ACCEPTED,
    INCOMPLETE,
    REJECTED,
    STREAMS,
    chunked,
    get,
    post,
)
from support.reading import LIMITS, feed, feed_eof, only_head

ATTRIBUTES = ("expects_continue", "has_body", "host", "keep_alive", "length",
              "method", "target", "upgrade", "version")  # fmt: skip


def verdict(stream, cuts=(), limits=LIMITS):
    """What a parser says to a stream cut at these places, adjacent data joined."""
    parser = Parser(Role.SERVER, limits)
    found = []
    places = [0, *sorted(cuts), len(stream)]
    for start, end in pairwise(places):
        for event in feed(parser, stream[start:end]):
            add(found, event)
    return found, parser.idle, parser.state is Reading.SWITCHED and parser.leftover()


def add(found, event):
    match event:
        case Head():
            values = (getattr(event, name) for name in ATTRIBUTES)
            found.append((*map(str, values), list(event.headers.items())))
        case Data(data):
            assert data
            if isinstance(found[-1], bytes):
                data = found.pop() + data
            found.append(data)
        case End(trailers):
            found.append(["end", *trailers.items()])
        case ProtocolError(status=status, reason=reason, method=method):
            found.append((status, reason, method))  # an error to HEAD has no body


@pytest.mark.parametrize("stream", ACCEPTED.values(), ids=ACCEPTED)
def test_accepted(stream):
    found, _, _ = verdict(stream)
    assert found
    assert all(type(item[0]) is not int for item in found if type(item) is tuple)


@pytest.mark.parametrize(("status", "stream"), REJECTED.values(), ids=REJECTED)
def test_rejected(status, stream):
    found, _, _ = verdict(stream)
    assert found[-1][0] == status


@pytest.mark.parametrize("stream", INCOMPLETE.values(), ids=INCOMPLETE)
def test_incomplete(stream):
    found, idle, _ = verdict(stream)
    assert not idle
    assert not any(item[0] in ("end", 400) for item in found)


def at_eof(stream):
    parser = Parser(Role.SERVER, LIMITS)
    feed(parser, stream)
    return [event.status for event in feed_eof(parser)]


def test_the_end_of_the_bytes_is_an_error_in_the_middle_only():
    for stream in ACCEPTED.values():
        assert at_eof(stream) == []
    for _, stream in REJECTED.values():
        assert at_eof(stream) == []  # it was said already
    for stream in INCOMPLETE.values():
        assert at_eof(stream) == [400]
    assert at_eof(b"") == []
    assert at_eof(b"\r\n") == []


@pytest.mark.parametrize("stream", STREAMS)
def test_the_verdict_is_the_same_wherever_the_bytes_are_cut(stream):
    whole = verdict(stream)
    assert verdict(stream, range(1, len(stream))) == whole
    for place in range(1, len(stream)):
        assert verdict(stream, [place]) == whole


@given(
    st.lists(st.sampled_from(STREAMS), min_size=1, max_size=4),
    st.lists(st.integers(0, 1500), max_size=12),
)
def test_streams_in_a_row_cut_in_several_places(streams, cuts):
    stream = b"".join(streams)
    cuts = [cut for cut in cuts if cut < len(stream)]
    assert verdict(stream, cuts) == verdict(stream)


PIECES = [b"GET", b"POST", b" ", b"/", b"a", b"HTTP/1.1", b"\r\n", b"\r", b"\n", b":",
          b"Host: a\r\n", b"Content-Length: 3\r\n", b"Transfer-Encoding: chunked\r\n",
          b"0", b"3", b";", b"\x00", b"\t", b"\r\n\r\n", b"abc", get(), b"x" * 150,
          b'="', b"Connection: close\r\n",
          b"POST / HTTP/1.1\r\nHost: a\r\n"]  # fmt: skip


@given(st.lists(st.sampled_from(PIECES), max_size=20), st.data())
def test_nonsense_gets_one_verdict_too(pieces, data):
    stream = b"".join(pieces)
    cuts = data.draw(st.sets(st.integers(0, len(stream)), max_size=10))
    whole = verdict(stream)
    assert verdict(stream, cuts) == whole
    assert verdict(stream, range(1, len(stream))) == whole


@pytest.mark.parametrize("end", [b" HTTP/1.1\r\n\r\n", b" HTTP/2.0\r\n\r\n"])
def test_the_method_of_a_line_that_is_too_long_is_known(end):
    stream = b"HEAD /" + b"a" * LIMITS.line + end
    found, _, _ = verdict(stream)
    assert found == [(414, "the request line is too long", "HEAD")]
    for place in range(1, len(stream)):
        assert verdict(stream, [place])[0] == found


@pytest.mark.parametrize("behind", [b"", b"\r\nHost: a\r\n\r\n", b"\rx", b"\nx"])
def test_a_line_at_its_limit_is_judged_alike_however_it_is_cut(behind):
    for size in range(LIMITS.line - 3, LIMITS.line + 4):
        stream = b"GET /".ljust(size - 9, b"a") + b" HTTP/1.1" + behind
        whole = verdict(stream)
        assert verdict(stream, range(1, len(stream))) == whole
        assert all(verdict(stream, [n]) == whole for n in range(1, len(stream)))


def test_a_method_at_the_limit_is_judged_alike_however_it_is_cut():
    for size in range(LIMITS.line - 3, LIMITS.line + 4):
        stream = b"A" * size + b" / HTTP/1.1\r\nHost: a\r\n\r\n"
        whole = verdict(stream)
        assert verdict(stream, range(1, len(stream))) == whole
        assert all(verdict(stream, [n]) == whole for n in range(1, len(stream)))


def test_fields_at_their_limit_are_judged_alike_however_they_are_cut():
    for size in range(LIMITS.field_bytes - 3, LIMITS.field_bytes + 4):
        stream = b"GET / HTTP/1.1\r\nHost: a\r\n" + b"b:".ljust(size - 7, b"c")
        whole = verdict(stream + b"\r\n\r\n")
        assert verdict(stream + b"\r\n\r\n", range(1, len(stream))) == whole
        assert verdict(stream + b"\r\n\r\n", range(1, len(stream) + 4)) == whole


def test_too_many_fields_are_told_before_what_the_target_is():
    lines = [b"Host: a", *[b"b: c"] * LIMITS.fields]
    stream = b"\r\n".join([b"GET , HTTP/1.1", *lines, b"", b""])
    found, _, _ = verdict(stream)
    assert found == [(431, "too many header fields", "GET")]
    assert verdict(stream, range(1, len(stream)))[0] == found


def test_fields_are_judged_when_all_are_there():
    stream = b"POST / HTTP/1.1\r\nHost: a\r\n" * 2
    refused = [(400, "a header line is malformed", "POST")]
    for cuts in ([], [17], range(1, len(stream))):
        assert verdict(stream, cuts)[0] == []
        assert verdict(stream + b"\r\n", cuts)[0] == refused


@given(st.binary(max_size=200))
def test_no_bytes_raise(stream):
    verdict(get() + stream)


def test_the_reason_is_said():
    for line, words in ((b" b", "begins with a space"), (b"b : c", "is malformed")):
        found, _, _ = verdict(get(b"A: b", line))
        assert found == [(400, f"a header line {words}", "GET")]


# After the head


def test_upgrade_waits_and_can_be_declined():
    parser = Parser(Role.SERVER)
    request = get(b"Connection: keep-alive, Upgrade", b"Upgrade: websocket")
    [head] = feed(parser, request + get())
    assert head.upgrade == "websocket"
    assert parser.state is Reading.SWITCHED
    assert feed(parser, b"") == []
    parser.resume()
    [head] = feed(parser, b"")
    assert head.upgrade == ""
    assert parser.idle


def test_upgrade_declined_before_its_body_came():
    parser = Parser(Role.SERVER)
    lines = b"Connection: Upgrade", b"Upgrade: x", b"Content-Length: 3"
    [head] = feed(parser, post(*lines))
    assert head.upgrade
    parser.resume()
    first, last, following = feed(parser, b"abc" + get())
    assert first == Data(b"abc")
    assert isinstance(last, End)
    assert following.method == "GET"


def test_upgrade_hands_over_what_came_after_it():
    parser = Parser(Role.SERVER)
    feed(parser, get(b"Connection: Upgrade", b"Upgrade: x") + b"\x81\x00")
    feed(parser, b"\x82")
    assert parser.leftover() == b"\x81\x00\x82"
    assert parser.leftover() == b""


def test_upgrade_alone_or_in_1_0_means_nothing():
    assert only_head(get(b"Upgrade: websocket")).upgrade == ""
    lines = b"Connection: upgrade", b"Upgrade: websocket"
    assert only_head(get(*lines, version=b"HTTP/1.0")).upgrade == ""


def test_trailers_stay_apart():
    events = feed(Parser(Role.SERVER), chunked(b"0\r\nCookie: b\r\nX: y\r\n\r\n"))
    assert events[0].headers.get_all("cookie") == []
    assert events[-1].trailers.get_all("cookie") == ["b"]


def test_requests_before_an_error_are_answered():
    found, _, _ = verdict(get() + get(b"A : b") + get())
    assert [item[0] for item in found] == ["False", 400]


def test_the_largest_allowed_of_each_passes():
    limits = Limits()
    line = get(target=b"/" + b"a" * (limits.line - len("GET / HTTP/1.1")))
    fields = get(*[b"A: b"] * (limits.fields - 1))
    size = get(b"A:" + b"b" * (limits.field_bytes - len("Host: aA:")))
    for stream in (line, fields, size):
        for cuts in ([], [len(stream) // 2]):
            found, idle, _ = verdict(stream, cuts, limits)
            assert idle
            assert len(found) == 1
    assert verdict(line.replace(b"/", b"/a", 1), (), limits)[0][0][0] == 414
    assert verdict(fields.replace(b"A", b"A: b\r\nA", 1), (), limits)[0][0][0] == 431
    assert verdict(size.replace(b"b", b"bb", 1), (), limits)[0][0][0] == 431


@pytest.mark.parametrize("scheme", [b"https", b"HTTPS"])
def test_https_is_misdirected_where_the_connection_is_not_secure(scheme):
    """RFC 9110, 7.4."""
    stream = get(target=scheme + b"://b/")
    [(status, *_)], _, _ = verdict(stream, limits=LIMITS._replace(secure=False))
    assert status == 421
