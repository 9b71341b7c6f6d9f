"""Responses, read from bytes: framing, strictness, and any cutting."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dustdevil.http import (
    Data,
    End,
    Limits,
    Parser,
    ProtocolError,
    ResponseHead,
    Role,
)
from support.http_responses import BAD, CHUNKED, EXTRA, GOOD, MIDDLE, OK, SIZED
from support.reading import feed, feed_eof


def verdict(stream, cuts=(), methods=("GET",), limits=Limits(), eof=True):  # noqa: B008
    """What a parser makes of the bytes: heads, bodies, ends and errors in order."""
    parser = Parser(Role.CLIENT, limits)
    for method in methods:
        parser.expect(method)
    events, edges = [], [0, *sorted(cuts), len(stream)]
    for start, end in pairwise(edges):
        events += feed(parser, stream[start:end])
    if eof:
        events += feed_eof(parser)
    found = []
    for event in events:
        if isinstance(event, Data) and found and isinstance(found[-1], bytes):
            found[-1] += event.data
        elif isinstance(event, Data):
            found.append(event.data)
        elif isinstance(event, ResponseHead):
            found.append((event.status, event.keep_alive))
        elif isinstance(event, End):
            found.append("end")
        else:
            found.append(event.reason)
    return found


@pytest.mark.parametrize("stream", GOOD)
def test_well_formed_responses(stream):
    assert verdict(stream) == GOOD[stream]


@pytest.mark.parametrize("stream", BAD)
def test_malformed_responses(stream):
    assert verdict(stream)[-1] == BAD[stream]


@pytest.mark.parametrize(
    "framing", [b"Content-Length: 5", b"Transfer-Encoding: chunked"]
)
def test_a_response_to_head_has_no_body_whatever_it_says(framing):
    head = OK + framing + b"\r\n\r\n"
    found = verdict(head + SIZED, methods=("HEAD", "GET"))
    assert found == [(200, True), (200, True), b"hello", "end"]


SWITCH = b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n"


@pytest.mark.parametrize("cut", range(len(SWITCH) + 6))
def test_after_a_switch_asked_for_the_bytes_are_not_ours(cut):
    parser = Parser(Role.CLIENT)
    parser.expect("GET", upgrade=True)
    stream = SWITCH + b"other"
    found = [*feed(parser, stream[:cut]), *feed(parser, stream[cut:])]
    assert [event.status for event in found] == [101]
    assert not found[0].interim
    assert not found[0].has_body
    assert not parser.idle
    assert parser.leftover() == b"other"
    assert feed_eof(parser) == []


def test_an_upgrade_may_be_declined():
    parser = Parser(Role.CLIENT)
    parser.expect("GET", upgrade=True)
    [head] = feed(parser, OK + b"Content-Length: 0\r\n\r\n")
    assert head.status == 200
    parser.expect("GET")
    assert isinstance(feed(parser, SWITCH)[-1], ProtocolError)


def test_nothing_asked_and_nothing_come_is_in_order():
    assert verdict(b"", methods=()) == []
    assert verdict(b"") == [MIDDLE]
    assert verdict(b"x", methods=()) == [EXTRA]


def test_limits():
    small = Limits(line=32, fields=2, field_bytes=64, body=4)
    assert (
        verdict(OK[:-2] + b"x" * 40, limits=small)[-1] == "the status line is too long"
    )
    assert verdict(OK + b"A: b\r\n" * 3, limits=small)[-1] == "too many header fields"
    assert (
        verdict(OK + b"A: " + b"b" * 99, limits=small)[-1] == "the header is too long"
    )
    for stream in (SIZED, CHUNKED + b"5\r\nhello\r\n", OK + b"\r\nhello"):
        whole = verdict(stream, limits=small)
        assert whole[-1] == "the body is too large"
        for cut in range(len(stream)):
            assert verdict(stream, [cut], limits=small) == whole


@given(st.data())
def test_the_same_verdict_however_the_bytes_are_cut(data):
    stream = data.draw(st.sampled_from([*GOOD, *BAD]))
    cuts = data.draw(st.lists(st.integers(0, len(stream))))
    assert verdict(stream, cuts) == verdict(stream)


@pytest.mark.parametrize("stream", [*GOOD, *BAD])
def test_the_same_verdict_byte_by_byte_and_in_two(stream):
    whole = verdict(stream)
    assert verdict(stream, range(len(stream))) == whole
    for cut in range(len(stream)):
        assert verdict(stream, [cut]) == whole


def test_errors_are_what_a_gateway_answers():
    parser = Parser(Role.CLIENT)
    parser.expect("GET")
    [error] = feed(parser, OK + b"Content-Length: x\r\n\r\n")
    assert isinstance(error, ProtocolError)
    assert error.status == 502
