"""What a head says: target, host, fields, and what comes after the request."""

import pytest

from support.http_requests import get
from support.reading import only_head


@pytest.mark.parametrize(
    ("target", "method", "expected", "host"),
    [
        (b"/a?b", b"GET", "/a?b", "a"),
        (b"http://b:81/c?d", b"GET", "/c?d", "b:81"),
        (b"HTTPS://b", b"GET", "/", "b"),
        (b"http://b?c", b"GET", "/?c", "b"),
        (b"http://b", b"OPTIONS", "*", "b"),
        (b"*", b"OPTIONS", "*", "a"),
        (b"[::1]:443", b"CONNECT", "[::1]:443", "[::1]:443"),
    ],
)
def test_target_and_host(target, method, expected, host):
    head = only_head(get(target=target).replace(b"GET", method))
    assert (head.target, head.host, head.method) == (expected, host, method.decode())


@pytest.mark.parametrize(
    ("version", "lines", "kept"),
    [
        (b"HTTP/1.1", [], True),
        (b"HTTP/1.1", [b"Connection: close"], False),
        (b"HTTP/1.1", [b"Connection: x, CLOSE ,y"], False),
        (b"HTTP/1.1", [b"Connection: keep-alive"], True),
        (b"HTTP/1.1", [b"Connection: closed"], True),
        (b"HTTP/1.0", [], False),
        (b"HTTP/1.0", [b"Connection: keep-alive"], True),
        (b"HTTP/1.0", [b"Connection: keep-alive, close"], False),
    ],
)
def test_keep_alive(version, lines, kept):
    assert only_head(get(*lines, version=version)).keep_alive is kept


def test_headers_have_no_case_and_keep_their_order():
    headers = only_head(get(b"X-A:  1 ", b"Cookie: b", b"x-a: \t2")).headers
    assert list(headers.items()) == [
        ("Host", "a"), ("X-A", "1"), ("Cookie", "b"), ("x-a", "2")]  # fmt: skip
    assert headers.get_all("x-A") == ["1", "2"]
    assert headers["X-a"] == headers.get("x-a") == "1, 2"
    assert "host" in headers
    assert headers.get("none") is None
    assert headers.get_all("none") == []
    with pytest.raises(KeyError):
        headers["none"]


def test_expect_is_ignored_in_1_0_and_without_a_body():
    assert not only_head(get(b"Expect: 100-continue")).expects_continue
    old = get(b"Expect: miracles", version=b"HTTP/1.0")
    assert not only_head(old).expects_continue
