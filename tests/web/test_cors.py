"""Pages of other origins: who may read, and what is said to those who ask first."""

import pytest

from dustdevil.web import Application, Cors
from support.asking import ask, header


@pytest.fixture
def app():
    return Application()


GOOD, BAD = "Origin: https://app.example", "Origin: https://evil.example"
ASKING = "Access-Control-Request-Method: PUT"


def with_cors(app, *arguments, **options):
    app.use(Cors(*arguments, **options))
    app.get("/")(lambda request: "hello")
    app.put("/")(lambda request: "put")
    return app


def cors(response):
    """The headers that matter here, by what follows Access-Control-."""
    found = {
        name.removeprefix("Access-Control-"): value
        for name, value in response.headers.items()
        if name.startswith("Access-Control-")
    }
    return found, header(response, "vary")


def test_a_page_of_an_origin_that_is_named_may_read(app):
    with_cors(app, ["https://app.example"], expose=["X-Total"])
    response = ask(app, "/", GOOD)
    assert response.body == b"hello"
    assert cors(response) == (
        {"Allow-Origin": "https://app.example", "Expose-Headers": "X-Total"},
        ["Origin"],
    )
    for lines in (
        [BAD],
        [GOOD.upper()],
        [GOOD + ".evil.example"],
        ["Origin: null"],
        [],
    ):
        assert cors(ask(app, "/", *lines)) == ({}, ["Origin"])


def test_any_origin(app):
    with_cors(app, "*")
    assert cors(ask(app, "/", BAD)) == ({"Allow-Origin": "*"}, [])
    assert cors(ask(app, "/")) == ({}, [])


def test_credentials_need_names(app):
    with_cors(app, ["https://app.example"], credentials=True)
    found, _ = cors(ask(app, "/", GOOD))
    assert found["Allow-Credentials"] == "true"
    assert cors(ask(app, "/", BAD))[0] == {}
    for everybody in ("*", ["*"], ["https://app.example", "*"]):
        with pytest.raises(ValueError, match="name the origins"):
            Cors(everybody, credentials=True)
    with pytest.raises(TypeError):
        Cors("https://app.example")


def test_the_question_before(app):
    options = {"methods": ["GET", "PUT"], "headers": ["X-A"], "max_age": 60}
    with_cors(app, ["https://app.example"], **options)
    response = ask(app, "/", GOOD, ASKING, method="OPTIONS")
    assert (response.status, response.body) == (204, b"")
    assert cors(response) == (
        {
            "Allow-Origin": "https://app.example",
            "Allow-Methods": "GET, PUT",
            "Allow-Headers": "X-A",
            "Max-Age": "60",
        },
        ["Origin"],
    )
    refused = ask(app, "/", BAD, ASKING, method="OPTIONS")
    assert (refused.status, cors(refused)) == (204, ({}, ["Origin"]))


def test_other_options_go_to_the_handler(app):
    with_cors(app, "*")
    app.options("/")(lambda request: "ours")
    assert ask(app, "/", GOOD, method="OPTIONS").body == b"ours"
    assert ask(app, "/", ASKING, method="OPTIONS").body == b"ours"


def test_errors_can_be_read_too(app):
    with_cors(app, "*")
    response = ask(app, "/missing", GOOD)
    assert (response.status, cors(response)[0]) == (404, {"Allow-Origin": "*"})
