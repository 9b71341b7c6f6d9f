"""Responses as bytes: their heads, and what no header may be made of."""

import re
from email.utils import parsedate_to_datetime

import pytest
from test_http1 import chunked

from dustdevil import writer
from dustdevil.http1 import RequestParser


def test_encode_head():
    head = writer.encode_head(
        200, [("X", "a b"), ("x", "\xe9")], b"Content-Length: 0\r\n"
    )
    lines = head.split(b"\r\n")
    assert lines[0] == b"HTTP/1.1 200 OK"
    assert re.fullmatch(rb"Date: \w{3}, \d\d \w{3} \d{4} \d\d:\d\d:\d\d GMT", lines[1])
    assert lines[2:] == [b"X: a b", b"x: \xe9", b"Content-Length: 0", b"", b""]


def test_the_date_is_now_and_made_once_a_second(monkeypatch):
    now = 784111777.2
    monkeypatch.setattr(writer, "time", lambda: now)
    first = writer.encode_head(299)
    assert first == b"HTTP/1.1 299 \r\nDate: Sun, 06 Nov 1994 08:49:37 GMT\r\n\r\n"
    now += 0.7
    misses = writer.opening.cache_info().misses
    assert writer.encode_head(299) == first
    assert writer.opening.cache_info().misses == misses
    now += 0.2
    date = writer.encode_head(299).split(b"\r\n")[1][6:].decode()
    assert parsedate_to_datetime(date).timestamp() == int(now)


@pytest.mark.parametrize(
    "header",
    [
        ("A", "b\r\nC: d"),
        ("A", "b\nC: d"),
        ("A", "b\rC: d"),
        ("A", "b\0"),
        ("A", "\x7f"),
        ("A", "\N{SNOWMAN}"),
        ("A: b", "c"),
        ("A\r\nB", "c"),
        ("A ", "b"),
        (" A", "b"),
        ("", "b"),
        ("\xe9", "b"),
        ("Content-Length", "5"),
        ("transfer-encoding", "chunked"),
        ("Connection", "close"),
        ("Date", "today"),
    ],
)
def test_a_header_that_would_be_something_else_is_refused(header):
    for _ in range(2):  # a refusal must not be remembered as good
        with pytest.raises(ValueError, match=r"."):
            writer.encode_head(200, [header])


@pytest.mark.parametrize("reason", ["OK\r\nA: b", "OK\n", "\0", "\N{SNOWMAN}"])
def test_a_reason_that_would_be_something_else_is_refused(reason):
    with pytest.raises(ValueError, match=r"."):
        writer.encode_head(200, reason=reason)


@pytest.mark.parametrize("status", [99, 1000, -1])
def test_a_status_has_three_digits(status):
    with pytest.raises(ValueError, match="status"):
        writer.encode_head(status)


def test_chunks():
    body = b"".join(map(writer.chunk, [b"hello", b"", b"x" * 26])) + writer.LAST_CHUNK
    assert body == b"5\r\nhello\r\n1a\r\n" + b"x" * 26 + b"\r\n0\r\n\r\n"
    events = RequestParser().feed(chunked(body))
    assert b"".join(event.data for event in events[1:-1]) == b"hello" + b"x" * 26
