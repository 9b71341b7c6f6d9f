"""The client, against our own server and against sockets that misbehave."""

import gzip
import json
import socket
import ssl
import subprocess
import threading
import zlib
from contextlib import nullcontext, suppress

import pytest

from dustdevil.coroutine import let_others_run
from dustdevil.http import Client, ClientError, ClientSettings, ProtocolError, Server
from dustdevil.resolver import Resolver
from dustdevil.stream import StreamClosed
from dustdevil.sync import gather, sleep
from dustdevil.web import Application, Response
from support.serving import PATIENCE


def application():
    app = Application()
    app.asked = []

    @app.get("/hello")
    async def hello(request):
        app.asked.append(request.remote)
        return "Hello"

    @app.post("/echo")
    async def echo(request):
        return Response(await request.body(), content_type="text/plain")

    @app.get("/stream")
    async def stream(request):
        async def pieces():
            for number in range(5):
                yield b"%d" % number
                await sleep(0)

        return Response(pieces())

    @app.get("/headers")
    async def headers(request):
        return {name.lower(): value for name, value in request.headers.items()}

    @app.route("/to/{status:int}", methods=("GET", "POST"))
    async def to(request, status):
        return Response(status=status, headers=[("Location", request.query["to"])])

    @app.route("/method", methods=("GET", "POST", "HEAD"))
    async def method(request):
        return f"{request.method} {len(await request.body())}"

    @app.get("/gzip")
    async def zipped(request):
        size = int(request.query["size"])
        headers = [("Content-Encoding", "gzip")]
        return Response(gzip.compress(b"x" * size), headers=headers)

    @app.get("/slow")
    async def slow(request):
        await sleep(3600)

    return app


def with_client(loop, body, app=None, tls=None, client_tls=None, **settings):
    async def main():
        server = Server(app or application(), loop=loop, tls=tls)
        port = server.listen("127.0.0.1", 0)
        server.start()
        scheme = "https" if tls else "http"
        try:
            async with Client(ClientSettings(**settings), tls=client_tls) as client:
                return await body(client, f"{scheme}://127.0.0.1:{port}")
        finally:
            await server.stop(0)

    return loop.run(main())


def test_get_reads_text_and_keeps_the_connection(loop):
    app = application()

    async def body(client, url):
        for _ in range(3):
            response = await client.get(url + "/hello")
            assert (response.status, response.reason) == (200, "OK")
            assert response.headers["content-length"] == "5"
            assert await response.text() == "Hello"

    with_client(loop, body, app)
    assert len(app.asked) == 3
    assert len(set(app.asked)) == 1


def test_bodies_go_out_whole_in_pieces_and_as_json(loop):
    async def pieces():
        yield b"one "
        await sleep(0)
        yield b""
        yield b"two"

    async def body(client, url):
        whole = await client.post(url + "/echo", body=b"bytes")
        assert await whole.read() == b"bytes"
        parts = await client.post(url + "/echo", body=pieces())
        assert await parts.read() == b"one two"
        notation = await client.post(url + "/echo", json={"a": [1]})
        assert json.loads(await notation.read()) == {"a": [1]}

    with_client(loop, body)


def test_an_error_in_the_bodys_iterator_is_the_requests(loop):
    async def pieces():
        yield b"one"
        raise LookupError("the file is gone")

    async def body(client, url):
        with pytest.raises(LookupError, match="gone"):
            await client.post(url + "/echo", body=pieces())

    with_client(loop, body)


def test_a_body_streams(loop):
    async def body(client, url):
        response = await client.get(url + "/stream")
        return b"".join([piece async for piece in response.stream()])

    assert with_client(loop, body) == b"01234"


def test_redirects_keep_or_change_the_method(loop):
    async def body(client, url):
        found = {}
        for status in (301, 302, 303, 307, 308):
            response = await client.post(f"{url}/to/{status}?to=/method", body=b"abc")
            found[status] = await response.text()
            assert response.url == url + "/method"
            assert len(response.history) == 1
        return found

    assert with_client(loop, body) == {
        301: "GET 0",
        302: "GET 0",
        303: "GET 0",
        307: "POST 3",
        308: "POST 3",
    }


def test_redirects_are_bounded_and_may_be_refused(loop):
    async def body(client, url):
        with pytest.raises(ClientError, match="more than 10 redirects"):
            await client.get(url + "/to/302")

    app = Application()
    app.get("/to/302")(
        lambda request: Response(status=302, headers=[("Location", "/to/302")])
    )
    with_client(loop, body, app)


def test_secrets_stay_with_their_origin(loop):
    async def body(client, url):
        secret = {"Authorization": "Basic x", "Cookie": "a=b", "X-Kept": "yes"}
        other = Server(application(), loop=loop)
        port = other.listen("127.0.0.1", 0)
        other.start()
        away = f"{url}/to/307?to=http://127.0.0.1:{port}/headers"
        home = f"{url}/to/307?to=/headers"
        try:
            there = await (await client.get(away, headers=secret)).json()
            here = await (await client.get(home, headers=secret)).json()
        finally:
            await other.stop(0)
        return there, here

    there, here = with_client(loop, body)
    assert there["x-kept"] == here["x-kept"] == "yes"
    assert here["authorization"] == "Basic x"
    assert here["cookie"] == "a=b"
    assert not {"authorization", "cookie"} & set(there)


def test_gzip_is_inflated_within_a_bound(loop):
    async def body(client, url):
        good = await client.get(url + "/gzip?size=200000")
        assert await good.read() == b"x" * 200_000
        bomb = await client.get(url + "/gzip?size=5000000")
        sizes = []

        async def read():
            async for piece in bomb.stream():
                sizes.append(len(piece))

        with pytest.raises(ClientError, match="inflates"):
            await read()
        assert sizes
        assert max(sizes) <= 65536

    with_client(loop, body, max_body=300_000)


def test_a_request_has_a_deadline(loop):
    async def body(client, url):
        with pytest.raises(TimeoutError):
            await client.get(url + "/slow", timeout=0.05)

    with_client(loop, body)


@pytest.mark.parametrize("waits_for", ["name", "keys"])
def test_connecting_has_a_deadline_of_its_own(loop, waits_for):
    # A name server that is silent, and a host that never says which keys it has.
    name_server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    name_server.bind(("127.0.0.1", 0))
    host = socket.create_server(("127.0.0.1", 0))
    port = host.getsockname()[1]
    url = {"name": f"http://four.test:{port}/", "keys": f"https://127.0.0.1:{port}/"}

    async def main():
        address, number = name_server.getsockname()
        resolver = Resolver([f"{address}:{number}"])
        settings = ClientSettings(connect_timeout=0.05, max_per_host=1)
        async with Client(settings, resolver=resolver) as client:
            for _ in range(2):  # and the place is free again
                with pytest.raises(TimeoutError, match="not within 0"):
                    await client.get(url[waits_for])
        resolver.close()
        for _ in range(5):
            await let_others_run()  # the attempt that was given up closes its socket
        return loop._watched

    with name_server, host:
        before = set(loop._watched)
        assert set(loop.run(main())) == before


def test_no_more_connections_to_a_host_than_allowed(loop):
    app = application()

    async def fetch(client, url):
        return await (await client.get(url + "/hello")).text()

    async def body(client, url):
        return await gather(*[fetch(client, url) for _ in range(10)])

    assert with_client(loop, body, app, max_per_host=2) == ["Hello"] * 10
    assert len(set(app.asked)) <= 2


@pytest.mark.parametrize(
    "url",
    [
        "ftp://a/",
        "//a/",
        "http:///x",
        "http://u:p@a/",
        "http://a:x/",
        "http://a:99999/",
        "ftp://a:80/",
    ],
)
def test_urls_that_can_not_be_asked(loop, url):
    async def body(client, _):
        with pytest.raises(ClientError):
            await client.get(url)

    with_client(loop, body)


def test_nothing_is_smuggled_into_the_request(loop):
    async def body(client, url):
        for header in ("A\r\nB", "Content-Length", "Transfer-Encoding", "Host"):
            with pytest.raises(ValueError, match=r"."):
                await client.get(url, headers={header: "1"})
        with pytest.raises(ValueError, match=r"."):
            await client.get(url, headers={"A": "b\r\nC: d"})
        with pytest.raises(ClientError):
            await client.request("GET / HTTP/1.1\r\n", url)
        response = await client.get(url + "/a b\u00e9?c d")
        assert response.status == 404

    with_client(loop, body)


# Servers that misbehave


class Script:
    """A server in a thread: a list of answers for each connection it accepts."""

    def __init__(self, *connections):
        self.connections = connections
        self.requests = []
        self.sock = socket.create_server(("127.0.0.1", 0))
        self.sock.settimeout(PATIENCE)
        self.url = f"http://127.0.0.1:{self.sock.getsockname()[1]}/"
        self.thread = threading.Thread(target=self.run)
        self.thread.start()

    def run(self):
        for answers in self.connections:
            peer, _ = self.sock.accept()
            peer.settimeout(PATIENCE)
            with peer:
                for answer in answers:
                    request = b""
                    while b"\r\n\r\n" not in request:
                        data = peer.recv(65536)
                        if not data:
                            break
                        request += data
                    if request:
                        self.requests.append(request)
                        peer.sendall(answer)

    def close(self):
        self.thread.join(PATIENCE)
        self.sock.close()
        assert not self.thread.is_alive()


@pytest.fixture
def script():
    scripts = []

    def start(*connections):
        scripts.append(Script(*connections))
        return scripts[-1]

    yield start
    for one in scripts:
        one.close()


OK = b"HTTP/1.1 200 OK\r\n"
FINE = OK + b"Content-Length: 2\r\n\r\nOK"


def fetch(loop, url, times=1, method="GET", **settings):
    async def main():
        async with Client(ClientSettings(**settings)) as client:
            found = []
            for _ in range(times):
                response = await client.request(method, url)
                found.append(await response.read())
            return found

    return loop.run(main())


@pytest.mark.parametrize(
    "answer",
    [
        b"SSH-2.0-OpenSSH\r\n",
        OK + b"Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n",
        OK + b"Content-Length: 2, 3\r\n\r\nOK",
        OK + b"Content-Length: 3\r\n\r\nOK",
        OK + b"Transfer-Encoding: chunked\r\n\r\n2\r\nOK\r\n",
        OK + b"A: " + b"b" * 70_000 + b"\r\n\r\n",
        b"HTTP/1.1 101 Switching Protocols\r\n\r\n",
    ],
)
def test_what_is_no_response_is_an_error(loop, script, answer):
    server = script([answer])
    with pytest.raises(ProtocolError):
        fetch(loop, server.url)


SWITCH = b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: %b\r\n\r\nhello"


def all_places_are_free(client):
    return not any(places.locked() for places in client._places.values())


def test_an_upgrade_gives_the_connection_away(loop, script):
    server = script([SWITCH % b"Echo", b"!"])

    async def main():
        async with Client(ClientSettings(max_per_host=1)) as client:
            response = await client.get(server.url, upgrade="echo")
            stream = response.detach()
            with pytest.raises(ClientError):
                response.detach()
            assert await response.read() == b""
            assert all_places_are_free(client)
        assert await stream.read_exactly(5) == b"hello"
        stream.write(b"over\r\n\r\n")
        assert await stream.read() == b"!"
        stream.close()

    loop.run(main())
    assert b"\r\nUpgrade: echo\r\nConnection: Upgrade\r\n" in server.requests[0]


def test_a_switch_is_closed_with_its_response(loop, script):
    server = script([SWITCH % b"echo", b""])

    async def main():
        async with Client(ClientSettings(max_per_host=1)) as client:
            response = await client.get(server.url, upgrade="echo")
            assert await response.read() == b""
            assert all_places_are_free(client)
            with pytest.raises(ClientError):
                response.detach()

    loop.run(main())


def test_a_server_may_decline_and_no_other_protocol_is_taken(loop, script):
    server = script([FINE, SWITCH % b"other"])

    async def main():
        async with Client(ClientSettings(max_per_host=1)) as client:
            response = await client.get(server.url, upgrade="echo")
            assert await response.read() == b"OK"
            with pytest.raises(ClientError):
                response.detach()
            with pytest.raises(ProtocolError, match="another protocol"):
                await client.get(server.url, upgrade="echo")
            assert all_places_are_free(client)

    loop.run(main())


def test_a_connection_with_more_than_its_answer_is_not_used_again(loop, script):
    server = script([FINE + b"HTTP/1.1 200 OK\r\n\r\nforged"], [FINE])
    assert fetch(loop, server.url, times=2) == [b"OK", b"OK"]


def test_what_comes_unasked_on_a_kept_connection_is_no_answer(loop, script):
    # The second answer comes while nobody asks; the second request must not get it.
    server = script([FINE, b""], [FINE])
    forged = OK + b"Content-Length: 6\r\n\r\nforged"

    async def main():
        async with Client() as client:
            await (await client.get(server.url)).read()
            [link] = client._kept
            link.stream.pushback(forged)
            return await (await client.get(server.url)).read()

    assert loop.run(main()) == b"OK"


def test_a_body_may_end_with_the_connection(loop, script):
    server = script([OK + b"\r\nto the end"])
    assert fetch(loop, server.url) == [b"to the end"]


@pytest.mark.parametrize("end", [b"", b"HTTP/1.1 200 OK\r\n\r\nforged"])
def test_more_chunks_at_once_than_the_parser_gives_in_a_batch(loop, script, end):
    chunks = b"Transfer-Encoding: chunked\r\n\r\n" + b"1\r\nx\r\n" * 500 + b"0\r\n\r\n"
    server = script([OK + chunks + end], [FINE])
    times = 1 + bool(end)
    expected = [b"x" * 500, b"OK"][:times]
    assert fetch(loop, server.url, times, read_timeout=5) == expected
    if not end:
        assert fetch(loop, server.url) == [b"OK"]


def test_a_damaged_or_cut_off_compression_is_an_error(loop, script):
    head = OK + b"Content-Encoding: gzip\r\nConnection: close\r\n\r\n"
    for data in (b"no gzip", gzip.compress(b"x" * 100)[:-9]):
        with pytest.raises(ClientError):
            fetch(loop, script([head + data]).url)


@pytest.mark.parametrize("bits", [15, -15])
def test_deflate_comes_with_and_without_wrapping(loop, script, bits):
    squeeze = zlib.compressobj(wbits=bits)
    data = squeeze.compress(b"x" * 300_000) + squeeze.flush()
    head = OK + b"Content-Encoding: deflate\r\nConnection: close\r\n\r\n"
    assert fetch(loop, script([head + data]).url) == [b"x" * 300_000]


def test_a_stale_connection_is_replaced_for_what_may_be_sent_twice(loop, script):
    # The first connection takes the second request, and closes without a word.
    server = script([FINE, b""], [FINE])
    assert fetch(loop, server.url, times=2) == [b"OK", b"OK"]
    assert len(server.requests) == 3


def test_a_post_is_never_sent_twice(loop, script):
    server = script([FINE, b""])
    with pytest.raises(StreamClosed):
        fetch(loop, server.url, times=2, method="POST")
    assert len(server.requests) == 2


def test_a_request_on_a_new_connection_is_not_sent_again(loop, script):
    server = script([b""])
    with pytest.raises((StreamClosed, ProtocolError)):
        fetch(loop, server.url)
    assert len(server.requests) == 1


def test_a_body_of_known_length_goes_out_as_it_is(loop, script):
    async def pieces():
        yield b"one "
        yield b"two"

    async def main(url, length):
        async with Client() as client:
            response = await client.post(url, body=pieces(), length=length)
            return await response.read()

    async def echo():
        with_length = Server(application(), loop=loop)
        url = f"http://127.0.0.1:{with_length.listen('127.0.0.1', 0)}/echo"
        with_length.start()
        try:
            assert await main(url, 7) == b"one two"
            for wrong in (6, 8):
                with pytest.raises(ClientError, match="otherwise"):
                    await main(url, wrong)
        finally:
            await with_length.stop(0)

    loop.run(echo())


def test_a_host_of_ones_own(loop):
    async def body(client, url):
        response = await client.get(url + "/headers", host="example.org")
        assert (await response.json())["host"] == "example.org"
        with pytest.raises(ClientError, match="is no host"):
            await client.get(url + "/headers", host="a\r\nB: c")

    with_client(loop, body)


def test_a_redirect_that_is_not_followed_is_an_answer(loop):
    async def body(client, url):
        response = await client.get(url + "/to/302?to=/hello", follow=False)
        assert response.status == 302
        assert response.headers["location"] == "/hello"
        assert await response.read() == b""

    with_client(loop, body)


def test_a_connection_that_does_not_come_about_in_time(loop):
    # A server whose queue is full answers no more: backlog 0 holds one connection.
    with socket.create_server(("127.0.0.1", 0), backlog=0) as full:
        port = full.getsockname()[1]
        with socket.create_connection(("127.0.0.1", port)):

            async def main():
                async with Client(ClientSettings(connect_timeout=0.05)) as client:
                    with pytest.raises(TimeoutError):
                        await client.get(f"http://127.0.0.1:{port}/")
                await sleep(0)  # a turn for the attempt to hear that it is cancelled

            loop.run(main())


def test_a_kept_connection_is_closed_when_its_time_is_over(loop, script):
    server = script([FINE, b""])

    async def main():
        async with Client(ClientSettings(idle_timeout=0.05)) as client:
            await (await client.get(server.url)).read()
            [link] = client._kept
            assert not link.stream.closed
            while client._kept:
                await sleep(0.01)
            assert link.stream.closed
            assert not client._links

    loop.run(main())


def test_a_connection_in_use_is_not_closed_for_having_been_kept(loop):
    async def body(client, url):
        await (await client.get(url + "/hello")).read()
        answer = await client.get(url + "/stream")
        await sleep(0.1)
        assert await answer.read() == b"01234"

    with_client(loop, body, idle_timeout=0.05)


# TLS


@pytest.fixture(scope="module")
def contexts(tmp_path_factory):
    """TLS for a server of ours, and for a client that trusts it."""
    folder = tmp_path_factory.mktemp("tls")
    cert, key = folder / "cert.pem", folder / "key.pem"
    names = ["-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1"]
    files = ["-keyout", str(key), "-out", str(cert)]
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes"]
    subprocess.run([*command, *names, *files], check=True, capture_output=True)
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(cert, key)
    return tls, ssl.create_default_context(cafile=str(cert))


def read_over_tls(loop, contexts, talk, **options):
    """What a client reads of a server that has one visitor; `talk(peer)` answers it."""
    tls, trusting = contexts

    def serve(sock):
        plain, _ = sock.accept()
        plain.settimeout(PATIENCE)
        with tls.wrap_socket(plain, server_side=True, **options) as peer:
            peer.recv(65536)
            talk(peer)

    async def main(url):
        async with Client(tls=trusting) as client:
            return await (await client.get(url)).read()

    with socket.create_server(("127.0.0.1", 0)) as sock:
        thread = threading.Thread(target=serve, args=[sock])
        thread.start()
        try:
            return loop.run(main(f"https://127.0.0.1:{sock.getsockname()[1]}/"))
        finally:
            thread.join(PATIENCE)


def test_certificates_are_verified_by_default(loop, contexts):
    tls, trusting = contexts

    async def body(client, url):
        return await (await client.get(url + "/hello")).text()

    with pytest.raises(ssl.SSLCertVerificationError):
        with_client(loop, body, tls=tls)
    assert with_client(loop, body, tls=tls, client_tls=trusting) == "Hello"


@pytest.mark.parametrize("alert", [True, False])
def test_over_tls_an_end_without_its_alert_is_a_cut(loop, contexts, alert):
    def talk(peer):
        peer.sendall(OK + b"\r\nto the end")
        if alert:
            with suppress(OSError):
                peer.unwrap()

    with nullcontext() if alert else pytest.raises(StreamClosed):
        assert read_over_tls(loop, contexts, talk) == b"to the end"


@pytest.mark.parametrize("option", [b"", b"Connection: close\r\n"])
def test_over_tls_the_server_is_told_of_the_end(loop, contexts, option):
    """RFC 9112, 9.8: clients send a closure alert before they close."""
    heard = []

    def talk(peer):
        peer.sendall(OK + option + b"Content-Length: 2\r\n\r\nOK")
        heard.append(peer.recv(1))

    read = read_over_tls(loop, contexts, talk, suppress_ragged_eofs=False)
    assert read == b"OK"
    assert heard == [b""]


def test_redirects_cross_schemes_without_secrets(loop, contexts):
    tls, trusting = contexts
    secret = {"Authorization": "Basic x", "Cookie": "a=b"}

    async def body(client, url):
        plain = Server(application(), loop=loop)
        there = f"http://127.0.0.1:{plain.listen('127.0.0.1', 0)}"
        plain.start()
        try:
            down = f"{url}/to/307?to={there}/headers"
            up = f"{there}/to/307?to={url}/headers"
            for way in (down, up):
                response = await client.get(way, headers=secret)
                assert response.url == way.split("to=")[1]
                assert not {"authorization", "cookie"} & set(await response.json())
        finally:
            await plain.stop(0)

    with_client(loop, body, tls=tls, client_tls=trusting)


def test_a_redirect_to_what_is_not_ascii_asks_for_the_same_bytes(loop, script):
    found = b"HTTP/1.1 302 Found\r\nContent-Length: 0\r\nLocation: %b\r\n\r\n"
    server = script([found % "/naïve?a=%20é#part".encode(), FINE])
    assert fetch(loop, server.url) == [b"OK"]
    assert server.requests[1].startswith(b"GET /na%C3%AFve?a=%20%C3%A9 HTTP/1.1\r\n")


@pytest.mark.parametrize(
    "place", ["file:///etc/passwd", "ftp://a/", "http://u:p@a/", "http://[::1/"]
)
def test_redirects_lead_to_http_only(loop, place):
    async def body(client, url):
        with pytest.raises(ClientError):
            await client.get(f"{url}/to/302?to={place}")

    with_client(loop, body)
