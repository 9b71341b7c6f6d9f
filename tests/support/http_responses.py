"""Responses as bytes: well-formed, malformed, and how bodies are compressed."""

import gzip
import zlib

from dustdevil.http.parser import INTERIM

OK = b"HTTP/1.1 200 OK\r\n"
CHUNKED = OK + b"Transfer-Encoding: chunked\r\n\r\n"
SIZED = OK + b"Content-Length: 5\r\n\r\nhello"

GOOD = {
    SIZED: [(200, True), b"hello", "end"],
    CHUNKED + b"2\r\nhe\r\n3;a=b\r\nllo\r\n0\r\nT: x\r\n\r\n": [
        (200, True),
        b"hello",
        "end",
    ],
    OK + b"\r\nuntil the end": [(200, False), b"until the end", "end"],
    OK + b"\r\n": [(200, False), "end"],
    b"HTTP/1.0 200 \r\n\r\nx": [(200, False), b"x", "end"],
    b"HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 1\r\n\r\nx": [
        (200, True),
        b"x",
        "end",
    ],
    OK + b"Content-Length: 0\r\n\r\n": [(200, True)],
    b"HTTP/1.1 204 No Content\r\n\r\n": [(204, True)],
    b"HTTP/1.1 304 Not Modified\r\nContent-Length: 9\r\n\r\n": [(304, True)],
    b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early\r\nA: b\r\n\r\n" + SIZED: [
        (100, True),
        (103, True),
        (200, True),
        b"hello",
        "end",
    ],
    OK + b"Connection: close\r\nContent-Length: 1\r\n\r\nxignored": [
        (200, False),
        b"x",
        "end",
    ],
}

TWICE = "both Content-Length and Transfer-Encoding"
LENGTH = "Content-Length is malformed or repeated"
LINE = "the status line is malformed"
MIDDLE = "the response ends in the middle"
EXTRA = "there are bytes that nobody asked for"
CODING = "Transfer-Encoding must end in one chunked"

BAD = {
    OK + b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n": TWICE,
    OK + b"Content-Length: 5\r\nContent-Length: 5\r\n\r\nhello": LENGTH,
    OK + b"Content-Length: +5\r\n\r\nhello": LENGTH,
    OK + b"Content-Length: 5_0\r\n\r\nhello": LENGTH,
    OK + b"Content-Length: -1\r\n\r\n": LENGTH,
    OK + b"Transfer-Encoding: gzip\r\n\r\nx": CODING,
    OK + b"Transfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n": CODING,
    b"HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n": (
        "HTTP/1.0 has no Transfer-Encoding"
    ),
    b"HTTP/1.1 204 No\r\nContent-Length: x\r\n\r\n": LENGTH,
    b"HTTP/2.0 200 OK\r\n\r\n": LINE,
    b"HTTP/1.1 20 OK\r\n\r\n": LINE,
    b"HTTP/1.1 2000 OK\r\n\r\n": LINE,
    b"HTTP/1.1 099 OK\r\n\r\n": LINE,
    b"HTTP/1.1  200 OK\r\n\r\n": LINE,
    b"HTTP/1.1 200\r\n\r\n": LINE,
    b"HTTP/1.1 200 O\0K\r\n\r\n": LINE,
    b"\r\n" + SIZED: LINE,
    b"220 smtp.example ESMTP\r\n": LINE,
    b"HTTP/1.1 200 OK\n\n": "a CR or an LF stands alone",
    OK + b"A: b\rC: d\r\n\r\n": "a CR or an LF stands alone",
    OK + b"A : b\r\n\r\n": "a header line is malformed",
    OK + b" A: b\r\n\r\n": "a header line begins with a space",
    CHUNKED + b"0x2\r\nhe\r\n0\r\n\r\n": "a chunk's line is malformed",
    CHUNKED + b"2\r\nhel\r\n0\r\n\r\n": "a chunk is longer than its size",
    CHUNKED + b"2\r\nhe\r\n0\r\n": MIDDLE,
    CHUNKED: MIDDLE,
    SIZED[:-1]: MIDDLE,
    OK + b"Content-Length: 0": MIDDLE,
    SIZED + b"HTTP/1.1 200 OK\r\n\r\n": EXTRA,
    b"HTTP/1.1 204 No Content\r\nContent-Length: 5\r\n\r\nhello": EXTRA,
    b"HTTP/1.1 101 Switching\r\nUpgrade: x\r\n\r\n": "nobody asked to switch protocols",
    b"HTTP/1.1 100 Continue\r\n\r\n" * (INTERIM + 1): "too many interim responses",
}


def bare(data):
    deflate = zlib.compressobj(9, zlib.DEFLATED, -15)
    return deflate.compress(data) + deflate.flush()


CODINGS = {
    "gzip": ("gzip", gzip.compress),
    "deflate": ("deflate", zlib.compress),
    "bare": ("deflate", bare),
}
