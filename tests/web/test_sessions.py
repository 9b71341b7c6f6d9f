"""Sessions in signed cookies, and the guard against forged requests."""

import re

import pytest

from dustdevil.web import (
    Application,
    Request,
    Session,
    Sessions,
    Xsrf,
    html,
    is_token,
    xsrf_field,
    xsrf_token,
)
from support.asking import Connection, Sent, ask, head, header, run

KEY = "a key for the tests"
FORM = "Content-Type: application/x-www-form-urlencoded"


class Browser:
    """Keeps cookies, and sends them."""

    def __init__(self, app, connection=Connection):
        self.app, self.connection, self.cookies = app, connection, {}

    def ask(self, target="/", *fields, method="GET", body=b""):
        if self.cookies:
            pairs = (f"{name}={value}" for name, value in self.cookies.items())
            fields = (*fields, f"Cookie: {'; '.join(pairs)}")
        sent = head(target, *fields, method=method), Sent(body), self.connection
        response = run(self.app(*sent))
        for cookie in header(response, "set-cookie"):
            name, value = cookie.partition(";")[0].split("=", 1)
            self.cookies[name] = value
            if "Max-Age=0" in cookie:
                del self.cookies[name]
        return response


class Secure(Connection):
    scheme = "https"


@pytest.fixture
def app():
    app = Application()
    app.use(Sessions(KEY))

    @app.get("/")
    def look(request):
        return dict(request.session)

    @app.get("/plain")
    def plain(request):
        return "plain"

    @app.get("/set/{name}/{value}")
    def put(request, name, value):
        request.session.setdefault(name, []).append(value)
        return "set"

    @app.get("/clear")
    def clear(request):
        request.session.clear()
        return "cleared"

    return app


@pytest.fixture
def browser(app):
    return Browser(app)


# Sessions


def test_a_session_is_remembered(browser):
    browser.ask("/set/a/1")
    browser.ask("/set/a/2")  # a change deep inside is one, too
    browser.ask("/set/b/%E2%9C%93")
    assert browser.ask().body == b'{"a": ["1", "2"], "b": ["\\u2713"]}'
    assert Browser(browser.app).ask().body == b"{}"


def test_it_is_saved_only_if_it_was_changed(browser):
    assert header(browser.ask("/plain"), "set-cookie") == []
    assert header(browser.ask("/"), "set-cookie") == []
    assert len(header(browser.ask("/set/a/1"), "set-cookie")) == 1
    assert header(browser.ask("/"), "set-cookie") == []


def test_caches_are_told_when_it_was_used(browser):
    assert header(browser.ask("/plain"), "vary") == []
    assert header(browser.ask("/"), "vary") == ["Cookie"]


def test_an_empty_session_is_forgotten(browser):
    browser.ask("/set/a/1")
    assert "session" in browser.cookies
    browser.ask("/clear")
    assert browser.cookies == {}
    assert header(browser.ask("/clear"), "set-cookie") == []


def test_its_cookie_is_guarded(app):
    [cookie] = header(Browser(app).ask("/set/a/1"), "set-cookie")
    assert cookie.endswith("; Path=/; SameSite=Lax; Max-Age=2592000; HttpOnly")
    [cookie] = header(Browser(app, Secure).ask("/set/a/1"), "set-cookie")
    assert "; Secure; HttpOnly" in cookie


def test_options_of_the_cookie():
    app = Application()
    sessions = Sessions(KEY, name="s", max_age=9, same_site="Strict", secure=True)
    app.use(sessions)

    @app.get("/")
    def change(request):
        request.session["a"] = 1
        return ""

    [cookie] = header(ask(app), "set-cookie")
    assert cookie.startswith("s=")
    assert "; SameSite=Strict; Max-Age=9; Secure; HttpOnly" in cookie


def test_a_forged_session_is_an_empty_one(browser):
    browser.cookies["session"] = "eyJhIjoxfQ.99999999999." + "A" * 43
    assert browser.ask().body == b"{}"


def test_what_cannot_be_kept_is_a_failure_that_is_told(browser, caplog):
    assert browser.ask("/set/a/" + "x" * 4000).status == 500
    assert "too large" in caplog.text
    assert browser.cookies == {}


def test_without_the_middleware_it_says_what_is_missing(caplog):
    app = Application()
    app.get("/")(lambda request: request.session["a"])
    assert ask(app).status == 500
    assert "needs app.use(Sessions(key))" in caplog.text


def test_a_session_of_an_error_is_saved_as_well(app, browser):
    @app.get("/broken")
    def broken(request):
        request.session["tried"] = True
        raise ZeroDivisionError

    assert browser.ask("/broken").status == 500
    assert browser.ask().body == b'{"tried": true}'


def test_a_session_is_a_dictionary():
    session = Session('{"a":1}')
    assert (session, session.changed) == ({"a": 1}, False)
    session |= {"b": 2}
    assert session.changed


# Forged requests


@pytest.fixture
def guarded(app):
    app.use(Xsrf())

    @app.get("/form")
    def form(request):
        return html(xsrf_field(request))

    @app.route("/post", ["POST", "PUT", "DELETE", "PATCH"])
    async def post(request):
        form = await request.form() if request.method == "POST" else {}
        return f"done {form.get('a')}"

    return Browser(app)


def load(browser):
    """The token in a form."""
    page = browser.ask("/form").body.decode()
    return re.fullmatch(r'<input type="hidden" name="_xsrf" value="(.+)">', page)[1]


def send(browser, token, *fields):
    body = f"a=1&_xsrf={token}".encode()
    return browser.ask("/post", FORM, *fields, method="POST", body=body)


def test_a_form_with_its_token_is_taken(guarded):
    token = load(guarded)
    assert send(guarded, token).body == b"done 1"
    assert send(guarded, token).status == 200  # more than once, and older ones too
    assert send(guarded, load(guarded)).status == 200


def test_a_form_of_parts_is_taken(guarded):
    token = load(guarded)
    parts = "".join(
        f'--b\r\nContent-Disposition: form-data; name="{n}"\r\n\r\n{v}\r\n'
        for n, v in [("a", "2"), ("_xsrf", token)]
    )
    kind = "Content-Type: Multipart/Form-Data; boundary=b"
    body = f"{parts}--b--".encode()
    assert guarded.ask("/post", kind, method="POST", body=body).body == b"done 2"


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH"])
def test_a_script_sends_it_in_a_header(guarded, method):
    token = load(guarded)
    fields = (f"X-XSRF-Token: {token}", FORM)
    assert guarded.ask("/post", *fields, method=method).status == 200
    assert guarded.ask("/post", FORM, method=method).status == 403


def test_without_a_token_of_this_client_it_is_refused(guarded):
    token = load(guarded)
    other = load(Browser(guarded.app))
    wrong = ["", "x", "é", token[:-1], token[:20], other, "A" * 43, "=" * 50, token * 2]
    for one in wrong:
        assert send(guarded, one).status == 403, one
    assert guarded.ask("/post", method="POST").status == 403
    assert guarded.ask("/post", "Content-Type: text/plain", method="POST").status == 403
    stranger = Browser(guarded.app)
    assert send(stranger, token).status == 403
    assert send(stranger, "A" * 43).status == 403


def test_safe_methods_need_none(guarded):
    assert guarded.ask("/plain").status == 200
    assert guarded.ask("/plain", "Sec-Fetch-Site: cross-site").status == 200
    assert guarded.ask("/plain", method="HEAD").status == 200


@pytest.mark.parametrize(
    ("line", "status"),
    [
        ("Sec-Fetch-Site: cross-site", 403),
        ("Sec-Fetch-Site: same-site", 403),
        ("Sec-Fetch-Site: same-origin", 200),
        ("Sec-Fetch-Site: none", 200),
        ("Origin: http://example.org", 200),
        ("Origin: https://EXAMPLE.org", 200),
        ("Origin: http://evil.example", 403),
        ("Origin: http://example.org.evil.example", 403),
        ("Origin: http://example.org:81", 403),
        ("Origin: null", 403),
        ("Origin: ", 403),
    ],
)
def test_the_browser_says_where_it_came_from(guarded, line, status):
    assert send(guarded, load(guarded), line).status == status


def test_a_token_looks_different_each_time(guarded):
    tokens = {load(guarded) for _ in range(20)}
    assert len(tokens) == 20
    # In no place do two of them agree more than chance would have it: byte by byte,
    # mask and masked token are both random.
    assert all(len({t[i] for t in tokens}) > 3 for i in range(42))


def test_tokens_belong_to_a_session(app):
    asked = Request(head("/"), Sent(), Connection)
    asked.session = Session()
    token = xsrf_token(asked)
    assert is_token(asked, token)
    asked.session.clear()
    assert not is_token(asked, token)


def test_a_form_too_large_is_refused_as_that():
    app = Application()
    app.use(Sessions(KEY))
    app.use(Xsrf(max_fields_size=5))
    app.post("/")(lambda request: "done")
    answer = ask(app, "/", FORM, method="POST", body=b"a=12345")
    assert (answer.status, answer.body[:3]) == (413, b"413")
