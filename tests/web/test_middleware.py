"""Compression, pages that are not sent twice, and the log of what was asked."""

import errno
import gzip
import logging
import re
import zlib

import httpx
import pytest

from dustdevil.coroutine import CancelledError, Future, Scheduler
from dustdevil.http import ProtocolError
from dustdevil.web import (
    AccessLog,
    Application,
    ETags,
    EventStream,
    Gzip,
    HTTPError,
    Response,
    html,
)
from dustdevil.web.middleware import Squeezed, escape_control
from support.asking import ask, head, header, run
from support.serving import PATIENCE, Answer, Client, Latch, Running

TEXT = "<p>" + "Dust devil. " * 200
GZIP = "Accept-Encoding: gzip"


@pytest.fixture
def app():
    return Application()


async def drain(body):
    return b"".join([piece async for piece in body])


# Compression


@pytest.fixture
def squeezing(app):
    app.use(Gzip())
    return app


def test_a_page_is_compressed_for_who_likes_it(squeezing):
    squeezing.get("/")(lambda request: html(TEXT))
    response = ask(squeezing, "/", GZIP)
    assert gzip.decompress(response.body) == TEXT.encode()
    assert len(response.body) < len(TEXT) / 5
    assert header(response, "content-encoding") == ["gzip"]
    assert header(response, "vary") == ["Accept-Encoding"]
    plain = ask(squeezing, "/")
    assert plain.body == TEXT.encode()
    assert header(plain, "content-encoding") == []
    assert header(plain, "vary") == ["Accept-Encoding"]


@pytest.mark.parametrize(
    ("line", "zipped"),
    [
        ("gzip", True),
        ("deflate, GZIP;q=0.1", True),
        ("*", True),
        ("*;q=0.5, identity;q=0.4", True),
        ("gzip;q=1.000, identity", True),
        ("identity, gzip;q=0.9", False),
        ("identity;q=0.5, gzip;q=0.4", False),
        ("gzip;q=0", False),
        ("gzip;q=0.000", False),
        ("gzip ; q=0, *", False),
        ("*;q=0", False),
        ("br, deflate", False),
        ("", False),
        ("xgzip", False),
    ],
)
def test_what_the_client_likes(squeezing, line, zipped):
    squeezing.get("/")(lambda request: html(TEXT))
    response = ask(squeezing, "/", f"Accept-Encoding: {line}")
    assert header(response, "content-encoding") == ["gzip"] * zipped


def test_an_etag_becomes_a_weak_one_and_ranges_go(squeezing):
    tags = iter(['"a"', '"a"', 'W/"a"'])

    @squeezing.get("/")
    def page(request):
        headers = {"Accept-Ranges": "bytes", "Vary": "accept-encoding, X"}
        return Response(TEXT, headers=headers | {"ETag": next(tags)})

    response = ask(squeezing, "/", GZIP)
    assert header(response, "etag") == ['W/"a"']
    assert header(response, "accept-ranges") == []
    assert header(response, "vary") == ["accept-encoding, X"]
    assert header(ask(squeezing), "etag") == ['"a"']
    assert header(ask(squeezing, "/", GZIP), "etag") == ['W/"a"']


@pytest.mark.parametrize(
    "response",
    [
        Response("short"),
        Response(TEXT.encode(), content_type="image/png"),
        Response(TEXT.encode()),
        Response(TEXT, headers={"Content-Encoding": "br"}),
        Response(TEXT, headers={"Cache-Control": "public, No-Transform"}),
        Response(TEXT, 206, headers={"Content-Range": "bytes 0-9/99"}),
        Response(status=304, headers={"Content-Type": "text/html"}),
        EventStream(iter(())),
    ],
    ids=["short", "png", "bytes", "br", "no-transform", "206", "304", "events"],
)
def test_what_is_not_compressed(squeezing, response):
    squeezing.get("/")(lambda request: response)
    before = response.body
    answer = ask(squeezing, "/", GZIP)
    assert answer.body is before
    assert header(answer, "content-encoding") in ([], ["br"])


def test_a_large_body_is_compressed_in_blocks(squeezing):
    squeezing.get("/")(lambda request: html(TEXT * 300))
    response = ask(squeezing, "/", GZIP)
    assert isinstance(response.body, Squeezed)
    assert gzip.decompress(run(drain(response.body))).decode() == TEXT * 300


def test_each_piece_of_a_stream_can_be_read_at_once(squeezing):
    closed = []

    @squeezing.get("/")
    async def lines(request):
        async def source():
            try:
                for i in range(1000):
                    yield f"line {i}\n".encode()
            finally:
                closed.append(True)

        return Response(source(), content_type="text/plain", length=8890)

    response = ask(squeezing, "/", GZIP)
    assert response.length is None

    async def two():
        inflate = zlib.decompressobj(wbits=31)
        first = inflate.decompress(await anext(response.body))
        second = inflate.decompress(await anext(response.body))
        await response.body.aclose()
        return first, second

    assert run(two()) == (b"line 0\n", b"line 1\n")
    assert closed == [True]


def test_errors_are_compressed_too_and_httpx_reads_it_all(squeezing):
    @squeezing.get("/stream")
    async def stream(request):
        async def source():
            yield TEXT.encode()
            yield TEXT.encode()

        return Response(source(), content_type="text/plain")

    @squeezing.get("/error")
    def error(request):
        raise HTTPError(400, TEXT)

    server = Running(squeezing)
    try:
        with httpx.Client(base_url=server.url, timeout=PATIENCE) as client:
            streamed = client.get("/stream")
            assert streamed.text == TEXT * 2
            assert streamed.headers["content-encoding"] == "gzip"
            failed = client.get("/error")
            assert failed.headers["content-encoding"] == "gzip"
            assert TEXT.strip() in failed.text
            assert client.head("/stream").headers["content-encoding"] == "gzip"
    finally:
        server.stop()
        server.loop.close()


# Pages that are not sent twice


def test_a_page_is_not_sent_twice(app):
    app.use(ETags())
    pages = {"text": TEXT}
    app.get("/")(lambda request: html(pages["text"]))
    first = ask(app)
    [etag] = header(first, "etag")
    assert re.fullmatch(r'"[0-9a-f]{16}"', etag)
    for known in (etag, f"W/{etag}", f'"x", {etag}', "*"):
        again = ask(app, "/", f"If-None-Match: {known}")
        assert (again.status, again.body) == (304, b"")
        assert header(again, "etag") == [etag]
        assert header(again, "content-type") == []
    assert ask(app, "/", 'If-None-Match: "x"').body == TEXT.encode()
    pages["text"] = "other"
    assert ask(app, "/", f"If-None-Match: {etag}").body == b"other"


def test_what_has_no_etag_made(app):
    app.use(ETags())

    async def source():
        yield b"x"

    app.get("/stream")(lambda request: Response(source()))
    app.post("/")(lambda request: "posted")
    app.get("/own")(lambda request: Response("x", headers={"ETag": '"own"'}))
    for response in (
        ask(app, "/stream"),
        ask(app, method="POST"),
        ask(app, "/missing"),
    ):
        assert header(response, "etag") == []
    assert header(ask(app, "/own"), "etag") == ['"own"']
    assert ask(app, "/own", 'If-None-Match: "own"').status == 304
    assert ask(app, method="POST", body=b"").body == b"posted"


def test_compressed_or_not_it_is_the_same_page(app):
    app.use(Gzip())
    app.use(ETags())
    app.get("/")(lambda request: html(TEXT))
    [etag] = header(ask(app, "/", GZIP), "etag")
    assert etag.startswith('W/"')
    for known in (etag, etag.removeprefix("W/")):
        again = ask(app, "/", GZIP, f"If-None-Match: {known}")
        assert again.status == 304
        assert header(again, "etag") == [known]
        assert header(again, "vary") == ["Accept-Encoding"]


# The log

LINE = re.compile(
    r"192\.0\.2\.1 - - \[\d\d/[A-Z][a-z]{2}/\d{4}:\d\d:\d\d:\d\d \+0000\] "
    r'"([^"]*)" (\d{3}) (\d+|-) "([^"]*)" "([^"]*)" (\d+\.\d{3})'
)


def logged(application, target="/", *fields, method="GET"):
    """What is written about one request."""
    lines = []
    connection = type("C", (), {"remote": ("192.0.2.1", 1)})
    sent = head(target, *fields, method=method), None, connection
    try:
        answer = AccessLog(application, lines.append)(*sent)
        if hasattr(answer, "send"):
            run(answer)
    finally:
        [line] = lines
        logged.found = LINE.fullmatch(line).groups()
    return logged.found


def test_one_line_a_request():
    assert logged(lambda *_: Answer(b"hello"))[:5] == (
        "GET / HTTP/1.1", "200", "5", "-", "-"
    )  # fmt: skip
    fields = "Referer: http://a/b", "User-Agent: x/1 (y; z)"
    assert logged(lambda *_: Answer(b"", 404), "/x?y=%20", *fields)[:5] == (
        "GET /x?y=%20 HTTP/1.1", "404", "0", "http://a/b", "x/1 (y; z)"
    )  # fmt: skip


@pytest.mark.parametrize(
    ("error", "status"),
    [(ProtocolError(413, "x"), "413"), (CancelledError(), "499"), (KeyError(), "500")],
)
def test_what_failed_is_written_down_too(error, status):
    async def application(head, body, connection):
        raise error

    with pytest.raises(type(error)):
        logged(application)
    assert logged.found[1:3] == (status, "-")


def test_a_plain_function_that_fails_is_written_down_too():
    with pytest.raises(ZeroDivisionError):
        logged(lambda *_: 1 / 0)
    assert logged.found[1:3] == ("500", "-")


@pytest.mark.parametrize(
    ("end", "status"),
    [
        (lambda answer: answer.set_result(Answer(b"hello")), "200"),
        (lambda answer: answer.set_exception(KeyError()), "500"),
        (lambda answer: answer.cancel(), "499"),
    ],
)
def test_an_answer_may_be_a_future_and_is_passed_on_as_it_is(end, status):
    lines, scheduler = [], Scheduler()
    answer = Future(scheduler)
    connection = type("C", (), {"remote": ("192.0.2.1", 1)})
    application = AccessLog(lambda *_: answer, lines.append)
    assert application(head("/"), None, connection) is answer
    end(answer)
    scheduler.run_ready()
    assert [LINE.fullmatch(line)[2] for line in lines] == [status]


def test_sizes():
    async def source():
        yield b""

    async def streamed(head, body, connection):
        return Answer(source(), length=7)

    assert logged(streamed)[2] == "7"
    assert logged(lambda *_: Answer(source()))[2] == "-"
    assert logged(lambda *_: Answer(b"hello"), method="HEAD")[2] == "0"


def test_a_log_that_cannot_be_written_fails_no_request():
    def full(line):
        raise OSError(errno.ENOSPC, "no space")

    answer = Answer(b"hello")
    connection = type("C", (), {"remote": ("192.0.2.1", 1)})
    assert AccessLog(lambda *_: answer, full)(head("/"), None, connection) is answer


@pytest.mark.parametrize(
    ("sent", "written"),
    [
        ('a" 200 "', r"a\x22 200 \x22"),
        ("a\\x22", r"a\x5cx22"),
        ("a\tb", r"a\x09b"),
        ("\xe9\x85", r"\xe9\x85"),
    ],
)
def test_nothing_a_client_says_can_forge_a_line(sent, written):
    assert logged(lambda *_: Answer(), "/", f"User-Agent: {sent}")[4] == written
    assert logged(lambda *_: Answer(), "/", f"Referer: {sent}")[3] == written


def test_what_is_escaped():
    every = "".join(map(chr, range(256)))
    assert re.fullmatch(r"[ !#-\[\]-~]|(\\x[0-9a-f]{2})*.*", escape_control(every))
    assert not re.search(r"[\x00-\x1f\x7f-\xff\"]", escape_control(every))
    assert escape_control("/a?b=c ~") == "/a?b=c ~"


def test_the_log_of_a_server(app, caplog):
    app.get("/")(lambda request: "hello")
    waits, gone = Latch(), Latch()

    @app.get("/wait")
    async def wait(request):
        try:
            waits.set()
            await Future()
        finally:
            # In the next turn, when the line is written.
            request.connection.server.loop.call_soon(gone.set)

    server = Running(AccessLog(app))
    try:
        with caplog.at_level(logging.INFO, "dustdevil.access"):
            agent = {"User-Agent": "test"}
            httpx.get(server.url + "/", headers=agent, timeout=PATIENCE)
            client = Client(server.port)
            client.send(b"GET /wait HTTP/1.1\r\nHost: a\r\n\r\n")
            waits.wait()
            client.reset()
            gone.wait()
    finally:
        server.stop()
        server.loop.close()
    first, second = (record.getMessage() for record in caplog.records)
    assert '"GET / HTTP/1.1" 200 5 "-" "test" 0.' in first
    assert '"GET /wait HTTP/1.1" 499 - "-" "-" ' in second
