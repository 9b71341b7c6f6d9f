"""WebSockets over streams and as handlers, against a peer that we move by hand."""

import logging
import socket

import pytest

from dustdevil.coroutine import CancelledError, current_scheduler, let_others_run
from dustdevil.stream import Stream
from dustdevil.sync import gather, sleep, timeout
from dustdevil.web import Application
from dustdevil.websocket import (
    BINARY,
    CLOSE,
    PING,
    PONG,
    TEXT,
    Closed,
    ConnectionClosed,
    Deflate,
    Ping,
    Pong,
    WebSocket,
    WebSocketSettings,
    accept_key,
    frame,
    websocket,
)
from dustdevil.websocket.connection import converse
from dustdevil.websocket.frames import FRAGMENT_SIZE
from support.asking import ask, header
from support.websocket_peer import PATIENT, Peer, masked


@pytest.fixture
def run(loop):
    """Run a coroutine function, and hang up when it takes too long."""

    def run(main):
        async def limited():
            async with timeout(20):
                return await main()

        return loop.run(limited())

    return run


@pytest.fixture
def sockets():
    ours, theirs = socket.socketpair()
    yield ours, theirs
    ours.close()
    theirs.close()


def open_pair(sockets, settings=PATIENT):
    """Our side, and the peer's by hand. Call it inside of the loop."""
    ours, theirs = sockets
    return WebSocket(Stream(ours), settings), Peer(theirs)


# Messages


def test_two_of_ours_talk(run, sockets):
    async def main():
        server = WebSocket(Stream(sockets[0]))
        client = WebSocket(Stream(sockets[1]), client=True)

        async def echo():
            async for message in server:
                await server.send(message)

        async def talk():
            answers = []
            for message in ("text €", b"\0\xff", "", b"", "x" * 70_000, b"y" * 900_000):
                await client.send(message)
                answers.append(await client.receive() == message)
            await client.close(4000, "enough")
            return answers

        _, answers = await gather(echo(), talk())
        assert all(answers)
        assert (server.close_code, server.close_reason) == (4000, "enough")
        assert client.close_code == 4000

    run(main)


def test_what_came_with_the_handshake_is_not_lost(run, sockets):
    async def main():
        stream = Stream(sockets[0])
        stream.pause_reading()
        stream.pushback(masked(TEXT, b"early") + masked(TEXT, b"bird")[:3])
        ws, peer = WebSocket(stream, PATIENT), Peer(sockets[1])
        peer.send(masked(TEXT, b"bird")[3:])
        assert await ws.receive() == "early"
        assert await ws.receive() == "bird"

    run(main)


def test_messages_before_a_close_are_received(run, sockets):
    async def main():
        ws, peer = open_pair(sockets)
        peer.send(
            masked(TEXT, b"one"), masked(TEXT, b"two"), masked(CLOSE, b"\x03\xe9")
        )
        assert [message async for message in ws] == ["one", "two"]
        with pytest.raises(ConnectionClosed) as caught:
            await ws.receive()
        assert caught.value.code == 1001

    run(main)


def test_one_coroutine_receives_at_once(run, sockets):
    async def main():
        ws, peer = open_pair(sockets)

        async def second():
            with pytest.raises(RuntimeError, match="somebody else"):
                await ws.receive()
            peer.send(masked(TEXT, b"for the first"))

        first, _ = await gather(ws.receive(), second())
        assert first == "for the first"

    run(main)


def test_what_was_asked_before_a_close_is_answered_before_it(run, sockets):
    async def main():
        for farewell in (masked(CLOSE, b"\x03\xe8"), frame(TEXT, b"not masked")):
            ours, theirs = socket.socketpair()
            ws, peer = open_pair((ours, theirs))
            peer.send(masked(TEXT, b"one"), masked(TEXT, b"two"), farewell)
            async for message in ws:
                await ws.send(message)
            assert await peer.event() == "one"
            assert await peer.event() == "two"
            assert (await peer.event()).code == ws.close_code
            assert await peer.event() is None
            peer.stream.close()
            await ws.close()

    run(main)


def test_a_handler_may_leave_what_came_before_a_close(run, sockets):
    async def main():
        ws, peer = open_pair(sockets)
        peer.send(*[masked(TEXT, b"x")] * 40, masked(CLOSE, b"\x03\xe8"))
        await ws.receive()

        async def answer():
            assert await peer.event() == Closed(1000, "")
            assert await peer.event() is None
            peer.stream.close()

        await gather(ws.close(4000), answer())
        assert ws.close_code == 1000

    run(main)


def test_a_handler_that_never_reads_does_not_keep_a_peer_that_left(run, sockets):
    async def main():
        settings = WebSocketSettings(ping_interval=None, close_timeout="20 ms")
        ws, peer = open_pair(sockets, settings)
        peer.send(masked(TEXT, b"x"), masked(CLOSE, b"\x03\xe8"))
        await ws._gone
        assert await ws.receive() == "x"
        with pytest.raises(ConnectionClosed) as caught:
            await ws.receive()
        assert caught.value.code == 1000

    run(main)


# Pings


def test_pings_are_answered_while_the_handler_does_nothing(run, sockets):
    async def main():
        _ws, peer = open_pair(sockets)
        peer.send(masked(PING, b"there?"), masked(PING, b""))
        assert await peer.event() == Pong(b"there?")
        assert await peer.event() == Pong(b"")

    run(main)


def test_our_pings_come_back(run, sockets):
    async def main():
        ws, peer = open_pair(sockets)

        async def answer():
            pings = [await peer.event() for _ in range(3)]
            peer.send(masked(PONG, b"unasked"))
            # The pong for the second answers the first as well.
            peer.send(masked(PONG, pings[1].payload), masked(PONG, pings[2].payload))

        *times, _ = await gather(ws.ping(), ws.ping(), ws.ping(), answer())
        assert all(0 <= time < 20 for time in times)

    run(main)


def test_a_ping_that_is_never_answered_ends_with_the_connection(run, sockets):
    async def main():
        ws, peer = open_pair(sockets)

        async def vanish():
            assert isinstance(await peer.event(), Ping)
            peer.stream.abort()

        async def ask():
            with pytest.raises(ConnectionClosed) as caught:
                await ws.ping()
            assert caught.value.code == 1006
            with pytest.raises(ConnectionClosed):
                await ws.ping()

        await gather(ask(), vanish())

    run(main)


def test_a_silent_peer_is_hung_up_on(run, sockets):
    async def main():
        ws, peer = open_pair(sockets, WebSocketSettings(ping_interval="1 h"))
        # A sign of life is an answer to the ping, or anything else.
        for reply in (masked(PONG), masked(TEXT, b"busy")):
            ws._keep_alive()  # as the timer does, hour after hour
            assert await peer.event() == Ping(b"")
            peer.send(reply)
            while not ws._heard:
                await sleep(0)
        assert await ws.receive() == "busy"
        ws._keep_alive()
        ws._keep_alive()
        with pytest.raises(ConnectionClosed) as caught:
            await ws.receive()
        assert caught.value.code == 1006

    run(main)


def test_a_peer_that_reads_slowly_is_no_silent_one(run, sockets):
    """Our ping would come to it last of all: it can't answer, and is alive."""

    async def main():
        ours, theirs = sockets
        ws = WebSocket(Stream(ours), WebSocketSettings(ping_interval="1 h"))
        sent = ws._stream
        sending = ws._loop.spawn(ws.send(bytes(900_000)))
        await sleep(0)
        before = sent.unsent
        assert before > 500_000
        ws._keep_alive()
        for _ in range(3):  # hour after hour it takes some
            while sent.unsent == before:
                theirs.recv(10_000)
                await sleep(0)
            assert sent.unsent < before
            before = sent.unsent
            ws._keep_alive()
            assert not sent.closed
            assert sent.unsent == before  # no ping is put behind all that
        ws._keep_alive()  # and now it took nothing
        assert sent.closed
        with pytest.raises(ConnectionClosed):
            await sending

    run(main)


def test_bombs_wait_in_their_compressed_form(run, sockets):
    async def main():
        size, many = 1 << 20, 40
        bomb = Deflate({}, client=True).compress(bytes(size))
        stream = Stream(sockets[0])
        deflate = Deflate({"client_no_context_takeover": None})
        settings = WebSocketSettings(ping_interval=None, max_waiting=4)
        ws = WebSocket(stream, settings, deflate=deflate)
        peer = Peer(sockets[1])
        peer.send(*[masked(BINARY | 0x40, bomb) for _ in range(many)])
        peer.send(masked(TEXT, b"end"))
        for _ in range(many):
            assert len(await ws.receive()) == size
            assert len(ws._waiting) <= 4
        assert await ws.receive() == "end"
        assert not ws._paused

    run(main)


def test_room_to_send_is_a_sign_of_life(run, sockets):
    async def main():
        ws, peer = open_pair(sockets)
        ws._heard = False
        message = bytes(900_000)
        _, event = await gather(ws.send(message), peer.event())
        assert event == message
        assert ws._heard

    run(main)


def test_pings_of_our_own_are_sent_by_the_clock(run, sockets):
    async def main():
        _, peer = open_pair(sockets, WebSocketSettings(ping_interval="1 ms"))
        assert await peer.event() == Ping(b"")

    run(main)


# Closing


def test_we_close_and_wait_for_the_answer(run, sockets):
    async def main():
        ws, peer = open_pair(sockets)

        async def answer():
            assert await peer.event() == Closed(1000, "bye")
            peer.send(masked(TEXT, b"too late"), masked(CLOSE, b"\x03\xe8"))
            # We have shut our half down: a peer reads the end, then closes.
            assert await peer.event() is None
            peer.stream.close()

        await gather(ws.close(reason="bye"), answer())
        assert ws.close_code == 1000
        for use in (ws.receive, lambda: ws.send("x")):
            with pytest.raises(ConnectionClosed):
                await use()
        await ws.close()  # a second time does no harm

    run(main)


def test_the_peer_closes(run, sockets):
    async def main():
        ws, peer = open_pair(sockets)
        peer.send(masked(CLOSE, b"\x0f\xa0why"))
        assert await peer.event() == Closed(4000, "")
        assert await peer.event() is None
        with pytest.raises(ConnectionClosed) as caught:
            await ws.send("x")
        assert (caught.value.code, caught.value.reason) == (4000, "why")
        peer.stream.close()
        await ws.close()

    run(main)


def test_a_peer_that_does_not_answer_our_close(run, sockets):
    async def main():
        settings = WebSocketSettings(ping_interval=None, close_timeout="20 ms")
        ws, _peer = open_pair(sockets, settings)
        await ws.close()
        assert ws.close_code == 1006

    run(main)


def test_a_peer_that_closes_and_stays(run, sockets):
    async def main():
        settings = WebSocketSettings(ping_interval=None, close_timeout="20 ms")
        ws, peer = open_pair(sockets, settings)
        peer.send(masked(CLOSE))
        assert [message async for message in ws] == []
        await ws.close()
        assert ws.close_code == 1005

    run(main)


def test_messages_while_we_close_do_not_block_the_close(run, sockets):
    async def main():
        settings = WebSocketSettings(ping_interval=None, max_waiting=1)
        ws, peer = open_pair(sockets, settings)
        peer.send(*[masked(TEXT, b"x")] * 50)
        await ws.receive()

        async def answer():
            assert isinstance(await peer.event(), Closed)
            peer.send(*[masked(TEXT, b"x")] * 50, masked(CLOSE, b"\x03\xe8"))
            assert await peer.event() is None
            peer.stream.close()

        await gather(ws.close(), answer())
        assert ws.close_code == 1000

    run(main)


@pytest.mark.parametrize("how", ["close", "abort"])
def test_an_end_without_a_close_frame(run, sockets, how):
    async def main():
        ws, peer = open_pair(sockets)
        getattr(peer.stream, how)()
        with pytest.raises(ConnectionClosed) as caught:
            await ws.receive()
        assert caught.value.code == 1006
        with pytest.raises(ConnectionClosed):
            await ws.send("x")

    run(main)


# A text that is compressed in many pieces, and does not repeat itself.
LARGE = "".join(f"{number * 7919:x}," for number in range(100_000))


def open_deflated(sockets):
    ws = WebSocket(Stream(sockets[0]), PATIENT, deflate=Deflate({}))
    peer = Peer(sockets[1])
    peer.protocol.deflate = Deflate({}, client=True)
    return ws, peer


async def half_sent(ws):
    """A task that has sent a part of LARGE."""
    sending = current_scheduler().spawn(ws.send(LARGE))
    for _ in range(4):
        await let_others_run()
    return sending


def test_others_have_their_turn_while_a_large_message_is_compressed(run, sockets):
    async def main():
        ws, peer = open_deflated(sockets)
        turns = 0

        async def others():
            nonlocal turns
            while True:
                await let_others_run()
                turns += 1

        spawn = current_scheduler().spawn
        beside, sending = spawn(others()), spawn(ws.send(LARGE))
        peer.send(masked(PING, b"meanwhile"))
        while ws._sending is None:
            await let_others_run()
        await ws._sending
        assert turns >= len(LARGE) // FRAGMENT_SIZE
        beside.cancel()
        assert await peer.event() == Pong(b"meanwhile")
        assert await peer.event() == LARGE
        await sending

    run(main)


def test_large_messages_keep_their_order_and_small_ones_wait_for_them(run, sockets):
    async def main():
        ws, peer = open_deflated(sockets)
        messages = [LARGE, "small", LARGE[::-1], "x" * 300, b"last"]
        spawn = current_scheduler().spawn
        sending = [spawn(ws.send(message)) for message in messages]
        assert [await peer.event() for _ in messages] == messages
        for one in sending:
            await one
        await ws.send("and now as ever")
        assert ws._sending is None
        assert await peer.event() == "and now as ever"

    run(main)


def test_who_is_cancelled_while_sending_leaves_no_half_of_a_message(run, sockets):
    async def main():
        ws, peer = open_deflated(sockets)
        sending = await half_sent(ws)
        assert sending.cancel()
        with pytest.raises(CancelledError):
            await sending
        following = current_scheduler().spawn(ws.send("next"))
        assert await peer.event() == LARGE
        assert await peer.event() == "next"
        await following

    run(main)


def test_a_large_message_that_cannot_be_sent_is_its_senders_matter(run, sockets):
    async def main():
        ws, peer = open_deflated(sockets)
        spawn = current_scheduler().spawn
        wrong, right = (
            spawn(ws.send("\ud800" * FRAGMENT_SIZE * 2)),
            spawn(ws.send(LARGE)),
        )
        with pytest.raises(UnicodeEncodeError):
            await wrong
        assert await peer.event() == LARGE
        await right

    run(main)


def test_a_large_message_to_nobody(run, sockets):
    async def main():
        ws, peer = open_deflated(sockets)
        sending = await half_sent(ws)
        ws._stream.abort()
        with pytest.raises(ConnectionClosed):
            await sending
        peer.stream.close()

    run(main)


def test_an_end_that_came_before_we_did(run, sockets):
    async def main():
        stream, peer = Stream(sockets[0]), Peer(sockets[1])
        peer.stream.close()
        assert await stream.read() == b""
        assert [message async for message in WebSocket(stream, PATIENT)] == []
        stream.abort()
        ws = WebSocket(stream, PATIENT)
        await ws.close()
        assert ws.close_code == 1006

    run(main)


def test_a_peer_that_ends_and_does_not_read(run, sockets):
    async def main():
        settings = WebSocketSettings(ping_interval=None, close_timeout="20 ms")
        ws, peer = open_pair(sockets, settings)
        peer.stream.pause_reading()
        ws._stream.write(ws._protocol.message(bytes(10**7)))
        peer.stream.write_eof()
        assert [message async for message in ws] == []
        await ws.close()
        assert ws.close_code == 1006

    run(main)


def test_a_ping_just_before_a_close_is_answered(run, sockets):
    async def main():
        _ws, peer = open_pair(sockets)
        peer.send(masked(PING, b"last"), masked(CLOSE, b"\x03\xe8"))
        assert await peer.event() == Pong(b"last")
        assert await peer.event() == Closed(1000, "")
        assert await peer.event() is None

    run(main)


def test_a_violation_is_told_and_the_connection_ended(run, sockets):
    async def main():
        ws, peer = open_pair(sockets)
        peer.send(masked(TEXT, b"fine"), masked(TEXT, b"\xff"), masked(TEXT, b"more"))
        assert await ws.receive() == "fine"
        with pytest.raises(ConnectionClosed) as caught:
            await ws.receive()
        assert caught.value.code == 1007
        assert (await peer.event()).code == 1007
        assert await peer.event() is None

    run(main)


# Backpressure


def test_a_slow_handler_makes_the_peer_wait(run, sockets):
    async def main():
        ws, peer = open_pair(sockets)
        message = masked(BINARY, bytes(50_000))
        total = 200
        for _ in range(total):
            peer.send(message)
        while ws._waiting is None or len(ws._waiting) < PATIENT.max_waiting:
            await sleep(0)
        # The rest waits in the kernel, and with the peer.
        for _ in range(20):
            await sleep(0)
        assert len(ws._waiting) <= PATIENT.max_waiting + 2
        assert peer.stream.unsent > 5_000_000
        for _ in range(total):
            assert len(await ws.receive()) == 50_000
        peer.send(masked(PING, b"and on"))
        assert await peer.event() == Pong(b"and on")

    run(main)


def test_who_made_the_peer_wait_reads_on_when_half_is_received(run, sockets):
    async def main():
        settings = WebSocketSettings(ping_interval=None, max_waiting=4)
        ws, peer = open_pair(sockets, settings)
        peer.send(masked(TEXT, b"x") * 4)
        while len(ws._waiting) < 4:
            await sleep(0)
        waits = []
        while ws._waiting:
            waits.append(ws._paused)
            await ws.receive()
        assert waits == [True, True, True, False]

    run(main)


def test_send_waits_for_a_slow_peer(run, sockets):
    async def main():
        ws, peer = open_pair(sockets)
        sent = 0

        async def send():
            nonlocal sent
            for _ in range(100):
                await ws.send(bytes(100_000))
                sent += 1

        async def read_late():
            before = -1
            while sent != before:
                before = sent
                for _ in range(5):
                    await sleep(0)
            assert sent < 10
            for _ in range(100):
                assert len(await peer.event()) == 100_000

        await gather(send(), read_late())

    run(main)


def test_a_peer_that_pings_and_never_reads(run, sockets):
    async def main():
        ws, peer = open_pair(sockets)
        # Pings that fill the buffers of both directions many times over.
        pings = masked(PING, bytes(125)) * 100_000
        peer.send(pings)
        for _ in range(200):
            await sleep(0)
        assert ws._stream.unsent < 500_000
        for _ in range(100_000):
            await peer.event()
        peer.send(masked(TEXT, b"still here"))
        assert await ws.receive() == "still here"

    run(main)


# Handlers


def converse_with(run, sockets, handler, talk):
    """Run a handler on one side, and `talk(peer)` on the other."""

    async def main():
        ws, peer = open_pair(sockets)
        await gather(converse(ws, handler(ws)), talk(peer))
        return ws

    return run(main)


async def hang_up(peer, code):
    """Answer the Close that comes, and close."""
    event = await peer.event()
    assert isinstance(event, Closed)
    assert event.code == code
    peer.send(masked(CLOSE, code.to_bytes(2, "big")))
    assert await peer.event() is None
    peer.stream.close()


def test_a_handler_that_returns_closes(run, sockets):
    async def handler(ws):
        await ws.send("hello")

    async def talk(peer):
        assert await peer.event() == "hello"
        await hang_up(peer, 1000)

    converse_with(run, sockets, handler, talk)


def test_a_handler_that_fails_closes_with_1011(run, sockets, caplog):
    async def handler(ws):
        raise RuntimeError("a secret")

    async def talk(peer):
        event = await peer.event()
        assert event == Closed(1011, "")
        peer.send(masked(CLOSE, b"\x03\xf3"))
        peer.stream.close()

    with caplog.at_level(logging.ERROR):
        converse_with(run, sockets, handler, talk)
    assert "a secret" in caplog.text


def test_a_handler_whose_peer_leaves_ends_quietly(run, sockets, caplog):
    async def handler(ws):
        while True:
            await ws.send("news")
            await sleep(0)

    async def talk(peer):
        assert await peer.event() == "news"
        peer.send(masked(CLOSE, b"\x03\xe9"))
        while await peer.event() is not None:
            pass
        peer.stream.close()

    converse_with(run, sockets, handler, talk)
    assert not caplog.records


def test_a_handler_that_is_cancelled_says_that_we_go_away(run, sockets, loop):
    async def main():
        ws, peer = open_pair(sockets)
        task = loop.spawn(converse(ws, ws.receive()))
        await sleep(0)
        task.cancel()
        await hang_up(peer, 1001)
        with pytest.raises(CancelledError):
            await task

    run(main)


# The opening handshake

HANDSHAKE = (
    "Upgrade: websocket",
    "Connection: Upgrade",
    "Sec-WebSocket-Version: 13",
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
)


def handshake(*fields, target="/chat", method="GET", **options):
    """The response to a handshake; a field replaces the usual one of its name."""
    app = Application()

    @app.get("/chat")
    @app.post("/chat")
    @websocket(**options)
    async def chat(request, ws):
        """Chat."""

    assert chat.__doc__ == "Chat."
    given = {field.split(":")[0].lower() for field in fields}
    usual = [field for field in HANDSHAKE if field.split(":")[0].lower() not in given]
    fields = [field for field in fields if not field.endswith(": -")]
    return ask(app, target, *usual, *fields, method=method)


def test_the_handshake_of_the_rfc():
    assert accept_key("dGhlIHNhbXBsZSBub25jZQ==") == "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="
    response = handshake()
    assert response.status == 101
    assert response.upgrade is not None
    assert header(response, "upgrade") == ["websocket"]
    assert header(response, "sec-websocket-accept") == ["s3pPLMBiTxaQ9kYGzzhZRbK+xOo="]
    assert header(response, "sec-websocket-protocol") == []
    assert header(response, "sec-websocket-extensions") == []


def test_names_have_no_case_and_lists_are_lists():
    response = handshake("UPGRADE: h2c, WebSocket", "connection: keep-alive, upgrade")
    assert response.status == 101


@pytest.mark.parametrize(
    "fields",
    [
        ["Upgrade: -"],
        ["Upgrade: h2c"],
        ["Upgrade: websockets"],
        ["Connection: -"],
        ["Connection: keep-alive"],
    ],
)
def test_a_request_for_something_else_is_told_what_is_here(fields):
    response = handshake(*fields)
    assert response.status == 426
    assert header(response, "upgrade") == ["websocket"]


@pytest.mark.parametrize(
    ("offers", "bits", "status", "answer"),
    [
        (["x, permessage-deflate"], 15, 101, ["permessage-deflate"]),
        (["x", "permessage-deflate"], 15, 101, ["permessage-deflate"]),
        (["permessage-deflate"], 10, 101,
         ["permessage-deflate; server_max_window_bits=10"]),
        (["permessage-deflate"], None, 101, []),
        (["permessage-deflate; shiny"], 15, 101, []),
        (["permessage-deflate; ="], 15, 400, []),
    ],
)  # fmt: skip
def test_compression_in_the_handshake(offers, bits, status, answer):
    fields = [f"Sec-WebSocket-Extensions: {offer}" for offer in offers]
    response = handshake(*fields, deflate_bits=bits)
    assert response.status == status
    assert header(response, "sec-websocket-extensions") == answer


@pytest.mark.parametrize("method", ["HEAD", "POST"])
def test_only_get_opens_a_websocket(method):
    assert handshake(method=method).status == 426


@pytest.mark.parametrize("version", ["-", "8", "12", "14", "013", "13, 8", "x"])
def test_only_version_13(version):
    response = handshake(f"Sec-WebSocket-Version: {version}")
    assert response.status == 426
    assert header(response, "sec-websocket-version") == ["13"]


@pytest.mark.parametrize(
    "key",
    [
        "-",
        "",
        "short",
        "dGhlIHNhbXBsZSBub25jZQ=",
        "dGhlIHNhbXBsZSBub25jZQ",
        "dGhlIHNhbXBsZSBub25jZSE=",
        "dGhlIHNhbXBsZSBub25j*Q==",
        "dGhlIHNhbXBsZSBub25jZQ==, dGhlIHNhbXBsZSBub25jZQ==",
    ],
)
def test_a_key_is_sixteen_bytes(key):
    assert handshake(f"Sec-WebSocket-Key: {key}").status == 400


def test_two_keys_are_none():
    twice = "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=="
    assert handshake(twice, twice).status == 400


@pytest.mark.parametrize(
    ("offered", "chosen"),
    [
        (["superchat, chat"], ["superchat"]),
        (["nothing,chat"], ["chat"]),
        (["nothing", "chat", "superchat"], ["chat"]),
        (["Chat"], []),
        (["nothing"], []),
        ([""], []),
        ([], []),
    ],
)
def test_subprotocols(offered, chosen):
    fields = [f"Sec-WebSocket-Protocol: {item}" for item in offered]
    response = handshake(*fields, protocols=("chat", "superchat"))
    assert response.status == 101
    assert header(response, "sec-websocket-protocol") == chosen


@pytest.mark.parametrize(
    ("origin", "options", "status"),
    [
        (None, {}, 101),
        ("http://example.org", {}, 101),
        ("https://EXAMPLE.org", {}, 101),
        ("http://example.org:81", {}, 403),
        ("http://evil.example", {}, 403),
        ("http://example.org.evil.example", {}, 403),
        ("null", {}, 403),
        ("", {}, 403),
        ("http://[", {}, 403),
        ("http://a.example", {"origins": ["http://a.example"]}, 101),
        ("http://example.org", {"origins": ["http://a.example"]}, 403),
        ("http://evil.example", {"origins": "*"}, 101),
        ("http://x", {"origins": lambda request, origin: origin == "http://x"}, 101),
        ("http://y", {"origins": lambda request, origin: origin == "http://x"}, 403),
    ],
)
def test_origins(origin, options, status):
    fields = [] if origin is None else [f"Origin: {origin}"]
    assert handshake(*fields, **options).status == status


def test_a_str_is_no_collection_of_origins_or_protocols():
    for options in ({"origins": "http://a.example"}, {"protocols": "chat"}):
        with pytest.raises(TypeError, match="collections"):
            websocket(**options)
