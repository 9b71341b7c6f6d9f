"""Applications behind the real server, with real clients: httpx, curl, `websockets`."""

import gzip
import os
import socket
import subprocess
import threading
from contextlib import closing

import httpx
import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import connect

from dustdevil.coroutine import let_others_run
from dustdevil.sync import Event
from dustdevil.web import Application, HTTPError, Response, html, redirect
from dustdevil.websocket import CLOSE, PING, PONG, TEXT, frame, websocket
from support.serving import PATIENCE, Client, Running


@pytest.fixture
def app():
    return Application()


@pytest.fixture
def serve(app):
    """Start serving the application, once its routes are there."""
    running = []

    def serve(**settings):
        running.append(Running(app, **settings))
        return running[0]

    yield serve
    for server in running:
        if server.thread.is_alive():
            server.stop()
        server.loop.close()


def get(server, path="/", **options):
    return httpx.get(server.url + path, timeout=PATIENCE, **options)


# Requests and responses


def test_handlers_and_their_answers(app, serve):
    @app.get("/hello/{name}")
    async def hello(request, name):
        return f"Hello, {name}!"

    @app.get("/json")
    def answer(request):
        return {"query": request.query, "agent": request.headers["User-Agent"]}

    @app.get("/page")
    def page(request):
        response = html("<p>page")
        response.set_cookie("seen", "1")
        return response

    @app.get("/away")
    def away(request):
        return redirect(app.url_for("hello", name="you"))

    @app.get("/count")
    def count(request):
        async def numbers():
            for i in range(3):
                yield b"%d\n" % i

        return numbers()

    server = serve()
    response = get(server, "/hello/W%C3%B6rld")
    assert response.text == "Hello, Wörld!"
    assert response.headers["content-type"] == "text/plain; charset=utf-8"
    assert get(server, "/json?a=1", headers={"User-Agent": "x"}).json() == {
        "query": {"a": "1"},
        "agent": "x",
    }
    assert get(server, "/page").cookies["seen"] == "1"
    assert get(server, "/away", follow_redirects=True).text == "Hello, you!"
    assert get(server, "/count").text == "0\n1\n2\n"
    assert get(server, "/nothing").status_code == 404
    head = httpx.head(server.url + "/hello/x")
    assert (head.content, head.headers["content-length"]) == (b"", "9")


def test_a_body_comes_whole_or_in_pieces(app, serve):
    @app.post("/whole")
    async def whole(request):
        return (await request.text()).upper()

    @app.post("/pieces")
    async def pieces(request):
        return str(sum([len(piece) async for piece in request.stream()]))

    @app.post("/json")
    async def double(request):
        return [2 * number for number in await request.json()]

    server = serve(max_body=300_000)
    url = server.url
    assert httpx.post(url + "/whole", content="grüße").text == "GRÜSSE"
    assert httpx.post(url + "/pieces", content=bytes(200_000)).text == "200000"
    assert httpx.post(url + "/pieces", content=iter([b"ab", b"c"])).text == "3"
    assert httpx.post(url + "/json", json=[1, 2]).json() == [2, 4]
    assert httpx.post(url + "/json", content="{").status_code == 400
    assert httpx.post(url + "/whole", content=b"\xff").status_code == 400
    with Client(server.port) as client:
        client.send(
            b"POST /whole HTTP/1.1\r\nHost: a\r\nContent-Length: 300001\r\n\r\n"
        )
        assert client.file.readline().startswith(b"HTTP/1.1 413 ")


def test_jobs_run_from_the_start_of_a_server_to_its_stop(app, serve, caplog):
    events = []

    @app.background
    async def watch():
        events.append("begun")
        try:
            await Event().wait()
        finally:
            await let_others_run()  # there is time to say good-bye
            events.append("ended")

    @app.background
    async def broken():
        raise ZeroDivisionError

    app.get("/")(lambda request: events)
    assert app.jobs == [watch, broken]
    server = serve()
    assert get(server).json() == ["begun"]
    server.stop(grace=PATIENCE)
    assert events == ["begun", "ended"]
    assert "broken" in caplog.text


def test_one_that_waits_does_not_hold_up_the_others(app, serve):
    opened = Event()

    @app.get("/wait")
    async def wait(request):
        await opened.wait()
        return "at last"

    @app.get("/open")
    def let_go(request):
        opened.set()
        return "done"

    server = serve()
    answers = []
    waiting = threading.Thread(target=lambda: answers.append(get(server, "/wait").text))
    waiting.start()
    assert get(server, "/open").text == "done"
    waiting.join(PATIENCE)
    assert answers == ["at last"]


def raw(server, request):
    """All that the server sends in answer to these bytes."""
    with closing(socket.create_connection(("127.0.0.1", server.port))) as sock:
        sock.settimeout(PATIENCE)
        sock.sendall(request)
        answer = b""
        while data := sock.recv(65536):
            answer += data
        return answer


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("X-A", "1\r\nSet-Cookie: admin=1"),
        ("X-A", "1\nSet-Cookie: admin=1"),
        ("X-A", "1\rSet-Cookie: admin=1"),
        ("X-A", "1\r\n\r\n<script>"),
        ("X-A\r\nSet-Cookie", "admin=1"),
        ("X-A: 1\r\nSet-Cookie", "admin=1"),
        ("X A", "1"),
        ("", "1"),
        ("X-A", "nul\0"),
        ("X-A", "\N{SNOWMAN}"),
        ("Content-Length", "5"),
        ("Transfer-Encoding", "chunked"),
        ("Connection", "close"),
    ],
)
def test_headers_cant_be_injected(app, serve, name, value, caplog):
    @app.get("/")
    def inject(request):
        return Response("body", headers=[("X-Before", "1"), (name, value)])

    @app.get("/error")
    def inject_in_error(request):
        raise HTTPError(400, headers=[(name, value)])

    server = serve()
    for path in (b"/", b"/error"):
        request = b"GET %s HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n" % path
        answer = raw(server, request)
        assert answer.startswith(b"HTTP/1.1 500 ")
        assert b"admin" not in answer
        assert b"X-Before" not in answer
        assert b"script" not in answer
        assert b"Traceback" not in answer


def test_nothing_a_client_says_gets_into_a_header(app, serve):
    app.get("/to")(lambda request: redirect(request.query["where"]))
    server = serve()
    response = get(server, "/to?where=/x%0d%0aSet-Cookie:%20a=1")
    assert response.status_code == 303
    assert "set-cookie" not in response.headers
    assert response.headers["location"] == "/x%0D%0ASet-Cookie:%20a=1"


# Files


@pytest.fixture
def root(tmp_path):
    (tmp_path / "secret.txt").write_text("secret")
    root = tmp_path / "root"
    root.mkdir()
    (root / "index.html").write_text("<p>front</p>" * 100)
    (root / "large.bin").write_bytes(os.urandom(3_000_000))
    return root


def test_files_for_a_browser(app, serve, root):
    app.files("/", root)
    server = serve()
    front = get(server)
    assert front.text == "<p>front</p>" * 100
    assert front.headers["content-encoding"] == "gzip"
    assert int(front.headers["content-length"]) < 200
    etag = front.headers["etag"]
    again = get(server, headers={"If-None-Match": etag})
    assert (again.status_code, again.content) == (304, b"")
    assert again.headers["etag"] == etag
    assert "content-length" not in again.headers


def test_a_large_file_and_its_parts(app, serve, root):
    app.files("/", root)
    server = serve()
    data = (root / "large.bin").read_bytes()
    with httpx.Client(base_url=server.url, timeout=PATIENCE) as client:
        assert client.get("/large.bin").content == data
        head = client.head("/large.bin")
        assert head.headers["content-length"] == "3000000"
        part = client.get("/large.bin", headers={"Range": "bytes=1000-2500000"})
        assert part.status_code == 206
        assert part.headers["content-range"] == "bytes 1000-2500000/3000000"
        assert part.content == data[1000:2500001]
        beyond = client.get("/large.bin", headers={"Range": "bytes=3000000-"})
        assert beyond.status_code == 416


def test_a_file_waits_for_a_client_that_reads_slowly(app, serve, root):
    os.truncate(root / "large.bin", 100_000_000)
    app.files("/", root)
    bodies = []

    @app.use
    async def note(request, call_next):
        response = await call_next(request)
        bodies.append(response.body)
        return response

    server = serve()
    with Client(server.port, receive_buffer=4096) as slow:
        slow.send(b"GET /large.bin HTTP/1.1\r\nHost: a\r\n\r\n")
        assert slow.file.readline() == b"HTTP/1.1 200 OK\r\n"
        for _ in range(5):
            assert get(server, "/index.html").status_code == 200
        # What the kernel takes into its buffers, and not all of it.
        assert bodies[0].left > 50_000_000


@pytest.mark.parametrize(
    "path",
    ["/../secret.txt", "/%2e%2e/secret.txt", "/..%5csecret.txt", "/x/../../secret.txt"],
)
def test_curl_finds_no_way_out(app, serve, root, path):
    app.files("/", root)
    server = serve()
    command = ["curl", "-s", "--path-as-is", "-m", str(PATIENCE), "-o", "-"]
    command += ["-w", "%{http_code}", server.url + path]
    answer = subprocess.run(command, capture_output=True, check=True).stdout
    assert answer.endswith(b"404")
    assert b"secret" not in answer.replace(b"/secret.txt", b"")


def test_curl_decompresses(app, serve, root):
    app.files("/", root)
    server = serve()
    command = ["curl", "-s", "-m", str(PATIENCE), "--compressed", server.url + "/"]
    done = subprocess.run(command, capture_output=True, check=True)
    assert done.stdout == b"<p>front</p>" * 100
    body = raw(
        server, b"GET / HTTP/1.0\r\nHost: a\r\nAccept-Encoding: gzip\r\n\r\n"
    ).partition(b"\r\n\r\n")[2]
    assert gzip.decompress(body) == b"<p>front</p>" * 100


# WebSockets, with the `websockets` client


def open_websocket(server, path="/ws", **options):
    options = {"open_timeout": PATIENCE, "compression": None, "proxy": None} | options
    return connect(f"ws://127.0.0.1:{server.port}{path}", **options)


@pytest.fixture
def echo(app, serve):
    @app.get("/ws")
    @websocket(protocols=("v2", "v1"), max_message=300_000, max_frame=200_000)
    async def echo(request, ws):
        async for message in ws:
            await ws.send(message)

    return serve()


def test_messages_of_all_sizes(echo):
    with open_websocket(echo) as client:
        for size in (0, 1, 125, 126, 127, 499, 500, 65535, 65536, 200_000):
            for message in ("é" * (size // 2), bytes(size)):
                client.send(message)
                assert client.recv(PATIENCE) == message


def test_fragments(echo):
    with open_websocket(echo) as client:
        client.send(["spl", "it ", "€", ""])
        assert client.recv(PATIENCE) == "split €"
        client.send([b"x" * 100_000] * 3)
        assert client.recv(PATIENCE) == b"x" * 300_000


def test_many_messages_at_once(echo):
    with open_websocket(echo) as client:
        sending = threading.Thread(
            target=lambda: [client.send(str(i) * 50) for i in range(2000)]
        )
        sending.start()
        assert [client.recv(PATIENCE) for _ in range(2000)] == [
            str(i) * 50 for i in range(2000)
        ]
        sending.join(PATIENCE)


def test_messages_through_tls(app, serve, tls):
    @app.get("/ws")
    @websocket()
    async def echo(request, ws):
        async for message in ws:
            await ws.send(message)

    ours, theirs = tls
    server = serve(tls=ours)
    url = f"wss://127.0.0.1:{server.port}/ws"
    options = {"open_timeout": PATIENCE, "compression": None, "proxy": None}
    with connect(url, ssl=theirs, **options) as client:
        for size in (5, 300_000):
            client.send("x" * size)
            assert client.recv(PATIENCE) == "x" * size
        client.close(4002)
        assert client.protocol.close_rcvd.code == 4002


def test_pings_and_pongs(echo):
    with open_websocket(echo) as client:
        assert client.ping(b"there?").wait(PATIENCE)


def test_a_subprotocol_is_agreed_on(echo):
    with open_websocket(echo, subprotocols=["v3", "v1", "v2"]) as client:
        assert client.subprotocol == "v1"
    with open_websocket(echo, subprotocols=["v3"]) as client:
        assert client.subprotocol is None


def test_compression_is_agreed_on(echo):
    with open_websocket(echo, compression="deflate") as client:
        [extension] = client.protocol.extensions
        assert extension.name == "permessage-deflate"
        assert extension.local_max_window_bits == 12
        assert extension.remote_max_window_bits == 12
        for message in ("x" * 1000, "short", "x" * 1000, bytes(100_000)):
            client.send(message)
            assert client.recv(PATIENCE) == message
        with pytest.raises(ConnectionClosed) as caught:
            send_and_receive(client, bytes(300_001))
        assert caught.value.rcvd.code == 1009


def test_compression_can_be_left_out(app, serve):
    @app.get("/ws")
    @websocket(deflate_bits=None)
    async def plain(request, ws):
        await ws.send(await ws.receive())

    with open_websocket(serve(), compression="deflate") as client:
        assert client.protocol.extensions == []
        client.send("x" * 1000)
        assert client.recv(PATIENCE) == "x" * 1000


def test_the_client_closes(echo):
    with open_websocket(echo) as client:
        client.close(4001, "enough")
        assert client.protocol.close_rcvd.code == 4001
        assert not client.protocol.close_rcvd_then_sent


def test_what_is_too_big_is_refused(echo):
    for message in (bytes(200_001), [bytes(150_001)] * 2):
        with open_websocket(echo) as client:
            with pytest.raises(ConnectionClosed) as caught:
                send_and_receive(client, message)
            assert caught.value.rcvd.code == 1009


def send_and_receive(client, message):
    client.send(message)
    client.recv(PATIENCE)


def test_another_origin_is_refused(echo):
    with open_websocket(echo, origin=echo.url):
        pass
    with pytest.raises(InvalidStatus) as caught:
        open_websocket(echo, origin="http://evil.example")
    assert caught.value.response.status_code == 403


def test_a_plain_request_is_told_to_upgrade(echo):
    with httpx.Client(base_url=echo.url) as client:
        response = client.get("/ws")
        assert response.status_code == 426
        assert response.headers["upgrade"] == "websocket"
        # The connection goes on, also after a handshake that was refused.
        bad = {"Connection": "Upgrade", "Upgrade": "websocket"}
        assert client.get("/ws", headers=bad).status_code == 426
        assert client.get("/nothing").status_code == 404


def test_a_handler_sees_the_request_and_its_path(app, serve):
    @app.get("/ws/{room}")
    @websocket()
    async def greet(request, ws, room):
        await ws.send(f"{room} {request.query['name']}")
        await ws.close(4000, "go")

    server = serve()
    with open_websocket(server, "/ws/attic?name=Ada") as client:
        assert client.recv(PATIENCE) == "attic Ada"
        with pytest.raises(ConnectionClosed) as caught:
            client.recv(PATIENCE)
        assert (caught.value.rcvd.code, caught.value.rcvd.reason) == (4000, "go")


def test_a_handler_that_fails(app, serve, caplog):
    @app.get("/ws")
    @websocket()
    async def fail(request, ws):
        await ws.receive()
        raise RuntimeError("a secret")

    server = serve()
    with open_websocket(server) as client, pytest.raises(ConnectionClosed) as caught:
        send_and_receive(client, "go")
    assert (caught.value.rcvd.code, caught.value.rcvd.reason) == (1011, "")


def test_a_server_that_stops_says_goodbye(app, serve):
    @app.get("/ws")
    @websocket()
    async def listen(request, ws):
        await ws.send("hello")
        await ws.receive()

    server = serve()
    with open_websocket(server) as client:
        assert client.recv(PATIENCE) == "hello"
        server.stop(grace=PATIENCE)
        with pytest.raises(ConnectionClosed) as caught:
            client.recv(PATIENCE)
        assert caught.value.rcvd.code == 1001


def test_middleware_may_refuse_a_websocket(app, serve):
    @app.use
    async def closed(request, call_next):
        raise HTTPError(401)

    @app.get("/ws")
    @websocket()
    async def never(request, ws):
        raise AssertionError("nobody gets here")

    with pytest.raises(InvalidStatus) as caught:
        open_websocket(serve())
    assert caught.value.response.status_code == 401


def test_frames_in_the_packet_of_the_handshake(echo):
    mask = b"abcd"
    frames = frame(PING, b"?", mask=mask) + frame(TEXT, b"early", mask=mask)
    with Client(echo.port) as client:
        client.send(
            b"GET /ws HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\n"
            b"Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
            b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n" + frames
        )
        assert client.file.readline() == b"HTTP/1.1 101 Switching Protocols\r\n"
        head = b""
        while (line := client.file.readline()) != b"\r\n":
            head += line.lower()
        assert b"connection: upgrade\r\n" in head
        assert b"content-length" not in head
        expected = frame(PONG, b"?") + frame(TEXT, b"early")
        assert client.file.read(len(expected)) == expected
        client.send(frame(CLOSE, b"", mask=mask))
        assert client.file.read() == frame(CLOSE, b"")


def test_a_client_that_vanishes_is_noticed(app, serve):
    gone = threading.Event()
    codes = []

    @app.get("/ws")
    @websocket()
    async def wait(request, ws):
        async for _ in ws:
            pass
        codes.append(ws.close_code)
        gone.set()

    with Client(serve().port) as client:
        client.send(
            b"GET /ws HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\n"
            b"Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
            b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
        )
        assert b"101" in client.file.readline()
        client.reset()
    assert gone.wait(PATIENCE)
    assert codes == [1006]
