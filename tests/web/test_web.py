"""Requests, responses and applications, without a server: heads from the parser."""

import json
import logging

import pytest

from dustdevil.coroutine import coroutine
from dustdevil.http import ProtocolError
from dustdevil.web import (
    Application,
    HTTPError,
    Response,
    Values,
    html,
    local_path,
    redirect,
    to_response,
)
from support.asking import ask, header, request, run


@pytest.fixture
def app():
    return Application()


# Requests


def test_a_path_is_decoded_and_has_no_query():
    asked = request("/caf%C3%A9%2Fa%20b?x=%2F?y#z".replace("#", "%23"))
    assert asked.path == "/café/a b"
    assert asked.raw_path == "/caf%C3%A9%2Fa%20b"
    assert asked.query_string == "x=%2F?y%23z"
    assert request("/%ff").path == "/\N{REPLACEMENT CHARACTER}"
    assert request("http://other.example/x?y=1").path == "/x"


def test_the_query_keeps_blank_and_repeated_values():
    query = request("/?a=1&b=&a=2&c&d=%26+%2B").query
    assert query == {"a": "1", "b": "", "c": "", "d": "& +"}
    assert query.all("a") == ["1", "2"]
    assert query.all("nothing") == []
    assert request("/").query == {}


def test_a_query_of_too_many_arguments_is_refused(app):
    app.get("/")(lambda request: request.query)
    assert ask(app, "/?" + "&" * 999).status == 200
    assert ask(app, "/?" + "&".join(["a=1"] * 1001)).status == 400


def test_cookies():
    cookies = request(
        "/", 'Cookie: a=1; b="two words"; ; broken; =x; c=x=y', "Cookie: a=later"
    ).cookies
    assert cookies["a"] == "1"
    assert cookies["b"] == "two words"
    assert cookies["c"] == "x=y"
    assert "broken" not in cookies
    assert cookies.all("a") == ["1", "later"]
    with pytest.raises(HTTPError, match="too many cookies"):
        request("/", "Cookie: " + ";" * 1000).cookies  # noqa: B018


def test_attributes_are_computed_once_and_only_if_asked_for():
    asked = request("/x?y=1")
    assert not {"query", "cookies", "state", "host"} & vars(asked).keys()
    assert asked.query is asked.query
    asked.state["user"] = "Ada"
    assert asked.state == {"user": "Ada"}
    assert asked.remote == ("192.0.2.1", 4711)
    assert asked.scheme == "http"
    assert asked.host == "example.org"


def test_the_body_is_read_once():
    asked = request(body=b"[1]")
    assert (run(asked.body()), run(asked.text()), run(asked.json())) == (
        b"[1]",
        "[1]",
        [1],
    )
    assert asked._body.reads == 1


def test_text_is_decoded_by_its_charset():
    latin = request("/", 'Content-Type: text/plain; charset="ISO-8859-1"', body=b"\xe9")
    assert run(latin.text()) == "é"
    with pytest.raises(HTTPError) as caught:
        run(request(body=b"\xe9").text())
    assert caught.value.status == 400
    for charset in ("klingon", "hex", "punycode", "undefined"):
        unknown = request(
            "/", f"Content-Type: text/plain; charset={charset}", body=b"x"
        )
        with pytest.raises(HTTPError) as caught:
            run(unknown.text())
        assert caught.value.status == 415


@pytest.mark.parametrize("body", [b"", b"{", b"\xff", b"[" * 100_000, b"[1" * 5000])
def test_what_is_not_json_is_the_clients_mistake(body):
    with pytest.raises(HTTPError) as caught:
        run(request(body=body).json())
    assert caught.value.status == 400


def test_the_body_in_pieces():
    async def pieces():
        return [piece async for piece in request(body=b"12345").stream()]

    assert run(pieces()) == [b"123", b"45"]


def test_values():
    values = Values([("a", "1"), ("b", "2"), ("a", "3")])
    assert (values["a"], values.all("a"), dict(values)) == (
        "1",
        ["1", "3"],
        {"a": "1", "b": "2"},
    )


# Responses


def test_what_a_handler_may_return():
    async def lines():
        yield b"one"

    plain = to_response("häh")
    assert plain.body == "häh".encode()
    assert header(plain, "content-type") == ["text/plain; charset=utf-8"]
    assert header(to_response(b"\0"), "content-type") == ["application/octet-stream"]
    answer = to_response({"a": [1, "é"]})
    assert json.loads(answer.body) == {"a": [1, "é"]}
    assert header(answer, "content-type") == ["application/json"]
    assert to_response([1]).body == b"[1]"
    streamed = lines()
    assert to_response(streamed).body is streamed
    assert to_response(plain) is plain
    for wrong in (None, 3, ("text", 201)):
        with pytest.raises(TypeError, match="can't return"):
            to_response(wrong)


def test_headers_and_content_types():
    response = Response("x", headers={"X-A": "1"}, content_type="text/css")
    assert response.headers.items() == [("X-A", "1"), ("Content-Type", "text/css")]
    assert header(html("<p>"), "content-type") == ["text/html; charset=utf-8"]
    assert header(Response(), "content-type") == []


def test_redirect_quotes_what_a_url_cant_hold():
    response = redirect('/grüße "x"?a=b%20c&d#e\r\nX: y')
    assert response.status == 303
    assert header(response, "location") == [
        "/gr%C3%BC%C3%9Fe%20%22x%22?a=b%20c&d#e%0D%0AX:%20y"
    ]


@pytest.mark.parametrize("path", ["/", "/a", "/a/b?c=d&e=/x#f", "/a//b", "/%0d%0a"])
def test_a_path_on_this_site(path):
    assert local_path(path) == path


@pytest.mark.parametrize(
    "text",
    ["", None, "a", "//evil.example", "/\\evil.example", "\\\\evil.example", "/\t/evil",
     "/\n/evil", " //evil", "/ a", "http://evil.example", "https:evil", "javascript:1",
     "/a\\b", "/a\r\nX: y", "/\0", "///evil", "/\x7f"],
)  # fmt: skip
def test_no_path_on_this_site(text):
    assert local_path(text) == "/"
    assert local_path(text, "/home") == "/home"


def test_cookies_are_set_with_care():
    response = Response()
    response.set_cookie("token", "abc", max_age=60, secure=True)
    assert header(response, "set-cookie") == [
        "token=abc; Path=/; SameSite=Lax; Max-Age=60; Secure; HttpOnly"
    ]
    bad = [("a b", "x"), ("", "x"), ("a", "x;y"), ("a", "x\r\ny"), ("a", "é")]
    for name, value in bad:
        with pytest.raises(ValueError, match="can't be a cookie"):
            response.set_cookie(name, value)


# Applications


def test_handlers_of_every_kind(app):
    @app.get("/plain/{n:int}")
    def plain(request, n):
        return {"n": n, "params": request.params}

    @app.get("/async")
    async def asynchronous(request):
        return "async"

    @app.get("/generator")
    @coroutine
    def generator(request):
        yield
        return "generator"

    @app.route("/class")
    class Resource:
        async def post(self, request):
            return await request.body()

    assert json.loads(ask(app, "/plain/7").body) == {"n": 7, "params": {"n": 7}}
    assert ask(app, "/async").body == b"async"
    assert ask(app, "/generator").body == b"generator"
    fields = ["Content-Length: 2"]
    assert ask(app, "/class", *fields, method="POST", body=b"hi").body == b"hi"


def test_not_found_and_not_allowed(app):
    app.post("/form")(lambda request: "")
    assert ask(app, "/nothing").status == 404
    response = ask(app, "/form")
    assert response.status == 405
    assert header(response, "allow") == ["OPTIONS, POST"]
    # RFC 9110, 9.1: a method that nothing here knows is another matter.
    for method in ("TRACE", "PROPFIND", "get"):
        response = ask(app, "/form", method=method)
        assert (response.status, header(response, "allow")) == (501, [])


def test_options_without_a_handler(app):
    app.get("/both")(lambda request: "")
    app.post("/both")(lambda request: "")
    response = ask(app, "/both", method="OPTIONS")
    assert (response.status, response.body) == (204, b"")
    assert header(response, "allow") == ["GET, HEAD, OPTIONS, POST"]
    assert ask(app, "/nothing", method="OPTIONS").status == 404
    app.options("/both")(lambda request: "ours")
    assert ask(app, "/both", method="OPTIONS").body == b"ours"


def test_options_of_the_server_as_a_whole(app):
    response = ask(app, "*", method="OPTIONS")
    assert (response.status, response.body) == (204, b"")
    assert header(response, "allow") == []


def test_an_http_error_is_an_answer(app):
    @app.get("/")
    def teapot(request):
        raise HTTPError(418, "short & stout", [("X-Handle", "here")])

    response = ask(app)
    assert response.status == 418
    assert header(response, "x-handle") == ["here"]
    assert response.body == b"418 I'm a Teapot\nshort & stout\n"


def test_a_browser_gets_a_page_with_everything_escaped(app):
    @app.get("/{name}")
    def refuse(request, name):
        raise HTTPError(400, name)

    response = ask(app, "/%3Cscript%3E", "Accept: text/html,*/*;q=0.8")
    assert header(response, "content-type") == ["text/html; charset=utf-8"]
    assert b"&lt;script&gt;" in response.body
    assert b"<script>" not in response.body
    assert b"color-scheme: light dark" in response.body


def test_a_status_without_a_name(app):
    @app.get("/")
    def odd(request):
        raise HTTPError(599, "odd")

    assert ask(app).body == b"599\nodd\n"


@pytest.mark.parametrize("accept", ["text/html", "*/*"])
def test_a_failure_is_logged_and_not_told(app, caplog, accept):
    @app.get("/")
    async def broken(request):
        secret = "the password"
        raise RuntimeError(secret)

    with caplog.at_level(logging.ERROR):
        response = ask(app, "/", f"Accept: {accept}")
    assert response.status == 500
    assert b"password" not in response.body
    assert b"Traceback" not in response.body
    assert "the password" in caplog.text


def test_a_handler_that_returns_nothing_is_a_failure(app, caplog):
    app.get("/")(lambda request: None)
    assert ask(app).status == 500
    assert "can't return NoneType" in caplog.text


def test_pages_of_ones_own(app, caplog):
    @app.error(404)
    async def missing(request, error):
        return html(f"<p>no {request.path}")

    @app.error(500)
    def broken(request, error):
        raise RuntimeError("this one too")

    app.get("/broken")(lambda request: 1 / 0)
    response = ask(app, "/x")
    assert (response.status, response.body) == (404, b"<p>no /x")
    response = ask(app, "/broken")
    assert response.status == 500
    assert b"Internal Server Error" in response.body


def test_a_bad_body_is_the_servers_affair(app):
    @app.post("/")
    async def read(request):
        return await request.body()

    with pytest.raises(ProtocolError):
        ask(app, "/", "Content-Length: 9", method="POST", error=ProtocolError(413, "x"))


def test_middleware_sees_responses_of_errors_too(app, caplog):
    seen = []

    @app.use
    async def outer(request, call_next):
        response = await call_next(request)
        seen.append(response.status)
        response.headers["X-Outer"] = "1"
        return response

    @app.use
    def inner(request, call_next):
        if request.path == "/private":
            raise HTTPError(403)
        return call_next(request)

    app.get("/")(lambda request: "fine")
    app.get("/broken")(lambda request: 1 / 0)
    app.get("/private")(lambda request: "secret")
    for path, status in [("/", 200), ("/nothing", 404), ("/broken", 500)]:
        response = ask(app, path)
        assert (response.status, header(response, "x-outer")) == (status, ["1"])
    assert seen == [200, 404, 500]
    assert ask(app, "/private").status == 403


def test_each_layer_gets_a_response_whatever_the_next_one_does(app, caplog):
    seen = []

    @app.use
    async def outer(request, call_next):
        seen.append((await call_next(request)).status)
        return "outer"

    @app.use
    def inner(request, call_next):
        match request.path:
            case "/private":
                raise HTTPError(403)
            case "/broken":
                raise ZeroDivisionError
            case _:
                return "not a Response yet"

    for path in ("/private", "/broken", "/"):
        assert ask(app, path).body == b"outer"
    assert seen == [403, 500, 200]


def test_a_middleware_may_answer_itself(app):
    @app.use
    async def closed(request, call_next):
        return "closed"

    app.get("/")(lambda request: "open")
    assert ask(app).body == b"closed"
