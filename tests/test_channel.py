"""The way to one client: what is sent together, and what its deadline does."""

import socket
from math import inf
from types import SimpleNamespace

import pytest

from dustdevil.coroutine import let_others_run
from dustdevil.http import ServerSettings
from dustdevil.http.channel import Channel
from dustdevil.loop import Loop
from dustdevil.stream import HIGH_WATER, Stream


@pytest.fixture
def ends():
    """A channel, and the socket of its client."""
    loop = Loop()
    ours, theirs = socket.socketpair()
    server = SimpleNamespace(
        loop=loop, now=100.0, scheme="http", settings=ServerSettings()
    )
    channel = Channel(server, Stream(ours, loop), None)
    theirs.settimeout(10)
    with theirs:
        yield channel, theirs
        channel.stream.abort()
    loop.close()


async def pieces(*each):
    for piece in each:
        yield piece


def test_nothing_is_sent_to_a_client_that_is_gone(ends):
    channel, theirs = ends
    channel._send(b"")
    channel._send(b"one")
    channel.stream.abort()
    channel._send(b"two")
    assert theirs.recv(100) == b"one"
    assert theirs.recv(100) == b""


@pytest.mark.parametrize(
    ("length", "chunked", "sent"),
    [
        (5, False, b"head:abcde"),
        (None, False, b"head:abcde"),
        (None, True, b"head:3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n"),
    ],
)
def test_an_iterator_is_sent_after_its_head(ends, length, chunked, sent):
    channel, theirs = ends
    body = pieces(b"abc", b"", b"de")
    channel.server.loop.run(channel._copy(b"head:", body, length, chunked))
    assert theirs.recv(100) == sent


def test_a_body_that_never_waits_lets_the_others_have_their_turn(ends):
    channel, _ = ends
    loop = channel.server.loop
    swift = SimpleNamespace(unsent=0, closed=False, write=lambda data: False)
    channel.stream, stream = swift, channel.stream
    turns = []
    watch = loop.spawn(count(turns))
    loop.run(channel._copy(b"", pieces(*[b"x" * 10_000] * 100), None, False))
    assert len(turns) >= 1_000_000 // (HIGH_WATER + 10_000)
    watch.cancel()
    channel.stream = stream


async def count(turns):
    while True:
        turns.append(1)
        await let_others_run()


@pytest.mark.parametrize("length", [4, 6])
def test_a_body_of_another_length_is_an_error_and_closed(ends, length):
    channel, _ = ends
    body = pieces(b"abc", b"de")
    with pytest.raises(ValueError, match=f"a body of {length} bytes"):
        channel.server.loop.run(channel._copy(b"head:", body, length, False))
    assert body.ag_frame is None


def test_who_reads_slowly_gets_more_time_as_long_as_it_reads(ends):
    channel, theirs = ends
    channel._wait(5, Channel._abort)
    assert channel.deadline == 105
    channel._send(b"x" * 10_000_000)
    patience = channel.server.settings.write_timeout
    channel.server.now = 106
    channel.overdue()
    assert channel.deadline == 106 + patience
    theirs.recv(1 << 20)
    channel.stream._flush()
    channel.server.now = channel.deadline + 1
    channel.overdue()
    assert not channel.stream.closed
    channel.overdue()  # and nothing was read
    assert channel.stream.closed
    assert channel.deadline == inf


def test_addresses(ends):
    channel, _ = ends
    assert channel.local == channel.stream.sock.getsockname()
    assert (channel.scheme, channel.remote) == ("http", None)
