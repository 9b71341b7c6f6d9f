"""The reverse proxy of the demos, between raw sockets that see every byte."""

import socket
import struct
import threading
from contextlib import suppress

import pytest
from websockets.sync.client import connect
from websockets.sync.server import serve

from demos.proxy import Proxy, Tunnel, end_to_end
from dustdevil.http import Headers, Server, ServerSettings
from dustdevil.loop import Loop
from dustdevil.stream import Stream
from support.serving import PATIENCE


class Front:
    """The proxy, on a loop in a thread of its own."""

    def __init__(self, upstream, **options):
        self.loop = Loop()
        proxy = Proxy(upstream, **options)
        settings = ServerSettings(max_body=None, last_call=0)
        self.server = Server(proxy, settings, self.loop)
        self.port = self.server.listen("127.0.0.1", 0)
        self.server.start()
        self.proxy = proxy
        self.thread = threading.Thread(target=self.loop.run_forever)
        self.thread.start()

    def connect(self):
        sock = socket.create_connection(("127.0.0.1", self.port), PATIENCE)
        return sock, sock.makefile("rb")

    def close(self):
        self.loop.call_from_thread(self._stop)
        self.thread.join(PATIENCE)
        assert not self.thread.is_alive()
        self.loop.close()

    def _stop(self):
        if "client" in vars(self.proxy):
            self.proxy.client.close()
        task = self.loop.spawn(self.server.stop(0))
        task.add_done_callback(lambda _: self.loop.stop())


class Behind:
    """The server behind: the test itself plays it, connection by connection."""

    def __init__(self):
        self.sock = socket.create_server(("127.0.0.1", 0))
        self.sock.settimeout(PATIENCE)
        self.url = f"http://127.0.0.1:{self.sock.getsockname()[1]}"
        self.open = []

    def accept(self):
        peer, _ = self.sock.accept()
        peer.settimeout(PATIENCE)
        file = peer.makefile("rb")
        self.open += [file, peer]
        return peer, file

    def close(self):
        for each in self.open:
            each.close()
        self.sock.close()


@pytest.fixture
def behind():
    one = Behind()
    yield one
    one.close()


@pytest.fixture
def front(behind):
    started = []

    def start(upstream=None, **options):
        started.append(Front(upstream or behind.url, **options))
        sock, file = started[-1].connect()
        started[-1].open = [file, sock]
        return sock, file

    yield start
    for one in started:
        for each in one.open:
            each.close()
        one.close()


def read_head(file):
    """A message's first line, and its fields: names in small letters."""
    first, fields = file.readline().decode().rstrip(), []
    while (line := file.readline().decode().rstrip()) != "":
        name, _, value = line.partition(": ")
        fields.append((name.lower(), value))
    return first, fields


def ask(sock, *lines, method="GET", target="/"):
    lines = (f"{method} {target} HTTP/1.1", "Host: shop.example", *lines, "", "")
    sock.sendall("\r\n".join(lines).encode())


OK = b"HTTP/1.1 200 OK\r\n"


def test_requests_and_answers_go_through_on_kept_connections(front, behind):
    sock, file = front()
    peer = None
    for number in range(3):
        ask(sock, target=f"/a%20b?n={number}&q=%22")
        if peer is None:
            peer, incoming = behind.accept()
        first, _ = read_head(incoming)
        assert first == f"GET /a%20b?n={number}&q=%22 HTTP/1.1"
        peer.sendall(OK + b"Content-Length: 2\r\nX-Own: 1\r\n\r\nhi")
        first, fields = read_head(file)
        assert first == "HTTP/1.1 200 OK"
        assert dict(fields)["x-own"] == "1"
        assert file.read(2) == b"hi"


def test_what_is_about_one_connection_stays_on_it(front, behind):
    sock, file = front()
    ask(sock, "Connection: X-Secret, keep-alive", "X-Secret: 1", "Keep-Alive: 5",
        "Proxy-Authorization: x", "TE: trailers", "Upgrade: websocket", "Kept: yes",
        "X-Forwarded-For: 8.8.8.8", "Forwarded: for=8.8.8.8")  # fmt: skip
    peer, incoming = behind.accept()
    _, fields = read_head(incoming)
    found = dict(fields)
    assert len(found) == len(fields)
    dropped = {"connection", "x-secret", "keep-alive", "te", "upgrade"}
    assert not (dropped | {"proxy-authorization", "transfer-encoding"}) & set(found)
    assert found["kept"] == "yes"
    assert found["host"] == behind.url.removeprefix("http://")
    assert found["x-forwarded-for"] == "127.0.0.1"
    assert found["x-forwarded-host"] == "shop.example"
    assert found["forwarded"] == 'for=127.0.0.1;host="shop.example";proto=http'
    assert found["via"] == "1.1 dustdevil"
    assert found["accept-encoding"] == "identity"
    peer.sendall(OK + b"Connection: X-Hop\r\nX-Hop: 1\r\nKeep-Alive: 9\r\n"
                 b"Content-Length: 0\r\n\r\n")  # fmt: skip
    _, fields = read_head(file)
    assert not {"x-hop", "keep-alive", "connection"} & set(dict(fields))


def test_the_clients_host_may_be_kept(front, behind):
    sock, _ = front(keep_host=True)
    ask(sock)
    _, incoming = behind.accept()
    assert dict(read_head(incoming)[1])["host"] == "shop.example"


def test_framing_is_made_anew(front, behind):
    """A chunk extension and a trailer end here, and so does the cutting into chunks."""
    sock, _ = front()
    ask(sock, "Transfer-Encoding: chunked", method="POST")
    sock.sendall(b"003;ext=1\r\nabc\r\n0\r\nX-Trailer: 1\r\n\r\n")
    _, incoming = behind.accept()
    _, fields = read_head(incoming)
    lengths = [f for f in fields if f[0] in ("content-length", "transfer-encoding")]
    assert lengths == [("transfer-encoding", "chunked")]
    assert incoming.read(13) == b"3\r\nabc\r\n0\r\n\r\n"


def test_what_could_be_two_requests_goes_nowhere(front, behind):
    sock, file = front()
    ask(sock, "Content-Length: 3", "Transfer-Encoding: chunked", method="POST")
    assert file.readline().startswith(b"HTTP/1.1 400")
    behind.sock.setblocking(False)
    with pytest.raises(BlockingIOError):
        behind.sock.accept()


def test_bodies_stream_both_ways(front, behind):
    """Each piece is seen on the other side before the next one is sent."""
    sock, file = front()
    ask(sock, "Content-Length: 6", method="POST")
    sock.sendall(b"one")
    peer, incoming = behind.accept()
    _, fields = read_head(incoming)
    assert dict(fields)["content-length"] == "6"
    assert incoming.read(3) == b"one"
    sock.sendall(b"two")
    assert incoming.read(3) == b"two"
    peer.sendall(OK + b"Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n")
    read_head(file)
    assert file.read(8) == b"3\r\nabc\r\n"
    peer.sendall(b"3\r\ndef\r\n0\r\n\r\n")
    assert file.read(13) == b"3\r\ndef\r\n0\r\n\r\n"


def fill(sock, size):
    """Send until nobody takes any more; return how many bytes were taken."""
    sent = 0
    with suppress(TimeoutError):
        while sent < size:
            sent += sock.send(bytes(65536))
    return sent


def test_a_slow_reader_holds_the_server_behind_back(front, behind):
    sock, file = front()
    ask(sock)
    peer, incoming = behind.accept()
    read_head(incoming)
    size = 64 * 1024 * 1024
    peer.sendall(OK + b"Content-Length: %d\r\n\r\n" % size)
    read_head(file)
    peer.settimeout(0.3)
    sent = fill(peer, size)
    assert sent < size / 2  # the buffers of four sockets and no more
    peer.settimeout(PATIENCE)
    rest = threading.Thread(target=peer.sendall, args=(bytes(size - sent),))
    rest.start()
    received = 0
    while received < size:
        received += len(file.read1(65536))
    rest.join(PATIENCE)
    assert received == size


CUT_OFF = [
    b"Content-Length: 10\r\n\r\nabc",
    b"Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n",
]


@pytest.mark.parametrize("head", CUT_OFF)
def test_a_body_that_breaks_off_breaks_off_here(front, behind, head):
    sock, file = front()
    ask(sock)
    peer, incoming = behind.accept()
    read_head(incoming)
    peer.sendall(OK + head)
    read_head(file)
    wanted = head.partition(b"\r\n\r\n")[2]
    assert file.read(len(wanted)) == wanted
    incoming.close()
    peer.close()
    try:
        rest = file.read()
    except ConnectionResetError:
        rest = b""
    assert rest == b""  # and no last chunk that would make it look whole


def test_head_keeps_its_length(front, behind):
    sock, file = front()
    ask(sock, method="HEAD")
    peer, incoming = behind.accept()
    read_head(incoming)
    peer.sendall(OK + b"Content-Length: 12345\r\n\r\n")
    assert dict(read_head(file)[1])["content-length"] == "12345"


def test_redirects_are_the_clients_matter(front, behind):
    sock, file = front()
    ask(sock)
    peer, incoming = behind.accept()
    read_head(incoming)
    peer.sendall(b"HTTP/1.1 302 Found\r\nLocation: /x\r\nContent-Length: 0\r\n\r\n")
    first, fields = read_head(file)
    assert first == "HTTP/1.1 302 Found"
    assert dict(fields)["location"] == "/x"


def test_nobody_behind(front):
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    sock, file = front(f"http://127.0.0.1:{port}")
    ask(sock)
    assert file.readline() == b"HTTP/1.1 502 Bad Gateway\r\n"


def test_nonsense_from_behind(front, behind):
    sock, file = front()
    ask(sock)
    peer, incoming = behind.accept()
    read_head(incoming)
    peer.sendall(b"SSH-2.0\r\n")
    assert file.readline() == b"HTTP/1.1 502 Bad Gateway\r\n"


def test_no_answer_in_time(front, behind):
    sock, file = front(timeout=0.05)
    ask(sock)
    behind.accept()
    assert file.readline() == b"HTTP/1.1 504 Gateway Timeout\r\n"


def test_requests_of_several_clients_go_side_by_side(front, behind):
    clients = [front() for _ in range(4)]
    for number, (sock, _) in enumerate(clients):
        ask(sock, target=f"/{number}")
    peers = {}
    for _ in clients:
        peer, incoming = behind.accept()
        peers[read_head(incoming)[0]] = peer
    for number, (_, file) in reversed(list(enumerate(clients))):
        peer = peers[f"GET /{number} HTTP/1.1"]
        peer.sendall(OK + b"Content-Length: 1\r\n\r\n%d" % number)
        read_head(file)
        assert file.read(1) == b"%d" % number


# WebSockets


def echo(ws):
    for message in ws:
        ws.send(message)


@pytest.fixture
def echo_server():
    """The server behind is the library `websockets`."""
    with serve(echo, "127.0.0.1", 0, compression="deflate") as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.socket.getsockname()[1]}"
        server.shutdown()
        thread.join(PATIENCE)


def test_a_websocket_goes_through(front, echo_server):
    sock, _ = front(echo_server)
    host, port = sock.getpeername()
    messages = ["hello", b"\0" * 300_000, "ü" * 70_000, ""]
    with connect(f"ws://{host}:{port}/echo") as ws:
        for message in messages:
            ws.send(message)
            assert ws.recv(PATIENCE) == message
        ws.ping().wait(PATIENCE)
        ws.close(4000, "enough")
        assert (ws.close_code, ws.close_reason) == (4000, "enough")


OFFER = "Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Key: x"
SWITCH = (
    b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade, X\r\nX: 1\r\n"
    b"Upgrade: WebSocket\r\nSec-WebSocket-Accept: y\r\n\r\n"
)


@pytest.fixture
def joined(front, behind):
    """Both ends of a tunnel: socket and file of the client, and of the server."""

    def start(**options):
        sock, file = front(**options)
        ask(sock, *OFFER)
        peer, incoming = behind.accept()
        read_head(incoming)
        peer.sendall(SWITCH)
        read_head(file)
        return sock, file, peer, incoming

    return start


def test_an_upgrade_is_asked_for_anew(front, behind):
    sock, file = front()
    ask(sock, "Connection: Upgrade, X-Secret", "X-Secret: 1", *OFFER[1:])
    sock.sendall(b"early")
    peer, incoming = behind.accept()
    _, fields = read_head(incoming)
    assert dict(fields)["upgrade"] == "websocket"
    assert [value for name, value in fields if name == "connection"] == ["Upgrade"]
    assert dict(fields)["sec-websocket-key"] == "x"
    assert "x-secret" not in dict(fields)
    peer.sendall(SWITCH + b"first")
    first, fields = read_head(file)
    assert first == "HTTP/1.1 101 Switching Protocols"
    assert dict(fields)["upgrade"] == "websocket"
    assert dict(fields)["connection"] == "Upgrade"
    assert dict(fields)["sec-websocket-accept"] == "y"
    assert "x" not in dict(fields)
    assert file.read(5) == b"first"
    assert incoming.read(5) == b"early"


@pytest.mark.parametrize("first", ["client", "server"])
def test_each_end_is_passed_on_by_itself(joined, first):
    sock, file, peer, incoming = joined()
    ends = [(sock, incoming), (peer, file)]
    one, other = ends if first == "client" else reversed(ends)
    one[0].sendall(b"last")
    one[0].shutdown(socket.SHUT_WR)
    assert one[1].read() == b"last"
    other[0].sendall(b"answer")
    other[0].shutdown(socket.SHUT_WR)
    assert other[1].read() == b"answer"


@pytest.mark.parametrize("first", ["client", "server"])
def test_who_dies_takes_the_other_along(joined, first):
    client, server = (ends := joined())[:2], ends[2:]
    dead, rest = (client, server) if first == "client" else (server, client)
    dead[0].sendall(b"last")
    assert rest[1].read(4) == b"last"
    # It ends with RST, as with unread data in the buffers of a process that is killed.
    linger = struct.pack("ii", 1, 0)
    dead[0].setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
    for each in reversed(dead):
        each.close()
    assert rest[1].read() == b""


def test_a_refusal_is_an_answer_like_others(front, behind):
    sock, file = front()
    ask(sock, *OFFER)
    peer, incoming = behind.accept()
    read_head(incoming)
    peer.sendall(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\n\r\nno")
    assert read_head(file)[0] == "HTTP/1.1 403 Forbidden"
    assert file.read(2) == b"no"
    ask(sock, target="/next")
    assert read_head(incoming)[0] == "GET /next HTTP/1.1"


def test_nobody_behind_a_websocket(front):
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    sock, file = front(f"http://127.0.0.1:{port}")
    ask(sock, *OFFER)
    assert file.readline() == b"HTTP/1.1 502 Bad Gateway\r\n"


@pytest.mark.parametrize(
    "answer", [SWITCH.replace(b"WebSocket", b"h2c"), SWITCH.replace(b"Upgrade:", b"A:")]
)
def test_a_switch_to_something_else_is_none(front, behind, answer):
    sock, file = front()
    ask(sock, *OFFER)
    peer, incoming = behind.accept()
    read_head(incoming)
    peer.sendall(answer)
    assert file.readline() == b"HTTP/1.1 502 Bad Gateway\r\n"
    assert incoming.read() == b""


@pytest.mark.parametrize(
    "lines",
    [
        ("Connection: Upgrade", "Upgrade: h2c"),
        ("Connection: Upgrade", "Upgrade: websocket, h2c"),
        (*OFFER, "Content-Length: 1"),
    ],
)
def test_nothing_else_is_offered(front, behind, lines):
    sock, _ = front()
    ask(sock, *lines)
    sock.sendall(b"x")
    _, incoming = behind.accept()
    assert not {"upgrade", "connection"} & set(dict(read_head(incoming)[1]))


@pytest.mark.parametrize("slow", ["client", "server"])
def test_who_reads_slowly_holds_the_other_back(joined, slow):
    sock, file, peer, incoming = joined()
    source, sink = (peer, file) if slow == "client" else (sock, incoming)
    size = 64 * 1024 * 1024
    source.settimeout(0.3)
    sent = fill(source, size)
    assert sent < size / 2
    source.shutdown(socket.SHUT_WR)
    received = 0
    while data := sink.read1(65536):
        received += len(data)
    assert received == sent


def test_a_websocket_on_which_nothing_moves_is_ended(joined):
    _, file, _, incoming = joined(idle=0.1)
    assert file.read() == incoming.read() == b""


def test_after_one_end_the_other_has_to_come_soon(joined):
    _, file, peer, incoming = joined(timeout=0.1)
    peer.shutdown(socket.SHUT_WR)
    assert file.read() == incoming.read() == b""


def test_a_tunnel_without_a_client_is_closed():
    async def main():
        one, other = socket.socketpair()
        with other:
            await Tunnel(Stream(one), 1, 1).aclose()
            return other.recv(1)

    loop = Loop()
    assert loop.run(main()) == b""
    loop.close()


def test_names_in_connection_have_no_case():
    pairs = [("Connection", "A, b"), ("a", "1"), ("B", "2"), ("C", "3")]
    assert end_to_end(Headers(pairs)) == Headers([("C", "3")])
