"""Responses as bytes: their heads, and what no header may be made of."""

import re
import time
from email.utils import parsedate_to_datetime

import pytest

from dustdevil.http import Headers, Parser, Role, writer
from support.http_requests import chunked
from support.reading import feed


def test_response_head():
    headers = Headers([("X", "a b"), ("x", "\xe9")])
    head = writer.response_head(200, headers, DATE, "Content-Length: 0\r\n")
    lines = head.split(b"\r\n")
    assert lines[0] == b"HTTP/1.1 200 OK"
    assert lines[1] == b"Date: then"
    assert lines[2:] == [b"X: a b", b"x: \xe9", b"Content-Length: 0", b"", b""]


DATE = "Date: then\r\n"


class Answer:
    headers = Headers({"A": "b"})
    reason = None

    def __init__(self, status=200, body=b"hello", length=None):
        self.status, self.body, self.length = status, body, length


async def pieces():
    yield b"x"


CLOSE, KEEP = [b"Connection: close"], [b"Connection: keep-alive"]
FIVE, CHUNKED = [b"Content-Length: 5"], [b"Transfer-Encoding: chunked"]
HOW = {
    "bytes": (Answer(), "1.1", True, FIVE, False, True),
    "bytes, and close": (Answer(), "1.1", False, CLOSE + FIVE, False, False),
    "bytes in 1.0": (Answer(), "1.0", True, KEEP + FIVE, False, True),
    "known": (Answer(body=pieces(), length=5), "1.1", True, FIVE, False, True),
    "unknown": (Answer(body=pieces()), "1.1", True, CHUNKED, True, True),
    "unknown, and close": (
        Answer(body=pieces()), "1.1", False, CLOSE + CHUNKED, True, False),
    "unknown in 1.0": (Answer(body=pieces()), "1.0", True, CLOSE, False, False),
    "no content": (Answer(204, b""), "1.1", True, [], False, True),
    "not modified": (Answer(304, b""), "1.0", True, KEEP, False, True),
}  # fmt: skip


@pytest.mark.parametrize("case", HOW)
def test_how_a_response_begins(case):
    answer, version, keep, lines, chunked, kept = HOW[case]
    head, *found = writer.begin(answer, version, keep, DATE)
    assert head.split(b"\r\n")[2:] == [b"A: b", *lines, b"", b""]
    assert found == [chunked, kept]


@pytest.mark.parametrize("answer", [Answer(101), Answer(600), Answer(body="text")])
def test_what_is_no_response_is_refused(answer):
    with pytest.raises((ValueError, TypeError), match="can't be a response's"):
        writer.begin(answer, "1.1", True, DATE)


def test_the_date_is_now():
    found = re.fullmatch(
        r"Date: (\w{3}, \d\d \w{3} \d{4} .{8} GMT)\r\n", writer.date_line()
    )
    assert abs(parsedate_to_datetime(found[1]).timestamp() - time.time()) < 60


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
    for headers in ([header], [("X", "y"), header]):
        with pytest.raises(ValueError, match=r"."):
            writer.response_head(200, Headers(headers), DATE)


@pytest.mark.parametrize("reason", ["OK\r\nA: b", "OK\n", "\0", "\N{SNOWMAN}"])
def test_a_reason_that_would_be_something_else_is_refused(reason):
    with pytest.raises(ValueError, match=r"."):
        writer.response_head(200, Headers(), DATE, reason=reason)


@pytest.mark.parametrize("status", [99, 1000, -1])
def test_a_status_has_three_digits(status):
    with pytest.raises(ValueError, match="status"):
        writer.response_head(status, Headers(), DATE)


def test_an_upgrade_is_about_this_connection():
    """RFC 9110, 7.8: so that nobody passes it on."""
    head = writer.response_head(426, Headers({"Upgrade": "x"}), DATE)
    assert head.endswith(b"\r\nUpgrade: x\r\nConnection: Upgrade\r\n\r\n")


def test_chunks():
    body = b"".join(map(writer.chunk, [b"hello", b"", b"x" * 26])) + writer.LAST_CHUNK
    assert body == b"5\r\nhello\r\n1a\r\n" + b"x" * 26 + b"\r\n0\r\n\r\n"
    events = feed(Parser(Role.SERVER), chunked(body))
    assert b"".join(event.data for event in events[1:-1]) == b"hello" + b"x" * 26
