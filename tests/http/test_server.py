"""The server over real sockets, with clients of every kind."""

import os
import re
import shutil
import signal
import socket
import ssl
import subprocess
import sys
from contextlib import ExitStack, closing, contextmanager, nullcontext, suppress
from math import inf
from types import SimpleNamespace

import httpx
import pytest

from dustdevil.coroutine import CancelledError, Future, let_others_run
from dustdevil.http import Connection, ProtocolError, Server, ServerSettings
from dustdevil.loop import Loop
from dustdevil.stream import HIGH_WATER, Listener, Stream, StreamClosed
from dustdevil.sync import Event, sleep
from support.serving import PATIENCE, Answer, Client, Latch, post, request


def hello(head, body, connection):
    return Answer(b"hello")


def show_target(head, body, connection):
    return Answer(head.target.encode())


async def echo(head, body, connection):
    return Answer(await body.read())


# Ordinary clients


def test_httpx(running):
    with httpx.Client(base_url=running(echo).url) as client:
        for text in ("one", "two", ""):
            response = client.post("/", content=text)
            assert (response.status_code, response.text) == (200, text)
        assert client.post("/", content=iter([b"in", b"chunks"])).text == "inchunks"


def test_one_connection_for_many_requests(running):
    one = running(hello)
    with httpx.Client(base_url=one.url) as client:
        streams = {
            client.get("/").extensions["network_stream"].get_extra_info("client_addr")
            for _ in range(5)
        }
    assert len(streams) == 1
    assert one.server.requests == 5


def curl(*arguments, data=None):
    command = ["curl", "-sS", "--max-time", str(PATIENCE), *arguments]
    return subprocess.run(command, input=data, capture_output=True, check=True).stdout


def test_curl(running):
    url = running(echo).url
    data = b"x" * 3_000_000
    assert curl(url, "--data-binary", "@-", data=data) == data
    chunked = "-H", "Transfer-Encoding: chunked", "-H", "Expect: 100-continue"
    assert curl(url, *chunked, "--data-binary", "@-", data=data) == data
    assert curl("-0", url, "-d", "old") == b"old"
    assert curl("-I", url).startswith(b"HTTP/1.1 200 OK\r\n")


def test_tls(running, tls):
    ours, theirs = tls
    url = running(echo, ours).url.replace("http:", "https:")
    data = b"x" * 3_000_000
    with httpx.Client(verify=theirs) as client:
        for _ in range(2):
            assert client.post(url, content=data).content == data
        assert client.post(url, headers={"A": "b" * 9000}, content=b"c").text == "c"
        assert client.get(url + "/" + "x" * 9000).status_code == 414


def test_https_may_only_be_asked_on_a_secure_connection(running, tls):
    """RFC 9110, 7.4. Whoever asks for it elsewhere was led astray: 421."""
    ours, theirs = tls
    asked = b"GET https://127.0.0.1/ HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"
    with running(hello).connect() as client:
        client.send(asked)
        status, headers, _ = client.response()
        assert (status, headers["connection"]) == (421, "close")
        assert client.at_end()
    with (
        socket.create_connection(("127.0.0.1", running(hello, ours).port)) as raw,
        theirs.wrap_socket(raw, server_hostname="127.0.0.1") as sock,
    ):
        sock.settimeout(PATIENCE)
        sock.sendall(asked.replace(b"https:", b"HTTPS:"))
        assert sock.recv(100).startswith(b"HTTP/1.1 200 OK\r\n")


def test_only_so_many_are_greeted_at_once(running, tls, monkeypatch):
    """Two clients connect and say nothing: the next waits until one of them is gone."""
    ours, theirs = tls
    monkeypatch.setattr(Listener, "GREETING", 2)
    one = running(hello, tls=ours)
    listener, most, counted = one.server._listener, [], Latch()
    accept = listener._greet_in_time

    def greet(connection, address):
        accept(connection, address)
        most.append(len(listener.greeting))
        if len(most) == 2:
            counted.set()

    monkeypatch.setattr(listener, "_greet_in_time", greet)
    silent = [socket.create_connection(("127.0.0.1", one.port)) for _ in range(2)]
    counted.wait()
    with socket.create_connection(("127.0.0.1", one.port), PATIENCE) as raw:
        silent.pop().close()
        with theirs.wrap_socket(raw, server_hostname="127.0.0.1") as sock:
            sock.sendall(request())
            assert sock.recv(100).startswith(b"HTTP/1.1 200 OK\r\n")
    assert most == [1, 2, 2]
    silent.pop().close()


async def to_the_end(head, body, connection):
    """An answer in HTTP/1.0 has no length: the end of the connection is its end."""

    async def pieces():
        yield b"all of it"
        if head.target == "/fails":
            raise LookupError("not all of it")

    return Answer(pieces())


@pytest.mark.parametrize(
    ("sent", "received"),
    [
        (b"GET / HTTP/1.0\r\n\r\n", b"\r\n\r\nall of it"),
        (b"GET / HTTP/1.1\r\n\r\n", b"must be one Host field\n"),
        (b"GET / HTTP/1.1\r\nHost: a\r\n\r\n", b"9\r\nall of it\r\n0\r\n\r\n"),
        (b"GET /fails HTTP/1.0\r\n\r\n", None),
    ],
)
def test_the_end_of_a_tls_connection_can_be_told_from_a_cut(
    running, tls, sent, received, caplog
):
    """RFC 9112, 9.8: without a closure alert, anybody on the way may have ended it."""
    ours, theirs = tls
    server = running(to_the_end, ours, idle_timeout=0.05)
    with (
        closing(socket.create_connection(("127.0.0.1", server.port))) as sock,
        theirs.wrap_socket(
            sock, server_hostname="127.0.0.1", suppress_ragged_eofs=False
        ) as client,
    ):
        client.settimeout(PATIENCE)
        client.sendall(sent)
        found = b""
        with nullcontext() if received else pytest.raises(ssl.SSLEOFError):
            while piece := client.recv(65536):
                found += piece
        assert found.endswith(received or b"all of it")


def test_a_response_has_the_right_head(running):
    headers = [("X-A", "b"), ("Set-Cookie", "c"), ("Set-Cookie", "d")]
    one = running(lambda *_: Answer(b"hello", 203, headers))
    with one.connect() as client:
        client.send(request(version="1.0"))
        text = client.file.read().decode()
    date = r"Date: \w{3}, \d\d \w{3} \d{4} \d\d:\d\d:\d\d GMT\r\n"
    assert re.fullmatch(
        r"HTTP/1.1 203 Non-Authoritative Information\r\n"
        + date
        + r"X-A: b\r\nSet-Cookie: c\r\nSet-Cookie: d\r\n"
        r"Connection: close\r\nContent-Length: 5\r\n\r\nhello",
        text,
    )


@pytest.mark.parametrize(
    ("version", "lines", "kept"),
    [
        ("1.1", (), True),
        ("1.1", ("Connection: close",), False),
        ("1.0", (), False),
        ("1.0", ("Connection: keep-alive",), True),
    ],
)
def test_keep_alive(running, version, lines, kept):
    with running(hello).connect() as client:
        client.send(request("/", *lines, version=version))
        _, headers, body = client.response()
        assert body == b"hello"
        said = {("1.1", True): None, ("1.0", True): "keep-alive"}
        assert headers.get("connection") == said.get((version, kept), "close")
        if kept:
            client.send(request())
            assert client.response()[2] == b"hello"
        else:
            assert client.at_end()


async def numbers(count=5):
    for number in range(count):
        yield b"%d;" % number


def test_head_and_bodiless_responses(running):
    def application(head, body, connection):
        if head.target == "/iterator":
            return Answer(numbers())
        return Answer(b"body", int(head.target[1:]))

    with running(application).connect() as client:
        client.send(request("/200", method="HEAD") + request("/204") + request("/304"))
        client.send(request("/iterator", method="HEAD") + request("/205"))
        client.send(request("/200"))
        assert client.response("HEAD")[1]["content-length"] == "4"
        for status in (204, 304):
            got, headers, _ = client.response()
            assert got == status
            assert not headers.keys() & {"content-length", "transfer-encoding"}
        assert client.response("HEAD")[1]["transfer-encoding"] == "chunked"
        got, headers, _ = client.response()
        assert (got, headers["content-length"]) == (205, "0")
        assert client.response()[2] == b"body"


def test_who_names_another_protocol_says_so_for_this_connection_only(running):
    """RFC 9110, 7.8: Upgrade is in Connection, wherever it is; 426 needs it."""
    answer = Answer(b"no", 426, [("upgrade", "echo")])
    with running(lambda *_: answer).connect() as client:
        client.send(request() + request("/", "Connection: close"))
        for options in ("Upgrade", "Upgrade, close"):
            status, headers, _ = client.response()
            assert (status, headers["upgrade"]) == (426, "echo")
            assert headers["connection"] == options


def test_a_body_from_an_iterator(running):
    def application(head, body, connection):
        return Answer(numbers(), length=10 if head.target == "/known" else None)

    one = running(application)
    for _ in range(2):
        with one.connect() as client:
            client.send(request() + request("/known") + request(version="1.0"))
            _, headers, body = client.response()
            assert headers["transfer-encoding"] == "chunked"
            assert body == b"0;1;2;3;4;"
            _, headers, body = client.response()
            assert headers["content-length"] == "10"
            assert body == b"0;1;2;3;4;"
            _, headers, body = client.response()
            assert not headers.keys() & {"content-length", "transfer-encoding"}
            assert headers["connection"] == "close"
            assert body == b"0;1;2;3;4;"


def test_an_empty_piece_does_not_end_a_chunked_body(running):
    async def pieces():
        for piece in (b"a", b"", b"b"):
            yield piece

    with running(lambda *_: Answer(pieces())).connect() as client:
        client.send(request())
        assert client.response()[2] == b"ab"


@pytest.mark.parametrize("length", [None, 2])
def test_an_empty_piece_is_not_sent(length):
    async def pieces():
        for piece in (b"a", b"", b"b"):
            yield piece
            await sleep(0.001)

    loop = Loop()
    with closing(loop):
        stream = FakeStream()
        application = lambda *_: Answer(pieces(), length=length)  # noqa: E731
        connection = Connection(Server(application, loop=loop), stream, None)
        stream.on_data(request())
        loop.run_until(lambda: connection.deadline < inf)
        assert len(stream.written) >= 2
        assert b"" not in stream.written


@pytest.mark.parametrize("length", [9, 11])
def test_a_body_of_another_length_cuts_the_connection(running, length, caplog):
    one = running(lambda *_: Answer(numbers(), length=length))
    with one.connect() as client:
        client.send(request() + request())
        status, _, body = client.response()
        assert status == 200
        assert len(body) <= length
        with pytest.raises((AssertionError, ConnectionError)):
            client.response()
    assert f"a body of {length} bytes" in caplog.text


@pytest.mark.parametrize("chunked", [False, True])
def test_bodies_arrive_however_they_are_cut(running, chunked):
    text = post(b"hello")
    if chunked:
        body = b"2\r\nhe\r\n3;a=b\r\nllo\r\n0\r\nX: y\r\n\r\n"
        text = request("/", "Transfer-Encoding: chunked", method="POST", body=body)
    with running(echo).connect() as client:
        for cut in range(1, len(text), 7):
            client.send(text[:cut])
            client.send(text[cut:])
            assert client.response()[2] == b"hello"
        for byte in text:
            client.send(bytes([byte]))
        assert client.response()[2] == b"hello"


def test_a_body_piece_by_piece_with_its_trailers(running):
    async def application(head, body, connection):
        assert body.length is None
        pieces = [piece async for piece in body]
        assert await body.read() == b""
        return Answer(b"|".join([*pieces, body.trailers["x"].encode()]))

    with running(application).connect() as client:
        client.send(request("/", "Transfer-Encoding: chunked", method="POST"))
        client.send(b"2\r\nhe\r\n3\r\nllo\r\n0\r\nX: y\r\n\r\n")
        assert client.response()[2] == b"he|llo|y"


def test_a_body_that_nobody_reads_is_skipped(running):
    with running(hello).connect() as client:
        client.send(post(b"x" * 60_000)[:-5])
        assert client.response()[2] == b"hello"
        client.send(b"x" * 5 + request())
        assert client.response()[2] == b"hello"


def test_a_chunked_body_that_nobody_reads_is_skipped_if_it_is_here(running):
    lines = "/", "Transfer-Encoding: chunked"
    with running(hello).connect() as client:
        client.send(request(*lines, method="POST", body=b"1\r\nx\r\n0\r\n\r\n"))
        assert client.response()[2] == b"hello"
        client.send(request(*lines, method="POST", body=b"1\r\nx\r\n"))
        assert client.response()[1]["connection"] == "close"
        assert client.at_end()


def test_a_large_body_that_nobody_reads_ends_the_connection(running):
    with running(hello).connect() as client:
        client.send(post(b"x" * 100_000)[:-5])
        _, headers, body = client.response()
        assert body == b"hello"
        assert headers["connection"] == "close"
        assert client.at_end()


def test_what_a_connection_tells(running):
    def application(head, body, connection):
        return Answer(f"{connection.scheme} {connection.remote[1]} "
                      f"{connection.local[1]}".encode())  # fmt: skip

    one = running(application)
    with one.connect() as client:
        client.send(request())
        mine = client.sock.getsockname()[1]
        assert client.response()[2] == f"http {mine} {one.port}".encode()


# Pipelining


def test_answers_come_in_the_order_of_the_requests(running):
    waiting = {}

    async def application(head, body, connection):
        if head.target.startswith("/wait"):
            waiting[head.target] = Event()
            seen.set()
            await waiting[head.target].wait()
        return Answer(head.target.encode())

    one, seen = running(application), Latch()
    targets = ["/1", "/wait", "/2", "/3"]
    with one.connect() as client:
        client.send(b"".join(map(request, targets)))
        assert client.response()[2] == b"/1"
        seen.wait()
        assert one.server.requests == 2  # the others have not begun
        one.soon(waiting["/wait"].set)
        assert [client.response()[2] for _ in range(3)] == [b"/wait", b"/2", b"/3"]


class FakeStream:
    """Holds what is written to it."""

    def __init__(self):
        self.written = []
        self.unsent = 0
        self.closed = self.eof = self.paused = self.closing = False

    def close(self):
        self.closing = True

    def abort(self):
        self.closed = True

    def write(self, data):
        self.written.append(data)

    def pause_reading(self):
        self.paused = True

    def resume_reading(self):
        self.paused = False


def test_answers_need_no_task():
    loop = Loop()
    with closing(loop):
        server = Server(show_target, loop=loop)
        stream = FakeStream()
        Connection(server, stream, None)
        stream.on_data(b"".join(request(f"/{n}") for n in range(200)))
        assert b"".join(stream.written).count(b"HTTP/1.1 200 OK") == 200
        assert not loop.ready


def test_a_coroutine_that_waits_for_nothing_is_no_task():
    loop = Loop()
    with closing(loop):
        stream = FakeStream()
        Connection(Server(echo, loop=loop), stream, None)
        stream.on_data(post(b"all of it is here") * 3)
        assert b"".join(stream.written).count(b"all of it is here") == 3
        assert not loop.ready


@pytest.mark.parametrize(
    ("answers", "text"),
    [
        ([Answer(b"one;")] * 5, b"one;"),
        ([Answer(numbers())], b";"),
        ([Answer(numbers(), length=10)], b";"),
    ],
)
def test_what_is_answered_together_is_sent_together(answers, text):
    loop = Loop()
    ours, theirs = socket.socketpair()
    with closing(loop), theirs:
        stream = Stream(ours, loop)
        sends = []
        stream.sock = SimpleNamespace(
            send=lambda data: sends.append(bytes(data)) or len(data),
            recv=ours.recv,
            fileno=ours.fileno,
            close=ours.close,
        )
        to_come = iter(answers)
        Connection(Server(lambda *_: next(to_come), loop=loop), stream, None)
        theirs.send(request() * len(answers))
        loop.turn()
        while loop.ready:
            loop.run_ready()
        [sent] = sends
        assert sent.count(b"HTTP/1.1 200 OK") == len(answers)
        assert sent.count(text) == 5
        stream.abort()


@pytest.mark.parametrize("at_once", [1, 10, 100, 500])
def test_requests_that_wait_for_their_turn_are_bounded(at_once):
    loop = Loop()
    waiting = Future(loop)

    async def application(head, body, connection):
        await waiting
        return Answer(head.target.encode())

    with closing(loop):
        stream = FakeStream()
        connection = Connection(Server(application, loop=loop), stream, None)
        sent = 0
        while not stream.paused:
            numbers = range(sent, sent + at_once)
            stream.on_data(b"".join(request(f"/{number}") for number in numbers))
            sent += at_once
            assert connection._parser.unread < HIGH_WATER + 500 * 40
        waiting.set_result(None)
        while loop.ready:
            loop.run_ready()
        assert not stream.paused
        answers = b"".join(stream.written)
        found = re.findall(rb"\r\n\r\n/(\d+)", answers)
        assert [int(number) for number in found] == list(range(sent))


def test_many_requests_in_one_go(running):
    with running(show_target).connect() as client:
        client.send(b"".join(request(f"/{n}") for n in range(1000)))
        for number in range(1000):
            assert client.response()[2] == f"/{number}".encode()


def test_an_error_comes_after_the_answers_before_it(running):
    async def application(head, body, connection):
        await let_others_run()
        return Answer(b"hello")

    with running(application).connect() as client:
        client.send(
            request() + request() + b"GET / HTTP/1.1\r\n bad\r\n\r\n" + request()
        )
        statuses = [client.response()[0] for _ in range(3)]
        assert statuses == [200, 200, 400]
        assert client.at_end()


def test_a_client_that_asks_and_never_reads_is_not_asked_for_more(running):
    answer = Answer(b"x" * 50_000)
    one = running(lambda *_: answer)
    with one.connect(receive_buffer=4096) as client:
        client.sock.settimeout(1)
        sent = 0
        batch = request() * 100
        with suppress(TimeoutError):
            while sent < 10_000:  # all the answers would be 50 GB
                client.send(batch)
                sent += 1
        assert sent < 10_000
        assert one.server.requests < 1000
        [connection] = one.server.connections
        assert connection.stream.unsent < 4 * HIGH_WATER
        client.sock.settimeout(PATIENCE)
        for _ in range(one.server.requests + 5):  # it goes on when the client reads
            assert client.response()[2] == answer.body


# Faults in requests

BAD = {
    b"GET / HTTP/1.1\r\nHost : a\r\n\r\n": 400,
    b"GET / HTTP/1.1\nHost: a\n\n": 400,
    b"GET / HTTP/3.0\r\nHost: a\r\n\r\n": 505,
    b"GET /" + b"a" * 9000: 414,
    b"GET / HTTP/1.1\r\nHost: a\r\n" + b"A: b\r\n" * 101: 431,
    b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked\r\n\r\n": 501,
    b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 99999999999\r\n\r\n": 413,
    b"POST / HTTP/1.1\r\nHost: a\r\nExpect: wonders\r\n\r\n": 417,
    b"CONNECT a:80 HTTP/1.1\r\nHost: a\r\n\r\n": 501,
    b"\x16\x03\x01\x00\xa5\x01\x00\x00\xa1\x03\x03\n": 400,
}


@pytest.mark.parametrize(("text", "expected"), BAD.items())
def test_a_bad_request_gets_an_answer_and_the_end(running, text, expected):
    with running(hello).connect() as client:
        client.send(text)
        status, headers, body = client.response()
        assert status == expected
        assert headers["connection"] == "close"
        assert headers["content-type"].startswith("text/plain")
        assert body.startswith(b"%d " % expected)
        assert len(body) < 100
        assert client.at_end()


@pytest.mark.parametrize(
    ("fields", "status"),
    [
        (b"", 400),
        (b"Host: a\r\nA : b\r\n", 400),
        (b"Host: a\r\nContent-Length: -1\r\n", 400),
        (b"Host: a\r\nContent-Length: 10000000000\r\n", 413),
        (b"Host: a\r\nExpect: x\r\n", 417),
        (b"Host: a\r\n" + b"A: b\r\n" * 200, 431),
        (b"Host: a\r\nTransfer-Encoding: gzip, chunked\r\n", 501),
    ],
)
def test_no_answer_to_head_has_a_body_whatever_is_wrong(running, fields, status):
    """RFC 9110, 9.3.2; and the next error, of no method, has one again."""
    server = running(hello)
    for first in (b"", request(), b"\r\n"):
        with server.connect() as client:
            client.send(first + b"HEAD / HTTP/1.1\r\n" + fields + b"\r\n")
            if first == request():
                assert client.response()[0] == 200
            found, headers, _ = client.response("HEAD")
            assert (found, headers["connection"]) == (status, "close")
            assert int(headers["content-length"]) > 0
            assert client.at_end()
    with server.connect() as client:
        client.send(request("/", "Connection: x", method="HEAD") + b"nonsense\r\n\r\n")
        assert client.response("HEAD")[0] == 200
        assert client.response()[2].startswith(b"400 ")


def test_the_answer_to_a_bad_request_can_be_read_by_who_is_still_sending(running):
    """Closing at once would reset the connection and wipe the answer out."""
    one = running(hello, max_body="1 MiB")
    with one.connect() as client:
        client.send(post(b"x" * 3_000_000))
        assert client.response()[0] == 413
        assert client.at_end()


def test_an_error_in_the_body_is_the_answer(running):
    with running(echo).connect() as client:
        client.send(request("/", "Transfer-Encoding: chunked", method="POST"))
        client.send(b"5\r\nhello\r\nnonsense\r\n")
        assert client.response()[0] == 400
        assert client.at_end()


def test_a_chunked_body_over_the_limit(running):
    with running(echo, max_body=10).connect() as client:
        client.send(request("/", "Transfer-Encoding: chunked", method="POST"))
        client.send(b"8\r\n12345678\r\n")
        client.send(b"8\r\n")
        assert client.response()[0] == 413
        assert client.at_end()


def test_an_application_may_answer_a_bad_body_itself(running):
    async def application(head, body, connection):
        with pytest.raises(ProtocolError):
            await body.read()
        return Answer(b"never mind")

    with running(application).connect() as client:
        client.send(request("/", "Transfer-Encoding: chunked", method="POST"))
        client.send(b"nonsense\r\n")
        assert client.response()[2] == b"never mind"
        assert client.at_end()


def test_a_bad_body_that_nobody_reads_gets_no_second_answer(running):
    with running(hello).connect() as client:
        client.send(post(b"x" * 10)[:-1])
        assert client.response()[0] == 200
        client.sock.shutdown(socket.SHUT_WR)
        assert client.at_end()


def test_an_empty_line_first(running):
    with running(hello).connect() as client:
        client.send(b"\r\n" + request() + b"\r\n" + request())
        assert client.response()[0] == client.response()[0] == 200


# Faults in applications


def raises(head, body, connection):
    raise ValueError("a secret")


async def raises_later(head, body, connection):
    await let_others_run()
    raise ValueError("a secret")


@pytest.mark.parametrize("application", [raises, raises_later])
def test_an_application_that_raises(running, application, caplog):
    with running(application).connect() as client:
        client.send(request("/a?b") * 2)
        for _ in range(2):
            status, _, body = client.response()
            assert status == 500
            assert b"secret" not in body
            assert b"Traceback" not in body
    assert "GET /a?b failed" in caplog.text
    assert "a secret" in caplog.text


NO_RESPONSES = {
    "nothing": lambda: None,
    "a str": lambda: "hello",
    "a body of str": lambda: Answer("hello"),
    "a list as body": lambda: Answer([b"hello"]),
    "a wrong status": lambda: Answer(status=99),
    "a status above all": lambda: Answer(status=600),
    "an interim status": lambda: Answer(status=103),
    "an injected header": lambda: Answer(headers=[("A", "b\r\nC: d")]),
    "an injected name": lambda: Answer(headers=[("A: b\r\nC", "d")]),
    "a length of its own": lambda: Answer(headers=[("Content-Length", "5")]),
    "a coding of its own": lambda: Answer(headers=[("Transfer-Encoding", "x")]),
    "an upgrade nobody wants": lambda: Answer(status=101, upgrade=hello),
}


@pytest.mark.parametrize("make", NO_RESPONSES.values(), ids=NO_RESPONSES)
def test_what_is_no_response_is_a_500(running, make, caplog):
    with running(lambda *_: make()).connect() as client:
        client.send(request() + request())
        for _ in range(2):
            status, headers, _ = client.response()
            assert status == 500
            assert "c" not in headers
    assert caplog.records


def test_an_iterator_that_raises_cuts_the_response(running, caplog):
    async def pieces():
        yield b"first"
        await let_others_run()
        raise ValueError("in the middle")

    with running(lambda *_: Answer(pieces())).connect() as client:
        client.send(request())
        with pytest.raises((ValueError, ConnectionError)):
            client.response()
    assert "in the middle" in caplog.text


# Slow, silent and vanished clients


def test_a_bad_body_that_is_sent_back_as_it_comes_cuts_the_response(running, caplog):
    """The status is sent; and what a client does wrong is no failure of ours."""

    def application(head, body, connection):
        return Answer(body)

    with running(application).connect() as client:
        lines = request("/", "Transfer-Encoding: chunked", method="POST")
        client.send(lines + b"5\r\nhello\r\nnonsense\r\n")
        assert client.file.readline() == b"HTTP/1.1 200 OK\r\n"
        rest = client.file.read()
    assert rest.endswith(b"\r\n5\r\nhello\r\n")
    assert not caplog.records


def test_a_head_that_takes_too_long(running):
    with running(hello, header_timeout=0.5).connect() as client:
        client.send(b"GET / HTTP/1.1\r\n")
        assert client.response()[0] == 408
        assert client.at_end()


def test_a_head_that_trickles_takes_too_long_as_well():
    """More of it does not give it more time."""
    loop = Loop()
    with closing(loop):
        server = Server(hello, ServerSettings(header_timeout=5), loop)
        stream = FakeStream()
        server.now = 0
        connection = Connection(server, stream, None)
        for server.now in range(5):
            stream.on_data(b"G")
            assert connection.deadline == 5


def test_the_second_head_has_its_deadline_too(running):
    with running(hello, header_timeout=0.5).connect() as client:
        client.send(request() + b"GET")
        assert client.response()[0] == 200
        assert client.response()[0] == 408


def test_who_says_nothing_is_let_go(running):
    with running(hello, header_timeout=0.1).connect() as client:
        assert client.at_end()


def test_an_idle_connection_is_closed(running):
    with running(hello, idle_timeout=0.1).connect() as client:
        client.send(request())
        assert client.response()[0] == 200
        assert client.at_end()


@pytest.mark.parametrize("application", [hello, echo])
def test_a_body_that_comes_too_slowly(running, application):
    with running(application, body_grace=0.1).connect() as client:
        client.send(post(b"x" * 100)[:-1])
        assert client.response()[0] == (200 if application is hello else 408)
        assert client.at_end()


def test_how_slow_a_body_may_be():
    """With a clock of our own: 10 bytes a second, and 2 seconds behind that."""
    loop = Loop()
    with closing(loop):
        server = Server(hello, ServerSettings(min_body_rate=10, body_grace=2), loop)
        stream = FakeStream()
        connection = Connection(server, stream, None)
        server.now = 0
        stream.on_data(post(b"x" * 1000)[:-1000])
        assert connection.deadline == 2
        server.now = 1
        stream.on_data(b"x" * 5)
        assert connection.deadline == 2.5
        stream.on_data(b"x" * 900)  # nothing is saved up for later
        assert connection.deadline == 3
        for server.now in range(2, 8):
            stream.on_data(b"x" * 10)
            assert connection.deadline == server.now + 2
        assert server.requests == 1


def test_reading_slowly_piece_by_piece_uses_up_the_same_time():
    async def application(head, body, connection):
        async for _ in body:
            pass

    loop = Loop()
    with closing(loop):
        server = Server(
            application, ServerSettings(min_body_rate=10, body_grace=2), loop
        )
        stream = FakeStream()
        connection = Connection(server, stream, None)
        deadlines = []
        for server.now in range(3):
            stream.on_data(post(b"x" * 99)[:-99] if server.now == 0 else b"x")
            while loop.ready:
                loop.run_ready()
            deadlines.append(connection.deadline)
        assert deadlines == pytest.approx([2, 2.1, 2.2])


def test_an_upload_waits_for_the_application(running):
    """Backpressure: what the application does not read, the client can't send."""
    go, size = Event(), 30_000_000

    async def application(head, body, connection):
        first = await anext(aiter(body))
        await go.wait()
        rest = await body.read()
        return Answer(b"%d" % (len(first) + len(rest)))

    one = running(application, max_body="50 MB".replace("MB", "MiB"))
    with one.connect() as client:
        text = memoryview(post(b"x" * size))
        sent = 0
        client.sock.settimeout(0.5)
        with suppress(TimeoutError):
            while sent < len(text):
                sent += client.sock.send(text[sent : sent + 100_000])
        assert sent < size // 2
        [connection] = one.server.connections
        assert connection._parser.unread <= 3 * HIGH_WATER
        client.sock.settimeout(PATIENCE)
        one.soon(go.set)
        client.sock.sendall(text[sent:])
        assert client.response()[2] == b"%d" % size


def test_a_download_waits_for_the_client(running):
    made, closed = [], Latch()

    async def pieces():
        try:
            for _ in range(100_000):  # 1 GB
                made.append(1)
                yield b"x" * 10_000
        finally:
            closed.set()

    one = running(lambda *_: Answer(pieces()), write_timeout=0.5)
    with one.connect(receive_buffer=4096) as client:
        client.send(request())
        closed.wait()  # the client that never reads is let go
        assert len(made) < 10_000
        assert client.file.readline() == b"HTTP/1.1 200 OK\r\n"


def test_a_client_that_takes_its_answer_slowly_or_not_at_all():
    loop = Loop()
    with closing(loop):
        settings = ServerSettings(idle_timeout=60, write_timeout=30)
        server = Server(hello, settings, loop)
        stream = FakeStream()
        connection = Connection(server, stream, None)
        server._set_time(0)
        stream.on_data(request())
        for now, unsent in ((60, 3000), (90, 2000), (120, 1000)):
            assert connection.deadline == now
            server._set_time(now)
            stream.unsent = unsent  # it takes some
            connection.overdue()
        server.now = connection.deadline
        connection.overdue()
        assert stream.closing  # when the rest is sent
        assert not stream.closed
        server.now = connection.deadline
        assert server.now == 180
        connection.overdue()
        assert stream.closed


def test_a_client_that_closes_its_half_is_answered(running):
    async def application(head, body, connection):
        await sleep(0.05)
        return Answer(head.target.encode())

    with running(application).connect() as client:
        client.send(request("/1") + request("/2"))
        client.sock.shutdown(socket.SHUT_WR)
        assert client.response()[2] == b"/1"
        assert client.response()[2] == b"/2"
        assert client.at_end()


def test_a_client_that_closes_its_half_after_more_requests_than_a_batch(running):
    """What the parser keeps of them comes before the end, and an error last."""

    async def application(head, body, connection):
        await sleep(0.01 if head.target == "/0" else 0)
        return Answer(head.target.encode())

    with running(application).connect() as client:
        client.send(b"".join(request(f"/{i}") for i in range(200)) + b"GET /")
        client.sock.shutdown(socket.SHUT_WR)
        for i in range(200):
            assert client.response()[2] == f"/{i}".encode()
        assert client.response()[0] == 400
        assert client.at_end()


def test_a_client_that_closes_its_half_in_a_head(running):
    with running(hello).connect() as client:
        client.send(b"GET / HTTP/1.1\r\n")
        client.sock.shutdown(socket.SHUT_WR)
        assert client.response()[0] == 400
        assert client.at_end()


def test_a_client_that_closes_its_half_in_a_body(running):
    with running(echo).connect() as client:
        client.send(post(b"hello")[:-1])
        client.sock.shutdown(socket.SHUT_WR)
        assert client.response()[0] == 400
        assert client.at_end()


def waiting_application():
    """An application that waits for ever, and latches for its start and end."""
    began, ended = Latch(), Latch()

    async def application(head, body, connection):
        began.set()
        try:
            await Future()
        except CancelledError:
            ended.set("cancelled")
            raise

    return application, began, ended


def test_a_reset_cancels_the_application(running):
    application, began, ended = waiting_application()
    client = running(application).connect()
    client.send(request())
    began.wait()
    client.reset()
    assert ended.wait() == "cancelled"


def test_a_client_that_went_away_cancels_the_application(running):
    application, began, ended = waiting_application()
    with running(application, half_closed_timeout=0.1).connect() as client:
        client.send(request())
        began.wait()
    assert ended.wait() == "cancelled"


def test_who_went_away_after_two_requests_is_noticed_in_the_second():
    loop = Loop()
    answers = [Future(loop), Future(loop)]

    async def application(head, body, connection):
        return await answers[int(head.target[1:])]

    with closing(loop):
        server = Server(application, ServerSettings(half_closed_timeout=5), loop)
        stream = FakeStream()
        server.now = 0
        connection = Connection(server, stream, None)
        stream.on_data(request("/0") + request("/1"))
        assert connection.deadline == inf
        server.now, stream.eof = 1, True
        stream.on_data(b"")
        assert connection.deadline == 6
        server.now = 2
        answers[0].set_result(Answer(b"0"))
        while loop.ready:
            loop.run_ready()
        assert server.requests == 2
        assert connection.deadline == 7


def test_a_loop_that_was_stuck_gives_everybody_the_time_back():
    times = iter([0, 0, 100, 101])
    loop = Loop()
    with closing(loop):
        settings = ServerSettings(header_timeout=5, linger=4)
        server = Server(hello, settings, loop)
        loop.time = lambda: next(times)
        server.start()  # sweeps at 0
        stream = FakeStream()
        connection = Connection(server, stream, None)
        server.connections.add(connection)
        assert connection.deadline == 6
        server._sweep(1)  # at 100, where 1 would have been in time
        assert connection.deadline == 6 + 99
        server._sweep(1)  # at 101, in time
        assert connection.deadline == 6 + 99
        assert not stream.written


def test_a_reset_ends_an_iterator(running):
    began, ended = Latch(), Latch()

    async def pieces():
        try:
            yield b"first"
            began.set()
            await Future()
        finally:
            ended.set()

    client = running(lambda *_: Answer(pieces())).connect()
    client.send(request())
    began.wait()
    client.reset()
    ended.wait()


def test_a_future_is_an_answer_too(running):
    def application(head, body, connection):
        future = Future(connection.server.loop)
        connection.server.loop.call_later(0.001, future.set_result, Answer(b"later"))
        return future

    with running(application).connect() as client:
        client.send(request() * 2)
        assert client.response()[2] == client.response()[2] == b"later"


@pytest.mark.parametrize("when", ["answered", "sending", "refused"])
def test_a_body_that_is_not_sent_is_closed_all_the_same(when):
    """Also one whose client leaves in the very turn in which it was answered."""

    class Pieces:
        closed = False

        def __aiter__(self):
            return self

        async def aclose(self):
            self.closed = True

    pieces, loop, stream = Pieces(), Loop(), FakeStream()
    with closing(loop):
        answer = Future(loop)
        headers = [("X", "\r\n")] if when == "refused" else []
        answer.set_result(Answer(pieces, headers=headers))
        Connection(Server(lambda *_: answer, loop=loop), stream, None)
        on_close = stream.on_close
        stream.on_data(request())
        if when != "answered":
            loop.run_ready()
        if when != "refused":
            stream.closed = True
            on_close(None)
            loop.run_ready()
            loop.run_ready()
        assert pieces.closed


def test_who_reads_a_body_beside_the_answer_hears_that_the_client_left(running):
    ended = Latch()

    def application(head, body, connection):
        async def read():
            try:
                await body.read()
            except CancelledError:
                begun.set(True)
            try:
                await body.read()
            except StreamClosed:
                ended.set("closed")

        connection.server.loop.spawn(read())
        return Future(connection.server.loop)

    begun = Latch()
    with running(application).connect() as client:
        client.send(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\n1")
        client.reset()
    assert begun.wait()
    assert ended.wait() == "closed"


def test_the_reason_of_a_response_is_sent(running):
    answer = Answer(b"")
    answer.reason = "As You Like"
    with running(lambda *_: answer).connect() as client:
        client.send(request())
        assert client.file.readline() == b"HTTP/1.1 200 As You Like\r\n"


def test_a_reset_in_a_body_cancels_who_reads_it(running):
    ended = Latch()

    async def application(head, body, connection):
        try:
            await body.read()
        except CancelledError:
            ended.set("cancelled")
            raise

    client = running(application).connect()
    client.send(post(b"hello")[:-1])
    client.reset()
    assert ended.wait() == "cancelled"


def test_nothing_is_left_of_closed_connections(running):
    one = running(hello)
    for end in ("close", "reset"):
        for _ in range(20):
            client = one.connect()
            client.send(request() if end == "close" else b"GET /")
            client.reset() if end == "reset" else client.__exit__()
    done = Latch()

    async def wait_until_empty():
        while one.server.connections:
            await sleep(0.01)
        done.set()

    one.soon(lambda: one.loop.spawn(wait_until_empty()))
    done.wait()


# Expect: 100-continue

EXPECT = "Expect: 100-continue", "Content-Length: 5"


def test_continue_is_said_when_the_body_is_wanted(running):
    async def application(head, body, connection):
        await let_others_run()
        return Answer(await body.read())

    with running(application).connect() as client:
        client.send(request("/", *EXPECT, method="POST"))
        assert client.file.readline() == b"HTTP/1.1 100 Continue\r\n"
        assert client.file.readline() == b"\r\n"
        client.send(b"hello" + request("/", *EXPECT, method="POST", body=b"again"))
        assert client.response()[2] == b"hello"
        assert client.response()[2] == b"again"  # it was here: no need to say it


def test_continue_is_not_said_when_it_is_not(running):
    with running(hello).connect() as client:
        client.send(request("/", *EXPECT, method="POST"))
        status, headers, _ = client.response()
        assert (status, headers["connection"]) == (200, "close")
        assert client.at_end()


# Upgrades

UPGRADE = "Connection: Upgrade", "Upgrade: echo"


def test_upgrade(running):
    async def speak(stream):
        line = await stream.read_until(b"\n")
        stream.write(line.upper())
        assert await stream.read() == b""
        over.set()

    over = Latch()
    answer = Answer(status=101, headers=[("Upgrade", "echo")], upgrade=speak)
    one = running(lambda *_: answer)
    for early in (b"", b"he", b"hello\n"):
        with one.connect() as client:
            client.send(request("/", *UPGRADE) + early)
            status, headers, _ = client.response()
            assert (status, headers["upgrade"]) == (101, "echo")
            assert headers["connection"] == "Upgrade"
            assert not headers.keys() & {"content-length", "transfer-encoding"}
            client.send(b"hello\n"[len(early) :])
            assert client.file.readline() == b"HELLO\n"
        over.wait()


def test_an_upgrade_decided_later_and_one_declined(running):
    async def speak(stream):
        stream.write(b"hi")

    async def application(head, body, connection):
        await let_others_run()
        if head.upgrade == "echo":
            return Answer(status=101, upgrade=speak)
        return Answer(b"no")

    with running(application).connect() as client:
        other = request("/", "Connection: upgrade", "Upgrade: h2c")
        client.send(other + request() + request("/", *UPGRADE))
        assert client.response()[2] == client.response()[2] == b"no"
        assert client.response()[0] == 101
        assert client.file.read() == b"hi"


def test_a_declined_upgrade_still_has_its_body(running):
    hidden = request("/hidden")
    lines = (*UPGRADE, f"Content-Length: {len(hidden)}")
    with running(show_target).connect() as client:
        client.send(request("/open", *lines, method="POST"))
        assert client.response()[2] == b"/open"
        client.send(hidden + request("/next"))
        assert client.response()[2] == b"/next"


@pytest.mark.parametrize("waits", [True, False])
def test_continue_comes_before_the_switch(running, waits):
    """RFC 9110, 7.8: also where the client did not wait for it."""

    async def application(head, body, connection):
        data = await body.read()

        async def repeat(stream):
            stream.write(data)

        return Answer(status=101, headers=[("Upgrade", "echo")], upgrade=repeat)

    lines = *UPGRADE, "Expect: 100-continue", "Content-Length: 5"
    with running(application).connect() as client:
        head = request("/", *lines, method="POST")
        client.send(head if waits else head + b"hello")
        assert client.response()[0] == 100
        if waits:
            client.send(b"hello")
        assert client.response()[0] == 101
        assert client.file.read() == b"hello"


def test_an_upgraded_connection_that_fails_or_is_lost(running, caplog):
    async def fail(stream):
        raise ValueError("in the other protocol")

    async def lose(stream):
        try:
            await stream.read_exactly(10)
        except (StreamClosed, EOFError):
            lost.set()
            raise

    lost = Latch()
    upgrades = {"/fail": fail, "/lose": lose}
    one = running(lambda head, *_: Answer(status=101, upgrade=upgrades[head.target]))
    with one.connect() as client:
        client.send(request("/fail", *UPGRADE))
        assert client.response()[0] == 101
        assert client.at_end()
    client = one.connect()
    client.send(request("/lose", *UPGRADE))
    assert client.response()[0] == 101
    client.reset()
    lost.wait()
    assert "in the other protocol" in caplog.text


def test_who_takes_nothing_of_an_upgrades_last_words_is_lost(running):
    async def say_much(stream):
        stream.on_close = lambda _: gone.set()
        stream.write(b"x" * 20_000_000)

    for timeout, reads in ((0.1, False), (PATIENCE, True)):
        gone = Latch()
        answer = Answer(status=101, upgrade=say_much)
        one = running(lambda *_, a=answer: a, write_timeout=timeout)
        with one.connect(receive_buffer=None if reads else 4096) as client:
            client.send(request("/", *UPGRADE))
            assert client.response()[0] == 101
            if reads:
                assert len(client.file.read()) == 20_000_000
            gone.wait()


# Limits and the end


def test_too_many_connections(running):
    one = running(hello, max_connections=2)
    with one.connect() as first, one.connect() as second:
        for client in (first, second):
            client.send(request())
            assert client.response()[0] == 200
        with one.connect() as third:
            assert third.response()[0] == 503
        first.send(request())
        assert first.response()[0] == 200


def test_upgraded_connections_count_too(running):
    async def speak(stream):
        await stream.read()

    one = running(lambda *_: Answer(status=101, upgrade=speak), max_connections=2)
    with one.connect() as first, one.connect() as second:
        for client in (first, second):
            client.send(request("/", *UPGRADE))
            assert client.response()[0] == 101
        with one.connect() as third:
            assert third.response()[0] == 503


def test_what_is_refused_is_counted_and_told_to_the_log(running, caplog):
    one = running(hello)
    with caplog.at_level("INFO", "dustdevil"):
        for data in (b"GET / HTTP/1.1\r\n\r\n", request("/ok"), b"?\r\n\r\n"):
            with one.connect() as client:
                client.send(data)
                client.response()
    assert (one.server.requests, one.server.refused) == (1, 2)
    refused = [record.message for record in caplog.records]
    assert [line.startswith("refused ('127.0.0.1', ") for line in refused] == [True] * 2
    assert refused[0].endswith(": 400, there must be one Host field")


def test_one_too_many_that_asked_already_can_read_its_503(running):
    one = running(hello, max_connections=10)
    with ExitStack() as others:
        for _ in range(10):
            others.enter_context(one.connect())
        for _ in range(30):
            with one.connect() as client:
                client.send(request() + b"x" * 1000)
                assert client.response()[0] == 503
                assert client.at_end()


def flood(client):
    while True:
        client.send(b"x" * 65536)


def test_those_turned_away_do_not_stay(running):
    one = running(hello, max_connections=1, linger=0.05)
    with one.connect(), one.connect() as second:
        assert second.response()[0] == 503
        second.sock.shutdown(socket.SHUT_WR)
        with one.connect() as third:
            assert third.response()[0] == 503
            assert third.at_end()
            with pytest.raises(OSError, match=r"[Rr]eset|pipe"):
                flood(third)  # what it sends is taken for a while, and thrown away
        left = Latch()

        async def count():
            for _ in range(3):  # turns, for what happened to be told
                await let_others_run()
            left.set(len(one.server._turned_away))

        one.soon(one.loop.spawn, count())
        assert left.wait() == 0


def test_stopping_finishes_what_is_in_flight(running):
    go, began = Event(), Latch()

    async def application(head, body, connection):
        if head.target == "/slow":
            began.set()
            await go.wait()
        return Answer(head.target.encode())

    one = running(application, last_call=0.01)
    with one.connect() as idle, one.connect() as busy:
        idle.send(request())
        assert idle.response()[0] == 200
        busy.send(request("/slow") + request("/next"))
        began.wait()
        one.soon(one._stop, PATIENCE)
        assert idle.at_end()
        one.soon(go.set)
        _, headers, body = busy.response()
        assert (body, headers["connection"]) == (b"/slow", "close")
        assert busy.at_end()
        with pytest.raises(ConnectionRefusedError):
            one.connect()
    one.thread.join(PATIENCE)
    assert not one.thread.is_alive()


def stopping(one, **options):
    """Begin to stop, and return when the server does so."""
    began = Latch()

    def begin():
        task = one.loop.spawn(one.server.stop(PATIENCE, **options))
        task.add_done_callback(lambda _: one.loop.stop())
        one.loop.call_soon(one.loop.call_soon, began.set)

    one.soon(begin)
    began.wait()


def test_a_request_on_its_way_when_the_server_stops_is_answered(running):
    one = running(hello, last_call=PATIENCE)
    with one.connect() as kept, one.connect() as fresh:
        kept.send(request())
        assert kept.response()[0] == 200
        stopping(one)
        for client in kept, fresh:
            client.send(request())
            status, headers, _ = client.response()
            assert (status, headers["connection"]) == (200, "close")
            assert client.at_end()


def fall_asleep(one):
    """Let its connections wait in the kernel's queue, up to the turn it stops in."""
    asleep, socks = Latch(), one.server._socks
    one.soon(lambda: (one.server.accept_from([]), asleep.set()))
    asleep.wait()
    return lambda: one.soon(setattr, one.server._listener, "socks", socks)


def test_connections_that_nobody_accepted_yet_are_answered_when_it_stops(running):
    one = running(hello)
    wake = fall_asleep(one)
    clients = [one.connect() for _ in range(70)]
    wake()
    stopping(one)
    for client in clients:
        with client:
            client.send(request())
            assert client.response()[0] == 200


def test_listening_sockets_that_are_handed_on_keep_their_queue(running):
    one = running(hello)
    [other] = [sock.dup() for sock in one.server._socks]
    wake = fall_asleep(one)
    with other, one.connect() as client:
        wake()
        stopping(one, handed_on=True)
        one.thread.join(PATIENCE)
        accepted, _ = other.accept()
        with accepted, one.connect():  # and new ones can come
            client.send(b"still here")
            assert accepted.recv(100) == b"still here"


def test_a_handshake_that_goes_on_when_the_server_stops_is_finished(running, tls):
    ours, theirs = tls
    one = running(hello, tls=ours)
    raw = socket.create_connection(("127.0.0.1", one.port), PATIENCE)
    latch = Latch()

    def look():
        if one.server._listener.greeting:
            latch.set()
        else:
            one.loop.call_soon(look)

    one.soon(look)
    latch.wait()
    stopping(one)
    with theirs.wrap_socket(raw, server_hostname="127.0.0.1") as sock:
        sock.sendall(request())
        assert sock.recv(100).startswith(b"HTTP/1.1 200 OK")


def test_stopping_does_not_wait_for_ever(running):
    application, began, ended = waiting_application()
    one = running(application)
    with one.connect() as client:
        client.send(request())
        began.wait()
        one.stop(grace=0.05)
        assert ended.wait() == "cancelled"
        with pytest.raises((AssertionError, ConnectionError)):
            client.response()


def test_stopping_cancels_upgraded_connections(running):
    began, ended = Latch(), Latch()

    async def speak(stream):
        began.set()
        try:
            await stream.read()
        except CancelledError:
            stream.write(b"bye")
            ended.set("cancelled")
            raise

    one = running(lambda *_: Answer(status=101, upgrade=speak))
    with one.connect() as client:
        client.send(request("/", *UPGRADE))
        began.wait()
        one.stop(grace=PATIENCE)
        assert ended.wait() == "cancelled"
        assert client.response()[0] == 101
        assert client.file.read() == b"bye"


def test_who_goes_on_to_speak_after_the_grace_is_cut_off(running):
    began, cancelled, cut = Latch(), Latch(), Latch()

    async def speak(stream):
        try:
            began.set()
            await Future()
        finally:
            cancelled.set()
            try:
                await Future()
            finally:
                cut.set("cut")

    one = running(lambda *_: Answer(status=101, upgrade=speak))
    with one.connect() as client:
        client.send(request("/", *UPGRADE))
        began.wait()
        one.stop(grace=0.1)
        cancelled.wait()
        assert cut.wait() == "cut"


# The whole, as a process

PROGRAM = """
import os
from dustdevil.http import Headers, serve

print(os.getpid(), flush=True)

class Answer:
    status, headers = 200, Headers({"Content-Type": "text/plain"})
    body = b"Hello, world!"
    length = upgrade = reason = None

async def application(head, body, connection):
    return Answer

serve(application, port=0)
"""


@contextmanager
def process(*prefix):
    command = [*prefix, sys.executable, "-c", PROGRAM]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as one:
        try:
            pid = int(one.stdout.readline())
            yield pid, int(re.search(r":(\d+)/", one.stdout.readline())[1])
        finally:
            os.kill(pid, signal.SIGTERM)
            assert one.wait(PATIENCE) == 0


def system_calls(report):
    """How often each was made, from the table that `strace -c` writes."""
    rows = [line.split() for line in report.read_text().splitlines()]
    return {row[-1]: int(row[3]) for row in rows if len(row) > 4 and row[3].isdigit()}


def test_two_system_calls_a_request(tmp_path):
    """`recv` and `send`; the wait for both is shared by all that are ready."""
    strace = shutil.which("strace")
    assert strace, "this test needs strace"
    report = tmp_path / "calls"
    rounds, clients = 100, 50
    with process(strace, "-f", "-c", "-o", report) as (pid, port):
        connections = [Client(port) for _ in range(clients)]
        for _ in range(rounds):
            # All of them ask before the server looks: so it is under load.
            os.kill(pid, signal.SIGSTOP)
            for client in connections:
                client.send(request())
            os.kill(pid, signal.SIGCONT)
            for client in connections:
                assert client.response()[0] == 200
        for client in connections:
            client.__exit__()
    counts = system_calls(report)
    requests = rounds * clients
    assert counts["sendto"] < 1.01 * requests
    assert counts["recvfrom"] < 1.02 * requests
    made = sum(counts[name] for name in ("sendto", "recvfrom", "epoll_wait"))
    assert made + counts["epoll_ctl"] <= 2.1 * requests


def test_sigterm_ends_the_process():
    with process() as (_, port), Client(port) as client:
        client.send(request())
        assert client.response()[2] == b"Hello, world!"
