"""The contract of dustdevil.stream, on real sockets."""

import errno
import os
import socket
import ssl
import subprocess

import pytest

from dustdevil.coroutine import let_others_run
from dustdevil.stream import (
    CHUNK,
    HIGH_WATER,
    LOW_WATER,
    LimitExceeded,
    Listener,
    Stream,
    StreamClosed,
    TLSStream,
    connect,
    listen,
)


@pytest.fixture
def pair(loop):
    """A stream on our loop, and the blocking socket at its other end."""
    ours, theirs = socket.socketpair()
    stream = Stream(ours, loop)
    theirs.settimeout(10)
    yield stream, theirs
    stream.abort()
    theirs.close()


def turns(loop, number=3):
    for _ in range(number):
        loop.call_soon(lambda: None)
        loop.turn()


# Reading


def test_read_returns_what_is_there(loop, pair):
    stream, peer = pair
    peer.send(b"hello")

    async def main():
        first = await stream.read(2)
        return first, await stream.read()

    assert loop.run(main()) == (b"he", b"llo")


def test_read_waits_and_ends_with_the_stream(loop, pair):
    stream, peer = pair

    async def main():
        got = []
        while data := await stream.read():
            got.append(data)
        return b"".join(got), await stream.read()

    loop.call_later(0, peer.send, b"late")
    loop.call_later(0.01, peer.shutdown, socket.SHUT_WR)
    assert loop.run(main()) == (b"late", b"")
    assert stream.eof


@pytest.mark.parametrize("size", [1, 2, 3, 5, 100])
def test_the_methods_see_through_any_cutting(loop, pair, size):
    stream, peer = pair
    data = b"line one\r\nline two\r\n0123456789tail"

    def feed(start=0):
        if start < len(data):
            peer.send(data[start : start + size])
            loop.call_soon(feed, start + size)

    async def main():
        return [
            await stream.read_until(b"\r\n"),
            await stream.read_until(b"\r\n"),
            await stream.read_exactly(10),
            await stream.read_exactly(4),
        ]

    loop.call_soon(feed)
    assert loop.run(main()) == [
        b"line one\r\n",
        b"line two\r\n",
        b"0123456789",
        b"tail",
    ]


def test_read_until_has_a_limit_and_consumes_nothing_then(loop, pair):
    stream, peer = pair

    async def main(limit):
        return await stream.read_until(b"\n", limit)

    peer.send(b"12345\nrest")
    with pytest.raises(LimitExceeded):
        loop.run(main(5))
    assert loop.run(main(6)) == b"12345\n"
    with pytest.raises(LimitExceeded):
        loop.run(main(4))
    assert loop.run(stream.read()) == b"rest"


def test_an_end_too_early_is_an_eof_error(loop, pair):
    stream, peer = pair
    peer.send(b"half")
    peer.close()
    with pytest.raises(EOFError, match="4 bytes of 5"):
        loop.run(stream.read_exactly(5))
    with pytest.raises(EOFError):
        loop.run(stream.read_until(b"\n"))
    assert loop.run(stream.read()) == b"half"


def test_two_readers_are_refused(loop, pair):
    stream, _ = pair

    async def main():
        task = loop.spawn(stream.read())
        await let_others_run()
        with pytest.raises(RuntimeError, match="somebody else"):
            await stream.read()
        task.cancel()

    loop.run(main())


def test_a_cancelled_read_loses_nothing(loop, pair):
    stream, peer = pair

    async def main():
        task = loop.spawn(stream.read())
        await let_others_run()
        task.cancel()
        await let_others_run()
        peer.send(b"kept")
        return await stream.read()

    assert loop.run(main()) == b"kept"


def test_pushback_comes_first(loop, pair):
    stream, peer = pair
    peer.send(b"world")
    turns(loop)
    stream.pushback(b"hello ")
    assert loop.run(stream.read()) == b"hello world"


def test_data_can_be_pushed(loop, pair):
    stream, peer = pair
    got = []
    stream.on_data = got.append
    peer.send(b"one")
    turns(loop)
    peer.close()
    turns(loop)
    assert got == [b"one", b""]
    assert stream.eof


def test_the_end_of_the_stream_does_not_spin(loop, pair):
    stream, peer = pair
    peer.shutdown(socket.SHUT_WR)
    turns(loop)
    assert stream.eof
    assert loop.poller.poll(0) == []


def test_a_full_read_buffer_makes_the_peer_wait(loop, pair):
    stream, peer = pair
    peer.setblocking(False)
    sent = 0
    for _ in range(200):
        try:
            sent += peer.send(bytes(CHUNK))
        except BlockingIOError:
            turns(loop, 1)
    assert len(stream._in) < HIGH_WATER + CHUNK
    with pytest.raises(BlockingIOError):
        peer.send(b"x")

    async def main():
        received = 0
        while received < sent:
            received += len(await stream.read())
        return received

    assert loop.run(main()) == sent


def test_paused_reading_leaves_it_in_the_kernel(loop, pair):
    stream, peer = pair
    got = []
    stream.on_data = got.append
    stream.pause_reading()
    peer.send(b"later")
    turns(loop)
    assert got == []
    assert loop.poller.poll(0) == []
    stream.resume_reading()
    turns(loop)
    assert got == [b"later"]


# Writing


class CountedSends:
    """A socket that notes what each `send()` took."""

    def __init__(self, sock):
        self._sock = sock
        self.sent = []

    def send(self, data):
        self.sent.append(bytes(data))
        return self._sock.send(data)

    def __getattr__(self, name):
        return getattr(self._sock, name)


def test_what_the_callbacks_of_a_turn_write_goes_out_after_them_in_one_call(loop, pair):
    stream, peer = pair
    stream.sock = CountedSends(stream.sock)
    first = b"one"

    def on_data(data):
        for piece in (first, b"", b"two"):
            stream.write(piece)
        stream.sock.sent.append("callback")

    stream.on_data = on_data
    peer.send(b"?")
    loop.turn()
    assert stream.sock.sent == ["callback", b"onetwo"]
    assert first == b"one"
    assert stream.unsent == 0
    assert peer.recv(100) == b"onetwo"


def test_a_buffer_may_be_used_again_at_once(loop, pair):
    stream, peer = pair
    buffer = bytearray(b"one")
    for view in (buffer, memoryview(buffer)):
        stream.write(view)
        buffer[:] = b"two"
    turns(loop, 1)
    assert peer.recv(100) == b"onetwo"


def test_what_the_last_step_writes_is_sent_though_the_loop_ends(loop, pair):
    stream, peer = pair

    async def last_step():
        stream.write(b"bye")

    loop.run(last_step())
    assert stream.unsent == 0
    assert peer.recv(100) == b"bye"


def test_much_goes_out_before_the_end_of_the_turn(pair):
    stream, peer = pair
    stream.write(b"x" * HIGH_WATER)
    peer.setblocking(False)
    with pytest.raises(BlockingIOError):
        peer.recv(1)
    stream.write(b"y")
    assert peer.recv(2 * HIGH_WATER) == b"x" * HIGH_WATER + b"y"
    assert stream.unsent == 0


@pytest.mark.parametrize("end", ["close", "abort", "write_eof"])
def test_what_was_written_in_this_turn_goes_out_before_the_end(pair, end):
    stream, peer = pair
    stream.write(b"last words")
    getattr(stream, end)()
    assert peer.recv(100) == b"last words"
    assert peer.recv(100) == b""


def test_what_does_not_fit_is_sent_later_and_in_order(loop, pair):
    stream, peer = pair
    data = os.urandom(1_000_000)
    for start in range(0, len(data), 300_000):
        stream.write(data[start : start + 300_000])
    assert stream.unsent > HIGH_WATER
    received = bytearray()
    peer.setblocking(False)
    while len(received) < len(data):
        try:
            received += peer.recv(CHUNK)
        except BlockingIOError:
            turns(loop, 1)
    assert received == data
    assert stream.unsent == 0
    assert stream._events == 1, "nobody waits for room any more"


def test_drain_waits_for_a_slow_reader(loop, pair):
    stream, peer = pair
    peer.setblocking(False)
    log = []

    async def writer():
        await stream.drain()
        log.append("empty buffer: no wait")
        stream.write(bytes(2_000_000))
        await stream.drain()
        log.append(stream.unsent)

    task = loop.spawn(writer())
    turns(loop)
    assert log == ["empty buffer: no wait"]
    while not task.done():
        try:
            peer.recv(CHUNK)
        except BlockingIOError:
            turns(loop, 1)
    assert log[1] <= LOW_WATER


def test_two_may_drain(loop, pair):
    stream, _ = pair

    async def main():
        stream.write(bytes(1_000_000))
        tasks = [loop.spawn(stream.drain()) for _ in range(2)]
        await let_others_run()
        stream.abort()
        for task in tasks:
            with pytest.raises(StreamClosed):
                await task

    loop.run(main())


def test_write_eof_comes_after_the_bytes_and_reading_goes_on(loop, pair):
    stream, peer = pair
    data = os.urandom(1_000_000)

    async def main():
        stream.write(data)
        stream.write_eof()
        with pytest.raises(StreamClosed):
            stream.write(b"more")
        return await stream.read()

    task = loop.spawn(main())
    received = bytearray()
    peer.setblocking(False)
    while True:
        try:
            piece = peer.recv(CHUNK)
        except BlockingIOError:
            turns(loop, 1)
            continue
        if not piece:
            break
        received += piece
    assert received == data
    peer.send(b"answer")
    loop.run_until(task.done)
    assert task.result() == b"answer"


def test_close_sends_the_rest_first(loop, pair):
    stream, peer = pair
    ended = []
    stream.on_close = ended.append
    data = os.urandom(1_000_000)
    stream.write(data)
    stream.close()
    assert not stream.closed
    with pytest.raises(StreamClosed):
        stream.write(b"more")
    received = bytearray()
    peer.setblocking(False)
    while True:
        try:
            piece = peer.recv(CHUNK)
        except BlockingIOError:
            turns(loop, 1)
            continue
        if not piece:
            break
        received += piece
    turns(loop)
    assert received == data
    assert stream.closed
    assert ended == [None]


def test_close_wakes_the_reader(loop, pair):
    stream, _ = pair

    async def main():
        task = loop.spawn(stream.read())
        await let_others_run()
        stream.close()
        with pytest.raises(StreamClosed):
            await task

    loop.run(main())
    stream.close()
    stream.abort()


def test_a_reset_is_told_to_the_reader_and_to_on_close(loop):
    [listening] = listen("127.0.0.1", 0)
    peer = socket.create_connection(listening.getsockname())
    ours, _ = listening.accept()
    listening.close()
    stream = Stream(ours, loop)
    errors = []
    stream.on_close = errors.append
    linger = (1).to_bytes(4, "little") + (0).to_bytes(4, "little")
    peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
    peer.close()
    with pytest.raises(StreamClosed) as caught:
        loop.run(stream.read())
    turns(loop)
    assert isinstance(caught.value.__cause__, ConnectionResetError)
    assert [type(error) for error in errors] == [ConnectionResetError]
    with pytest.raises(StreamClosed):
        stream.write(b"x")


def test_writing_to_a_peer_that_has_gone_ends_the_stream(loop, pair):
    stream, peer = pair
    errors = []
    stream.on_close = errors.append
    peer.close()
    stream.write(b"x")
    assert not stream.closed
    turns(loop, 1)
    assert stream.closed
    assert errors == []
    turns(loop)
    assert [type(error) for error in errors] == [BrokenPipeError]


# Connecting and listening


@pytest.fixture
def serve(loop):
    """Start a listener; in the end, close it and all that it accepted."""
    listeners, streams = [], []

    def start(on_connection, tls=None):
        def accepted(stream, address):
            streams.append(stream)
            on_connection(stream, address)

        listener = Listener(listen("127.0.0.1", 0), accepted, loop, tls)
        listeners.append(listener)
        return listener, listener.socks[0].getsockname()[1]

    yield start
    for each in listeners:
        each.close()
    for stream in streams:
        stream.abort()


def echo(loop):
    async def copy(stream):
        while data := await stream.read():
            stream.write(data)
            await stream.drain()
        stream.close()

    return lambda stream, address: loop.spawn(copy(stream))


async def converse(port, data, **options):
    stream = await connect("127.0.0.1", port, **options)
    stream.write(data)
    answer = await stream.read_exactly(len(data))
    stream.close()
    return answer


def test_a_conversation_over_tcp(loop, serve):
    listener, port = serve(echo(loop))
    data = os.urandom(500_000)
    assert loop.run(converse(port, data)) == data
    listener.close()
    listener.close()
    with pytest.raises(ConnectionRefusedError):
        loop.run(converse(port, b"x"))


def test_both_families_share_a_port():
    socks = listen("localhost", 0)
    assert len({sock.getsockname()[1] for sock in socks}) == 1
    assert len({sock.family for sock in socks}) == len(socks)
    for sock in socks:
        sock.close()


def test_a_port_in_use_is_an_error_and_leaves_nothing_open():
    [first] = listen("127.0.0.1", 0)
    before = len(os.listdir("/proc/self/fd"))
    with pytest.raises(OSError, match="in use") as caught:
        listen("127.0.0.1", first.getsockname()[1])
    assert caught.value.errno == errno.EADDRINUSE
    assert len(os.listdir("/proc/self/fd")) == before
    first.close()


def test_connect_takes_no_names(loop):
    with pytest.raises(ValueError, match="takes an address"):
        loop.run(connect("example.org", 80))


def test_no_descriptors_left_is_waited_out(loop, monkeypatch, caplog):
    accepted = []

    def on_connection(stream, address):
        accepted.append(stream)
        loop.stop()

    class Full:
        """A listening socket in a process that has no descriptor left, once."""

        def __init__(self, sock):
            self.sock, self.failures = sock, 1

        def __getattr__(self, name):
            return getattr(self.sock, name)

        def accept(self):
            if self.failures:
                self.failures -= 1
                raise OSError(errno.EMFILE, os.strerror(errno.EMFILE))
            return self.sock.accept()

    monkeypatch.setattr(Listener, "PAUSE", 0.01)
    [sock] = listen("127.0.0.1", 0)
    listener = Listener([Full(sock)], on_connection, loop)
    client = socket.create_connection(sock.getsockname())
    loop.run_forever()
    assert len(accepted) == 1
    assert caplog.text.count("can't accept") == 1
    client.close()
    accepted[0].abort()
    listener.close()


# TLS


@pytest.fixture(scope="session")
def certificate(tmp_path_factory):
    folder = tmp_path_factory.mktemp("tls")
    command = "openssl req -x509 -newkey rsa:2048 -nodes -days 1 -subj /CN=localhost"
    command += " -addext subjectAltName=DNS:localhost -keyout key.pem -out cert.pem"
    subprocess.run(command.split(), cwd=folder, check=True, capture_output=True)
    return folder


@pytest.fixture
def server_tls(certificate):
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate / "cert.pem", certificate / "key.pem")
    return context


@pytest.fixture
def client_tls(certificate):
    return ssl.create_default_context(cafile=certificate / "cert.pem")


def test_a_conversation_over_tls(loop, serve, server_tls, client_tls):
    listener, port = serve(echo(loop), server_tls)
    data = os.urandom(500_000)
    options = {"tls": client_tls, "server_hostname": "localhost"}
    assert loop.run(converse(port, data, **options)) == data
    listener.close()


def test_a_record_read_in_parts_needs_no_new_bytes(loop, serve, server_tls, client_tls):
    """One TLS record, read while paused in the middle: the rest still comes."""
    got = []

    def on_connection(stream, address):
        def on_data(data):
            got.append(data)
            stream.pause_reading()
            loop.call_soon(stream.resume_reading)
            if b"end" in data:
                loop.stop()

        stream.on_data = on_data

    listener, port = serve(on_connection, server_tls)

    async def main():
        stream = await connect("127.0.0.1", port, client_tls, "localhost")
        stream.write(bytes(40_000))
        stream.write(b"end")
        return stream

    task = loop.spawn(main())
    loop.run_forever()
    task.result().abort()
    assert len(b"".join(got)) == 40_003
    listener.close()


def test_a_wrong_certificate_is_refused(loop, serve, server_tls):
    listener, port = serve(echo(loop), server_tls)
    strict = ssl.create_default_context()
    with pytest.raises(ssl.SSLCertVerificationError):
        loop.run(converse(port, b"x", tls=strict, server_hostname="localhost"))
    turns(loop)
    listener.close()


def test_plain_text_on_a_tls_port_is_no_traceback(loop, serve, server_tls, caplog):
    reached = []
    listener, port = serve(lambda *args: reached.append(args), server_tls)
    client = socket.create_connection(("127.0.0.1", port))
    client.setblocking(False)
    client.send(b"GET / HTTP/1.1\r\n\r\n")
    while True:
        turns(loop, 1)
        try:
            if not client.recv(1000):
                break
        except BlockingIOError:
            continue
        except ConnectionResetError:
            break
    assert reached == []
    assert "Traceback" not in caplog.text
    client.close()
    listener.close()


def test_a_handshake_that_never_comes_is_given_up(loop, serve, server_tls, monkeypatch):
    monkeypatch.setattr(Listener, "HANDSHAKE", 0.01)
    listener, port = serve(lambda *args: pytest.fail("reached"), server_tls)
    client = socket.create_connection(("127.0.0.1", port))

    async def end():
        return await Stream(client).read()

    assert loop.run(end()) == b""
    client.close()
    listener.close()


def test_tls_is_a_stream():
    assert issubclass(TLSStream, Stream)
