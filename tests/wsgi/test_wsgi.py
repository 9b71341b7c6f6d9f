"""WSGI applications behind the server, through real sockets."""

import io
import sys
import threading
import time
from contextlib import suppress
from queue import Queue
from wsgiref.validate import validator

import httpx
import pytest

from dustdevil.coroutine import let_others_run
from dustdevil.loop import Loop
from dustdevil.wsgi import WSGI, ClientGone
from dustdevil.wsgi.gateway import BodyFromThread
from support.serving import PATIENCE, Running

PLAIN = [("Content-Type", "text/plain")]


@pytest.fixture
def serve():
    """Start serving WSGI applications: `serve(application, threads=…)`."""
    started = []

    def serve(application, threads=4, **settings):
        started.append(Running(WSGI(application, threads), **settings))
        return started[-1]

    yield serve
    for one in started:
        if one.thread.is_alive():
            one.stop()
        one.loop.close()


def ask(server, text):
    """Send a request in bytes; return status, headers and body."""
    with server.connect() as client:
        client.send(text)
        return client.response(text.split()[0].decode())


def until(condition):
    """Wait for what another thread is about to do."""
    end = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.001)


def get(path="/", *fields, method="GET"):
    lines = [f"{method} {path} HTTP/1.1", "Host: here", *fields]
    return "\r\n".join([*lines, "", ""]).encode()


def hello(environ, start_response):
    start_response("200 OK", PLAIN)
    return [b"Hello, ", b"world\n"]


# The environ


@pytest.fixture
def environ_of(serve):
    """The environ that a request in bytes comes out as."""
    seen = Queue()

    def app(environ, start_response):
        seen.put(environ)
        return hello(environ, start_response)

    server = serve(app)

    def environ_of(text):
        with server.connect() as client:
            client.send(text)
            client.response()
            environ = seen.get(timeout=PATIENCE)
            environ["test.addresses"] = client.sock.getsockname(), server.port
        return environ

    return environ_of


def test_the_environ_is_complete_and_exact(environ_of):
    environ = environ_of(
        b"GET /caf%C3%A9/a%2Fb?q=%20x?y HTTP/1.1\r\nHost: here:80\r\n"
        b"User-Agent: me\r\nX-Two: 1\r\nx-two: 2\r\nCookie: a=1\r\nCookie: b=2\r\n"
        b"Content-Type: text/x\r\nContent-Length: 0\r\n\r\n"
    )
    (address, port), server_port = environ.pop("test.addresses")
    assert environ.pop("wsgi.input").read() == b""
    assert environ.pop("wsgi.errors") is sys.stderr
    assert callable(environ.pop("wsgi.file_wrapper"))
    assert environ == {
        "REQUEST_METHOD": "GET",
        "SCRIPT_NAME": "",
        "PATH_INFO": "/caf\xc3\xa9/a/b",
        "QUERY_STRING": "q=%20x?y",
        "REQUEST_URI": "/caf%C3%A9/a%2Fb?q=%20x?y",
        "CONTENT_TYPE": "text/x",
        "CONTENT_LENGTH": "0",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "SERVER_NAME": "127.0.0.1",
        "SERVER_PORT": str(server_port),
        "SERVER_SOFTWARE": "dustdevil",
        "REMOTE_ADDR": address,
        "REMOTE_PORT": str(port),
        "HTTP_HOST": "here:80",
        "HTTP_USER_AGENT": "me",
        "HTTP_X_TWO": "1,2",
        "HTTP_COOKIE": "a=1; b=2",
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": "http",
        "wsgi.multithread": True,
        "wsgi.multiprocess": False,
        "wsgi.run_once": False,
        "wsgi.input_terminated": True,
    }
    assert all(type(value) is str for key, value in environ.items() if key.isupper())


def test_a_name_with_an_underscore_is_not_taken_for_one_with_a_dash(environ_of):
    environ = environ_of(get("/", "X_User: eve", "X-User: bob", "Content_Length: 9"))
    assert environ["HTTP_X_USER"] == "bob"
    assert "CONTENT_LENGTH" not in environ
    environ = environ_of(get("/", "X_User: eve"))
    assert "HTTP_X_USER" not in environ


def test_the_host_of_an_absolute_target_comes_before_the_field(environ_of):
    environ = environ_of(b"GET http://there/x HTTP/1.1\r\nHost: here\r\n\r\n")
    assert environ["HTTP_HOST"] == "there"
    assert environ["PATH_INFO"] == "/x"


def test_the_asterisk_is_no_path(environ_of):
    environ = environ_of(get("*", method="OPTIONS"))
    assert (environ["PATH_INFO"], environ["REQUEST_URI"]) == ("", "*")


# Responses


def test_a_list_is_one_piece_with_its_length(serve):
    status, headers, body = ask(serve(hello), get())
    assert (status, body) == (200, b"Hello, world\n")
    assert headers["content-length"] == "13"
    assert headers["content-type"] == "text/plain"
    assert "date" in headers


def test_a_generator_comes_in_chunks_and_the_connection_stays(serve):
    def app(environ, start_response):
        start_response("200 OK", PLAIN)
        yield b""
        yield b"one"
        yield b"two"

    with serve(app).connect() as client:
        for _ in range(2):
            client.send(get())
            _, headers, body = client.response()
            assert headers["transfer-encoding"] == "chunked"
            assert body == b"onetwo"


def test_to_an_old_client_the_end_of_the_connection_is_that_of_the_body(serve):
    def app(environ, start_response):
        start_response("200 OK", PLAIN)
        yield b"one"
        yield b"two"

    text = b"GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n"
    _, headers, body = ask(serve(app), text)
    assert headers["connection"] == "close"
    assert body == b"onetwo"


def test_a_block_is_sent_before_the_next_is_made(serve):
    go_on = threading.Event()

    def app(environ, start_response):
        start_response("200 OK", [*PLAIN, ("Content-Length", "6")])
        yield b"one"
        assert go_on.wait(PATIENCE)
        yield b"two"

    with serve(app).connect() as client:
        client.send(get())
        while client.file.readline() != b"\r\n":
            pass
        assert client.file.read(3) == b"one"
        go_on.set()
        assert client.file.read(3) == b"two"


def test_write_and_then_an_iterable(serve):
    def app(environ, start_response):
        write = start_response("200 OK", PLAIN)
        write(b"one")
        write(b"")
        write(b"two")
        return [b"three"]

    assert ask(serve(app), get())[2] == b"onetwothree"


def test_status_and_reason_are_passed_on(serve):
    def app(environ, start_response):
        start_response(environ["QUERY_STRING"].replace("+", " "), PLAIN)
        return []

    server = serve(app)
    for query, line in (
        ("299+As+you+like", b"HTTP/1.1 299 As you like\r\n"),
        ("404", b"HTTP/1.1 404 Not Found\r\n"),
    ):
        with server.connect() as client:
            client.send(get("/?" + query))
            assert client.file.readline() == line


@pytest.mark.parametrize("threads", [1, 8])
def test_pipelined_requests_are_answered_in_order(serve, threads):
    def app(environ, start_response):
        start_response("200 OK", PLAIN)
        return [environ["PATH_INFO"].encode()]

    with serve(app, threads).connect() as client:
        client.send(b"".join(get(f"/{number}") for number in range(50)))
        for number in range(50):
            assert client.response()[2] == f"/{number}".encode()


def test_one_that_blocks_does_not_keep_the_others(serve):
    release = threading.Event()

    def app(environ, start_response):
        if environ["PATH_INFO"] == "/slow":
            assert release.wait(PATIENCE)
        return hello(environ, start_response)

    server = serve(app, threads=2)
    with server.connect() as slow:
        slow.send(get("/slow"))
        for _ in range(5):
            assert ask(server, get())[0] == 200
        release.set()
        assert slow.response()[0] == 200


@pytest.mark.parametrize("length", [None, "13"])
@pytest.mark.parametrize("kind", ["list", "generator", "empty", "write"])
def test_head_is_answered_like_get_without_the_body(serve, kind, length):
    closed = threading.Event()

    def generator():
        try:
            yield b"Hello, world\n"
            yield b"" if length else b"and more"
        finally:
            closed.set()

    def app(environ, start_response):
        fields = [("Content-Length", length)] if length else []
        write = start_response("200 OK", PLAIN + fields)
        if kind == "write":
            write(b"Hello, world\n")
        bodies = {"list": [b"Hello, world\n"], "generator": generator()}
        return bodies.get(kind, [])

    with serve(app).connect() as client:
        client.send(get(method="HEAD"))
        status, headers, _ = client.response("HEAD")
        assert status == 200
        if length or kind == "list":
            assert headers["content-length"] == "13"
        else:
            assert "content-length" not in headers
        if kind == "generator":
            assert closed.wait(PATIENCE)
        client.send(get(method="HEAD"))
        assert client.response("HEAD")[0] == 200


@pytest.mark.parametrize("status", ["204 No Content", "304 Not Modified"])
def test_some_statuses_have_no_body(serve, status):
    def app(environ, start_response):
        start_response(status, [("ETag", '"x"'), ("Content-Length", "3")])
        return iter([b"abc"]) if environ["QUERY_STRING"] else [b"abc"]

    with serve(app).connect() as client:
        for target in ("/", "/?iterate"):
            client.send(get(target))
            code, headers, _ = client.response()
            assert code == int(status[:3])
            assert "content-length" not in headers
            assert "transfer-encoding" not in headers


def test_a_body_of_many_megabytes_in_one_block(serve):
    block = bytes(range(256)) * 4096 * 8

    def app(environ, start_response):
        start_response("200 OK", PLAIN)
        yield block
        yield b"."

    assert ask(serve(app), get())[2] == block + b"."


def test_files_are_read_in_blocks_and_closed(serve, tmp_path):
    path = tmp_path / "file"
    path.write_bytes(b"0123456789" * 50_000)
    closed = Queue()

    class File(io.FileIO):
        def close(self):
            super().close()
            closed.put(True)

    def app(environ, start_response):
        start_response("200 OK", [*PLAIN, ("Content-Length", "500000")])
        return environ["wsgi.file_wrapper"](File(path), 4096)

    with serve(app).connect() as client:
        for _ in range(2):
            client.send(get())
            assert client.response()[2] == path.read_bytes()
            assert closed.get(timeout=PATIENCE)


# close()


class Closing:
    """An iterable that notes when it is closed."""

    def __init__(self, *blocks, error=None):
        self.blocks = iter(blocks)
        self.error = error
        self.closed = threading.Event()

    def __iter__(self):
        return self

    def __next__(self):
        for block in self.blocks:
            return block
        if self.error:
            raise self.error
        raise StopIteration

    def close(self):
        self.closed.set()


@pytest.mark.parametrize(
    "result",
    [
        Closing(),
        Closing(b"abc"),
        Closing(b"abc", b"def"),
        Closing(error=ValueError("at once")),
        Closing(b"abc", error=ValueError("later")),
        Closing("no bytes"),
    ],
)
def test_close_is_always_called(serve, result, caplog):
    def app(environ, start_response):
        start_response("200 OK", PLAIN)
        return result

    with serve(app).connect() as client:
        client.send(get())
        client.file.readline()
        assert result.closed.wait(PATIENCE)


def test_the_client_need_not_wait_for_close(serve):
    release = threading.Event()

    class Slow(Closing):
        def close(self):
            assert release.wait(PATIENCE)
            super().close()

    result = Slow(b"Hello, world\n")

    def app(environ, start_response):
        start_response("200 OK", [*PLAIN, ("Content-Length", "13")])
        return result

    assert ask(serve(app), get())[2] == b"Hello, world\n"
    assert not result.closed.is_set()
    release.set()
    assert result.closed.wait(PATIENCE)


def test_an_error_in_close_comes_after_the_response_and_into_the_log(serve, caplog):
    class Failing(Closing):
        def close(self):
            super().close()
            raise RuntimeError("in close")

    def app(environ, start_response):
        start_response("200 OK", PLAIN)
        return Failing()

    server = serve(app)
    assert ask(server, get())[0] == 200
    until(lambda: "RuntimeError: in close" in caplog.text)


# start_response


def failing_app(sent, exc_info):
    """An application that begins twice: with `exc_info` or without."""

    def app(environ, start_response):
        write = start_response("200 OK", [("X-First", "yes")])
        if sent:
            write(b"begun")
        try:
            raise KeyError("first")
        except KeyError:
            info = sys.exc_info() if exc_info else None
            start_response("502 Bad Gateway", PLAIN, info)
        return [b"sorry"]

    return app


def test_started_again_with_exc_info_before_anything_was_sent(serve, caplog):
    status, headers, body = ask(serve(failing_app(False, True)), get())
    assert (status, body) == (502, b"sorry")
    assert "x-first" not in headers
    assert caplog.text == ""


def test_started_again_with_exc_info_too_late(serve, caplog):
    with serve(failing_app(True, True)).connect() as client:
        client.send(get())
        assert client.file.readline() == b"HTTP/1.1 200 OK\r\n"
        rest = client.file.read()
    assert not rest.endswith(b"0\r\n\r\n")  # it is cut off, and can be seen to be
    assert b"sorry" not in rest
    assert "KeyError: 'first'" in caplog.text


def test_started_again_without_exc_info(serve, caplog):
    assert ask(serve(failing_app(False, False)), get())[0] == 500
    assert "start_response() was called twice" in caplog.text


@pytest.mark.parametrize(
    ("status", "headers", "words"),
    [
        ("200 OK", [("X", "a\r\nSet-Cookie: b=c")], "no header line"),
        ("200 OK", [("X: y\r\nZ", "a")], "no header line"),
        ("200 OK", [("X", "a\0")], "no header line"),
        ("200 OK", [("X", "snow\u2603")], "encode"),
        ("200 OK", [("X", b"bytes")], "two str"),
        ("200 OK", [(b"X", "bytes")], "two str"),
        ("200 OK\r\nX: y", [], "no status"),
        ("100 Continue", [], "no status"),
        ("2000 Odd", [], "no status"),
        ("OK", [], "no status"),
        ("200 OK", [("Connection", "close")], "the server's"),
        ("200 OK", [("transfer-encoding", "chunked")], "the server's"),
        ("200 OK", [("Keep-Alive", "1")], "the server's"),
        ("200 OK", [("Upgrade", "websocket")], "the server's"),
        ("200 OK", [("Content-Length", "+5")], "Content-Length"),
        ("200 OK", [("Content-Length", "1_0")], "Content-Length"),
        ("200 OK", [("Content-Length", "5"), ("Content-length", "5")], "repeated"),
        ("200 OK", [("Content-Length", "4")], "5 bytes with Content-Length 4"),
        ("200 OK", [("Content-Length", "6")], "5 bytes with Content-Length 6"),
    ],
)
def test_what_is_no_response_is_a_500(serve, caplog, status, headers, words):
    def app(environ, start_response):
        start_response(status, headers)
        return [b"hello"]

    code, fields, body = ask(serve(app), get())
    assert code == 500
    assert "set-cookie" not in fields
    assert "z" not in fields
    assert b"hello" not in body
    assert words in caplog.text


@pytest.mark.parametrize(
    "app",
    [
        lambda environ, start_response: [b"never started"],
        lambda environ, start_response: [],
        lambda environ, start_response: iter([b"never started"]),
        lambda environ, start_response: start_response("200 OK", PLAIN) and None,
        lambda environ, start_response: start_response("200 OK", PLAIN) and ["text"],
        lambda environ, start_response: start_response("200 OK", PLAIN) and "text",
        lambda environ, start_response: sys.exit(1),
        lambda environ, start_response: 1 / 0,
    ],
)
def test_an_application_that_fails_is_answered_for(serve, app, caplog):
    with serve(app).connect() as client:
        for _ in range(2):
            client.send(get("/path"))
            assert client.response()[0] == 500
    assert "GET /path failed" in caplog.text


@pytest.mark.parametrize("blocks", [[b"abc"], [b"abc", b"d"], [b"ab", b"cd", b"efgh"]])
def test_a_body_of_another_length_ends_the_connection(serve, blocks, caplog):
    def app(environ, start_response):
        start_response("200 OK", [*PLAIN, ("Content-Length", "5")])
        yield from blocks

    server = serve(app)
    with server.connect() as client:
        client.send(get() + get())
        received = b"".join(iter(lambda: client.sock.recv(4096), b""))
    assert received.count(b"HTTP/1.1") == 1
    assert len(received.partition(b"\r\n\r\n")[2]) <= 5
    assert "a body of 5 bytes came out otherwise" in caplog.text


def test_more_than_the_length_is_not_sent(serve, caplog):
    def app(environ, start_response):
        start_response("200 OK", [*PLAIN, ("Content-Length", "3")])
        yield b"abc"
        yield b"def"

    server = serve(app)
    with server.connect() as client:
        for _ in range(2):
            client.send(get())
            assert client.response()[2] == b"abc"
    until(lambda: "more of the body than its Content-Length" in caplog.text)


def test_an_error_in_the_middle_cuts_the_body_off(serve, caplog):
    def app(environ, start_response):
        start_response("200 OK", PLAIN)
        yield b"one"
        raise LookupError("in the middle")

    with serve(app).connect() as client:
        client.send(get())
        received = b"".join(iter(lambda: client.sock.recv(4096), b""))
    assert b"one" in received
    assert not received.endswith(b"0\r\n\r\n")
    assert "LookupError: in the middle" in caplog.text


# wsgi.input


def reads(read):
    """An application that answers with what `read(input)` makes of the body."""

    def app(environ, start_response):
        answer = repr(read(environ["wsgi.input"])).encode()
        start_response("200 OK", PLAIN)
        return [answer]

    return app


@pytest.mark.parametrize("chunked", [False, True])
@pytest.mark.parametrize(
    ("read", "expected"),
    [
        (lambda file: file.read(), b"one\ntwo\nthree"),
        (lambda file: file.read(-1), b"one\ntwo\nthree"),
        (lambda file: [file.read(5), file.read(100), file.read(1)], None),
        (lambda file: [file.readline(), file.readline(2), file.readline()], None),
        (lambda file: file.readlines(), [b"one\n", b"two\n", b"three"]),
        (lambda file: list(file), [b"one\n", b"two\n", b"three"]),
        (lambda file: [file.readline() for _ in range(5)][2:], [b"three", b"", b""]),
    ],
)
def test_the_input_is_a_file(serve, read, expected, chunked):
    body = b"one\ntwo\nthree"
    if expected is None:
        expected = read(io.BytesIO(body))
    if chunked:
        framing, body = (
            "Transfer-Encoding: chunked",
            b"6\r\none\ntw\r\n7\r\no\nthree\r\n0\r\n\r\n",
        )
    else:
        framing = f"Content-Length: {len(body)}"
    with serve(reads(read)).connect() as client:
        for _ in range(2):
            client.send(get("/", framing, method="POST") + body)
            assert client.response()[2] == repr(expected).encode()


def test_the_input_is_read_as_it_comes(serve):
    lines = Queue()

    def app(environ, start_response):
        for line in environ["wsgi.input"]:
            lines.put(line)
        return hello(environ, start_response)

    with serve(app).connect() as client:
        client.send(get("/", "Content-Length: 8", method="POST") + b"one\n")
        # BufferedReader fills its buffer as far as one read of ours goes.
        assert lines.get(timeout=PATIENCE) == b"one\n"
        client.send(b"two\n")
        assert lines.get(timeout=PATIENCE) == b"two\n"
        assert client.response()[0] == 200


def test_an_upload_is_not_read_before_it_is_asked_for(serve):
    asked = threading.Event()

    def app(environ, start_response):
        assert asked.wait(PATIENCE)
        size = sum(map(len, iter(lambda: environ["wsgi.input"].read(8192), b"")))
        start_response("200 OK", PLAIN)
        return [b"%d" % size]

    server = serve(app, max_body=10**9)
    size = 64 * 1024 * 1024
    with server.connect() as client:
        client.send(get("/", f"Content-Length: {size}", method="POST"))
        client.sock.settimeout(0.3)
        sent = 0
        with suppress(TimeoutError):
            while sent < size:  # until every buffer on the way is full
                sent += client.sock.send(bytes(1024 * 1024))
        assert sent < size
        [connection] = server.server.connections
        held = connection._parser.unread
        assert held < 1024 * 1024
        asked.set()
        client.sock.settimeout(PATIENCE)
        client.send(bytes(size - sent))
        assert client.response()[2] == b"%d" % size


def test_a_body_that_nobody_reads(serve):
    with serve(hello).connect() as client:
        for _ in range(2):
            client.send(get("/", "Content-Length: 5", method="POST") + b"12345")
            assert client.response()[0] == 200


def test_a_client_that_waits_is_told_to_go_on(serve):
    with serve(reads(lambda file: file.read())).connect() as client:
        fields = "Content-Length: 5", "Expect: 100-continue"
        client.send(get("/", *fields, method="POST"))
        assert client.response()[0] == 100
        client.send(b"12345")
        assert client.response()[2] == b"b'12345'"


@pytest.mark.parametrize("again", [False, True])
def test_a_malformed_body_is_answered_by_its_own_status(serve, again):
    def app(environ, start_response):
        try:
            environ["wsgi.input"].read()
        except OSError:
            if not again:
                raise
            environ["wsgi.input"].read()
        return hello(environ, start_response)

    text = get("/", "Transfer-Encoding: chunked", method="POST") + b"3\r\nabcd\r\n"
    assert ask(serve(app), text)[0] == 400
    text = get("/", "Transfer-Encoding: chunked", method="POST") + b"20\r\n"
    assert ask(serve(app, max_body=16), text)[0] == 413


def test_body_and_response_at_the_same_time(serve):
    def app(environ, start_response):
        start_response("200 OK", PLAIN)
        for line in environ["wsgi.input"]:
            yield line.upper()

    with serve(app).connect() as client:
        client.send(get("/", "Transfer-Encoding: chunked", method="POST"))
        chunks = client.chunks()
        for number, line in enumerate((b"a\n", b"b\n", b"c\n")):
            client.send(b"2\r\n" + line + b"\r\n")
            if number == 0:
                while client.file.readline() != b"\r\n":
                    pass
            assert next(chunks) == line.upper()
        client.send(b"0\r\n\r\n")
        assert list(chunks) == []


# Clients that go away, or are slow


def endless(ended):
    def app(environ, start_response):
        start_response("200 OK", PLAIN)
        try:
            while True:
                yield bytes(65536)
        finally:
            ended.set()

    return app


def test_a_client_that_leaves_ends_the_iteration(serve):
    ended = threading.Event()
    server = serve(endless(ended), threads=1)
    with server.connect() as client:
        client.send(get())
        client.sock.recv(1000)
        client.reset()
    assert ended.wait(PATIENCE)
    ended.clear()
    with server.connect() as client:  # the one thread is free again
        client.send(get())
        assert client.sock.recv(1000)
        client.reset()
    assert ended.wait(PATIENCE)


def test_write_to_a_client_that_left(serve):
    raised = Queue()

    def app(environ, start_response):
        write = start_response("200 OK", PLAIN)
        try:
            while True:
                write(bytes(1000))
        except ConnectionError as error:
            raised.put(error)
        return []

    with serve(app).connect() as client:
        client.send(get())
        client.sock.recv(1000)
        client.reset()
    assert isinstance(raised.get(timeout=PATIENCE), ClientGone)


def test_read_from_a_client_that_left(serve):
    raised, begun = Queue(), threading.Event()

    def app(environ, start_response):
        begun.set()
        try:
            environ["wsgi.input"].read()
        except OSError as error:
            raised.put(error)
            raise

    with serve(app).connect() as client:
        client.send(get("/", "Content-Length: 5", method="POST") + b"1")
        assert begun.wait(PATIENCE)
        client.reset()
    assert isinstance(raised.get(timeout=PATIENCE), ClientGone)


def test_a_client_that_leaves_before_the_answer(serve, caplog):
    begun, left, result = threading.Event(), threading.Event(), Closing(b"1", b"2")

    def app(environ, start_response):
        start_response("200 OK", PLAIN)
        begun.set()
        assert left.wait(PATIENCE)
        return result

    server = serve(app)
    with server.connect() as client:
        client.send(get())
        assert begun.wait(PATIENCE)
        [connection] = server.server.connections
        client.reset()
    until(lambda: connection.stream.closed)
    left.set()
    assert result.closed.wait(PATIENCE)
    assert caplog.text == ""


def test_a_client_that_leaves_ends_an_iteration_that_gives_nothing(serve):
    begun, ended = threading.Event(), threading.Event()

    def app(environ, start_response):
        start_response("200 OK", PLAIN)
        try:
            while True:
                begun.set()
                time.sleep(0.001)
                yield b""
        finally:
            ended.set()

    with serve(app).connect() as client:
        client.send(get())
        assert begun.wait(PATIENCE)
        client.reset()
    assert ended.wait(PATIENCE)


def test_a_thread_that_waits_for_room_goes_on_when_nobody_wants_more():
    async def main():
        blocks = BodyFromThread()
        blocks.put_now(memoryview(b"one"))
        waiting = loop.spawn(blocks.put(memoryview(b"two")))
        await let_others_run()
        assert not waiting.done()
        await blocks.aclose()
        await waiting
        await blocks.put(memoryview(b"three"))

    loop = Loop()
    try:
        loop.run(main())
    finally:
        loop.close()


def test_after_its_response_an_application_reads_nothing_of_the_next_request(serve):
    read = Queue()

    def app(environ, start_response):
        start_response("200 OK", [*PLAIN, ("Content-Length", "3")])
        yield b"abc"
        if environ["PATH_INFO"] == "/first":
            read.put(environ["wsgi.input"].read())

    with serve(app).connect() as client:
        client.send(get("/first", "Content-Length: 5", method="POST"))
        assert client.response()[2] == b"abc"
        assert read.get(timeout=PATIENCE) == b""
        client.send(b"12345" + get("/second"))
        assert client.response()[2] == b"abc"


def test_a_slow_client_holds_the_thread_back(serve):
    made = []

    def app(environ, start_response):
        start_response("200 OK", PLAIN)
        for number in range(1000):
            made.append(number)
            yield bytes(65536)

    server = serve(app)
    with server.connect(receive_buffer=4096) as client:
        client.send(get())
        client.sock.recv(1)
        before = -1
        while before != len(made):  # until it stands still
            before = len(made)
            time.sleep(0.2)
        assert len(made) < 200
        [connection] = server.server.connections
        assert connection.stream.unsent < 300_000
        client.reset()


def test_the_server_stops_with_an_answer_under_way(serve):
    ended = threading.Event()
    server = serve(endless(ended))
    with server.connect() as client:
        client.send(get())
        client.sock.recv(1000)
        server.stop()
        server.loop.close()  # what serve() does next
    assert ended.wait(PATIENCE)


# The standard's own check


def test_the_validator_has_nothing_to_say(serve, caplog):
    @validator
    def app(environ, start_response):
        data = environ["wsgi.input"].read(100)
        start_response("200 OK", PLAIN)
        return [b"read ", data]

    server = serve(app)
    body = b"hello"
    text = get("/", "Content-Length: 5", "X_Y: z", method="POST") + body
    assert ask(server, text)[2] == b"read hello"
    assert ask(server, get("*", method="OPTIONS"))[0] == 200
    assert ask(server, get("/?x"))[2] == b"read "
    assert ask(server, get(method="HEAD"))[0] == 200
    assert caplog.text == ""


@pytest.mark.parametrize(
    "wrong",
    [None, 5, "text", lambda: None, lambda environ: None, lambda a, b, c: None],
)
def test_what_is_no_wsgi_application(wrong):
    with pytest.raises(TypeError, match="no WSGI application"):
        WSGI(wrong)


def test_an_async_def_is_no_wsgi_application():
    async def app(scope, receive):
        pass

    with pytest.raises(TypeError, match="async def"):
        WSGI(app)


def test_a_class_and_a_method_are():
    class App:
        def __init__(self, environ, start_response):
            pass

        def method(self, environ, start_response):
            pass

    WSGI(App)
    WSGI(App({}, None).method)


def test_errors_of_the_application_go_to_stderr(serve, capsys):
    def app(environ, start_response):
        print("told", file=environ["wsgi.errors"])
        return hello(environ, start_response)

    ask(serve(app), get())
    assert capsys.readouterr().err == "told\n"


def test_many_clients_at_once(serve):
    server = serve(hello, threads=3)

    def client():
        with httpx.Client() as http:
            for _ in range(20):
                assert http.get(server.url).text == "Hello, world\n"
        done.append(1)

    done = []
    threads = [threading.Thread(target=client) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(done) == 8
