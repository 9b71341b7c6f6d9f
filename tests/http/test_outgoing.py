"""The inflater of `http.outgoing` by itself. The rest is tested in test_client."""

import gzip
import zlib

import pytest

from dustdevil.http import ClientError
from dustdevil.http.outgoing import INFLATE_SIZE, Inflater, split
from support.http_responses import CODINGS


@pytest.fixture(params=CODINGS)
def coding(request):
    return CODINGS[request.param]


@pytest.mark.parametrize("cut", [1, 7, 1 << 30])
@pytest.mark.parametrize(
    "size",
    [0, 1, INFLATE_SIZE - 1, INFLATE_SIZE, INFLATE_SIZE + 1, 2 * INFLATE_SIZE + 100],
)
def test_what_comes_out_is_what_went_in_however_it_is_cut(coding, size, cut):
    # Runs of one byte: what a few bytes hold fills a piece, and more is still inside
    # when all has been put in. Without a wrapping, nothing follows to push it out.
    name, compress = coding
    sent = compress(b"x" * size)
    inflater = Inflater(name, size)
    pieces = []
    for start in range(0, len(sent), cut):
        pieces += inflater.feed(sent[start : start + cut])
    inflater.end()
    assert b"".join(pieces) == b"x" * size
    assert all(0 < len(piece) <= INFLATE_SIZE for piece in pieces)


@pytest.mark.parametrize("cut", [1, 1 << 30])
def test_a_stream_in_several_members(cut):
    sent = gzip.compress(b"one ") + gzip.compress(b"two")
    inflater = Inflater("gzip", 100)
    pieces = []
    for start in range(0, len(sent), cut):
        pieces += inflater.feed(sent[start : start + cut])
    inflater.end()
    assert b"".join(pieces) == b"one two"


def test_what_is_cut_off_is_an_error_wherever(coding):
    name, compress = coding
    sent = compress(b"some text")
    for end in range(1, len(sent)):
        inflater = Inflater(name, 100)
        list(inflater.feed(sent[:end]))
        with pytest.raises(ClientError, match="cut off"):
            inflater.end()


def test_nothing_at_all_is_an_empty_body(coding):
    inflater = Inflater(coding[0], 0)
    assert list(inflater.feed(b"")) == []
    inflater.end()


def test_the_limit_is_exact(coding):
    name, compress = coding
    inflater = Inflater(name, 1000)
    with pytest.raises(ClientError, match="inflates to more"):
        list(inflater.feed(compress(bytes(1001))))


def inflate(coding, pieces):
    inflater = Inflater(coding, 1000)
    return [part for piece in pieces for part in inflater.feed(piece)]


def test_two_bytes_tell_a_wrapping_from_none_however_it_is_cut():
    # The first block is a stored one, with the two bytes that zlib would begin with
    # in the place of padding and of its length: 0x9c, and nothing in the byte behind.
    sent = b"\x78\x9c\x00\x63\xff" + b"q" * 0x9C + b"\x03\x00"
    assert zlib.decompress(sent, -15) == b"q" * 0x9C
    for cut in (1, len(sent)):
        with pytest.raises(ClientError, match="damaged"):
            inflate("deflate", [sent[i : i + cut] for i in range(0, len(sent), cut)])


def test_port_0_is_not_the_usual_one():
    assert split("http://a:0/")[0].port == 0
    assert split("http://a:/")[0].port == 80
