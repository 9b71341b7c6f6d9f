"""WSGI applications of ours: `mount`, and an Application as one for other servers."""

import io
import threading
from queue import Queue
from wsgiref.simple_server import WSGIRequestHandler, make_server
from wsgiref.util import setup_testing_defaults
from wsgiref.validate import validator

import httpx
import pytest
from test_server import PATIENCE, Running

from dustdevil.coroutine import current_scheduler
from dustdevil.sync import gather, sleep
from dustdevil.web import Application, HTTPError, Response, redirect
from dustdevil.wsgi import WSGI, mount, to_wsgi


def call(application, path="/", method="GET", body=b"", **variables):
    """Call a WSGI application under the validator; return what it answered."""
    environ = {"PATH_INFO": path, "REQUEST_METHOD": method, "QUERY_STRING": ""}
    environ["SCRIPT_NAME"] = ""
    environ |= {"wsgi.input": io.BytesIO(body), "wsgi.errors": io.StringIO()}
    if body:
        environ["CONTENT_LENGTH"] = str(len(body))
    environ |= variables
    setup_testing_defaults(environ)
    answer = []
    result = validator(application)(environ, lambda *args: answer.append(args))
    try:
        content = b"".join(result)
    finally:
        result.close()
    [(status, headers)] = answer
    return status, dict(headers), content


@pytest.fixture
def app():
    app = Application()

    @app.get("/hello/{name}")
    async def hello(request, name):
        await sleep(0)
        return f"Hello, {name}! {request.query_string}"

    @app.post("/upload")
    async def upload(request):
        sizes = [len(piece) async for piece in request.stream()]
        return {"sizes": sizes, "type": request.headers.get("content-type")}

    @app.get("/about")
    async def about(request):
        return {
            "host": request.host,
            "remote": request.remote[0],
            "scheme": request.scheme,
            "agent": request.headers.get("user-agent"),
        }

    @app.get("/away")
    async def away(request):
        return redirect("/hello/you")

    @app.get("/nothing")
    async def nothing(request):
        return Response(status=204)

    @app.get("/fail")
    async def fail(request):
        raise HTTPError(418, "no coffee")

    return app


def test_a_coroutine_is_run_to_its_end(app):
    status, headers, body = call(to_wsgi(app), "/hello/world", QUERY_STRING="a=%20")
    assert status == "200 OK"
    assert body == b"Hello, world! a=%20"
    assert headers["Content-Length"] == str(len(body))
    assert headers["Content-Type"] == "text/plain; charset=utf-8"


def test_the_path_is_encoded_again(app):
    path = "/hello/100%25 \u65e5".encode().decode("latin-1")
    body = call(to_wsgi(app), path)[2]
    assert body.decode() == "Hello, 100%25 \u65e5! "
    assert call(to_wsgi(app), "")[0] == "404 Not Found"


def test_what_the_request_says_of_itself(app):
    fields = {
        "HTTP_HOST": "here:81",
        "HTTP_USER_AGENT": "me",
        "REMOTE_ADDR": "10.0.0.1",
    }
    body = call(to_wsgi(app), "/about", **fields)[2]
    expected = {
        "host": "here:81",
        "remote": "10.0.0.1",
        "scheme": "http",
        "agent": "me",
    }
    assert httpx.Response(200, content=body).json() == expected


def test_a_body_is_read_up_to_its_length(app):
    class Blocking(io.BytesIO):
        def read(self, size=-1):
            data = super().read(size)
            assert len(data) == size, "a socket would block here"
            return data

    fields = {"wsgi.input": Blocking(bytes(150_000)), "CONTENT_TYPE": "text/x"}
    fields["CONTENT_LENGTH"] = "150000"
    body = call(to_wsgi(app), "/upload", "POST", **fields)[2]
    assert httpx.Response(200, content=body).json() == {
        "sizes": [65536, 65536, 150_000 - 2 * 65536],
        "type": "text/x",
    }


def test_a_body_of_unknown_length_ends_with_its_input(app):
    fields = {"wsgi.input": io.BytesIO(bytes(70_000)), "wsgi.input_terminated": True}
    body = call(to_wsgi(app), "/upload", "POST", **fields)[2]
    assert httpx.Response(200, content=body).json()["sizes"] == [65536, 70_000 - 65536]
    fields = {"wsgi.input": io.BytesIO(b"not to be read")}
    body = call(to_wsgi(app), "/upload", "POST", **fields)[2]
    assert httpx.Response(200, content=body).json()["sizes"] == []


def test_a_body_that_ends_early_or_has_no_length_is_a_400(app):
    fields = {"wsgi.input": io.BytesIO(b"1234"), "CONTENT_LENGTH": "5"}
    assert call(to_wsgi(app), "/upload", "POST", **fields)[0] == "400 Bad Request"
    environ = {"CONTENT_LENGTH": "-5"}
    answers = []
    setup_testing_defaults(environ)
    to_wsgi(app)(environ, lambda *args: answers.append(args[0]))
    assert answers == ["400 Bad Request"]


def test_some_answers_have_no_body(app):
    status, headers, body = call(to_wsgi(app), "/nothing")
    assert (status, body) == ("204 No Content", b"")
    assert not {"Content-Length", "Content-Type"} & set(headers)
    status, headers, body = call(to_wsgi(app), "/hello/you", "HEAD")
    assert (headers["Content-Length"], body) == ("12", b"")
    status, headers, _ = call(to_wsgi(app), "/away")
    assert (status, headers["Location"]) == ("303 See Other", "/hello/you")


def test_failures_are_answered(app):
    assert call(to_wsgi(app), "/nowhere")[0] == "404 Not Found"
    assert call(to_wsgi(app), "/hello/you", "DELETE")[1]["Allow"]
    status, _, body = call(to_wsgi(app), "/fail")
    assert status == "418 I'm a Teapot"
    assert b"no coffee" in body


@pytest.mark.parametrize(
    "headers", [{"X": "a\r\nb: c"}, {"Content-Length": "5"}, {"Connection": "close"}]
)
def test_the_same_headers_are_refused(app, headers):
    @app.get("/wrong")
    def wrong(request):
        return Response("", headers=headers)

    with pytest.raises(ValueError, match=r"header line|by the server"):
        call(to_wsgi(app), "/wrong")


class Pieces:
    """A body that notes how far it was read, and that it was closed."""

    def __init__(self):
        self.given = 0
        self.closed = False

    def __aiter__(self):
        return self

    async def __anext__(self):
        await sleep(0)
        if self.given == 3:
            raise StopAsyncIteration
        self.given += 1
        return b"%d" % self.given

    async def aclose(self):
        self.closed = True


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_a_body_is_made_while_the_server_asks(app, method):
    pieces = Pieces()

    @app.get("/pieces")
    async def answer(request):
        return Response(pieces)

    body = call(to_wsgi(app), "/pieces", method)[2]
    assert body == (b"123" if method == "GET" else b"")
    assert pieces.closed


def test_a_body_that_is_left_is_closed(app):
    pieces = Pieces()

    @app.get("/pieces")
    async def answer(request):
        return Response(pieces, length=3)

    environ, headers = {"PATH_INFO": "/pieces"}, []
    setup_testing_defaults(environ)
    result = to_wsgi(app)(environ, lambda *args: headers.extend(args[1]))
    assert ("Content-Length", "3") in headers
    assert next(result) == b"1"
    assert (pieces.given, pieces.closed) == (1, False)
    result.close()
    assert pieces.closed


def test_each_thread_has_a_loop_and_closes_it(app):
    seen = Queue()

    @app.get("/loop")
    async def loop(request):
        seen.put(current_scheduler())
        await gather(sleep(0.001), sleep(0.001))
        return ""

    application = to_wsgi(app)

    def work():
        call(application, "/loop")
        call(application, "/loop")

    threads = [threading.Thread(target=work) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    loops = {seen.get(timeout=PATIENCE) for _ in range(4)}
    assert len(loops) == 2
    assert all(loop._wake_send.fileno() == -1 for loop in loops)


class Quiet(WSGIRequestHandler):
    def log_message(self, *args):
        pass


def test_under_the_server_of_the_standard_library(app):
    application = validator(to_wsgi(app))
    with make_server("127.0.0.1", 0, application, handler_class=Quiet) as server:
        thread = threading.Thread(target=server.serve_forever, args=[0.01])
        thread.start()
        try:
            url = f"http://127.0.0.1:{server.server_port}"
            assert httpx.get(url + "/hello/you").text == "Hello, you! "
            answer = httpx.post(url + "/upload", content=bytes(100_000))
            assert sum(answer.json()["sizes"]) == 100_000
        finally:
            server.shutdown()
            thread.join()


def test_there_and_back_again(app):
    """Ours, as a WSGI application, on ours."""
    server = Running(WSGI(validator(to_wsgi(app))))
    try:
        assert httpx.get(server.url + "/hello/you?x").text == "Hello, you! x"
        answer = httpx.post(server.url + "/upload", content=bytes(100_000))
        assert sum(answer.json()["sizes"]) == 100_000
        answer = httpx.post(server.url + "/upload", content=iter([b"ab", b"c"]))
        assert sum(answer.json()["sizes"]) == 3
    finally:
        server.stop()
        server.loop.close()


# mount


def named(name):
    def app(environ, start_response):
        start_response("200 OK", [("Content-Type", "text/plain")])
        text = f"{name} {environ['SCRIPT_NAME']} {environ['PATH_INFO']}"
        return [text.encode()]

    return app


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("/a", "a /a "),
        ("/a/", "a /a /"),
        ("/a/x", "a /a /x"),
        ("/a/b/c", "ab /a/b /c"),
        ("/ab", "rest  /ab"),
        ("/", "rest  /"),
    ],
)
def test_the_longest_prefix_is_mounted(path, text):
    applications = {"/a": named("a"), "/a/b": named("ab"), "": named("rest")}
    assert call(mount(applications), path)[2].decode() == text


def test_mounts_can_be_nested_and_need_no_rest():
    inner = mount({"/b": named("b")})
    assert call(mount({"/a": inner}), "/a/b/c")[2] == b"b /a/b /c"
    assert call(mount({"/a": inner}), "/a/c")[0] == "404 Not Found"
