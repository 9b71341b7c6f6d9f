"""The URL shortener, over both of its stores, served by the command line's server."""

import os
import re
import shutil
import subprocess
import sys
import threading
from wsgiref.util import setup_testing_defaults
from wsgiref.validate import validator

import httpx
import pytest

from demos.shortly import stores
from demos.shortly.app import Shortly, check, make_app
from demos.shortly.stores import RedisStore, SQLiteStore
from dustdevil.wsgi import WSGI, mount
from support.places import ROOT
from support.redis_server import RedisServer
from support.serving import PATIENCE, Running

needs_redis = pytest.mark.skipif(
    shutil.which("redis-server") is None and not os.environ.get("CI"),
    reason="no redis-server here",
)
TARGET = "https://example.org/a?b=c&d=%20#e"


@pytest.fixture(scope="module")
def redis_url(tmp_path_factory):
    server = RedisServer(tmp_path_factory.mktemp("redis"))
    yield f"redis://127.0.0.1:{server.port}"
    server.stop()


@pytest.fixture(params=["sqlite", pytest.param("redis", marks=needs_redis)])
def store(request, tmp_path):
    if request.param == "sqlite":
        yield SQLiteStore(str(tmp_path / "links.db"))
    else:
        store = RedisStore(request.getfixturevalue("redis_url"))
        store.redis.flushall()
        yield store
        store.close()


@pytest.fixture
def client(store):
    app = Shortly(store)
    server = Running(WSGI(mount({"/s": app, "": app})))
    with httpx.Client(base_url=server.url, timeout=PATIENCE) as client:
        yield client
    server.stop()
    server.loop.close()


# The stores


def test_a_link_is_kept_and_counts_its_clicks(store):
    key = store.add(TARGET)
    assert re.fullmatch("[A-Za-z0-9]{6}", key)
    link = store.get(key)
    assert (link.key, link.target, link.clicks) == (key, TARGET, 0)
    assert store.follow(key) == store.follow(key) == TARGET
    assert store.get(key).clicks == 2
    assert store.add(TARGET) == key
    assert store.get(key) == link._replace(clicks=2)
    assert store.get("nobody") is store.follow("nobody") is None
    assert store.get("nobody") is None  # following it did not make it


def test_the_newest_come_first(store):
    keys = [store.add(f"{TARGET}{number}") for number in range(stores.RECENT + 2)]
    newest = [link.key for link in store.recent()]
    assert newest == keys[::-1][: stores.RECENT]


def test_a_key_that_is_taken_is_not_given_twice(store, monkeypatch):
    keys = iter(["aaaaaa", "aaaaaa", "bbbbbb"])
    monkeypatch.setattr(stores, "new_key", lambda: next(keys))
    assert store.add("https://one.example/") == "aaaaaa"
    assert store.add("https://two.example/") == "bbbbbb"
    assert store.follow("aaaaaa") == "https://one.example/"


def test_several_threads_lose_no_click_and_agree_on_the_key(store):
    found = []

    def work():
        key = store.add(TARGET)
        for _ in range(10):
            store.follow(key)
        found.append(key)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 4
    assert len(set(found)) == 1
    assert store.get(found[0]).clicks == 40
    assert len(store.recent()) == 1


# Addresses


@pytest.mark.parametrize(
    ("url", "target"),
    [
        (f" {TARGET} ", TARGET),
        ("HTTP://Example.ORG", "http://example.org"),
        (
            "http://caf\u00e9.example/\u00e9?\u00e9",
            "http://xn--caf-dma.example/%C3%A9?%C3%A9",
        ),
        ("http://[::1]:8000/", "http://[::1]:8000/"),
        ("http://10.0.0.1/a(b)'c", "http://10.0.0.1/a(b)'c"),
    ],
)
def test_addresses(url, target):
    assert check(url, "here") == target


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("", "Which address"),
        ("javascript:alert(1)", "begins with"),
        ("JavaScript://example.org/%0aalert(1)", "begins with"),
        ("data:text/html,<script>alert(1)</script>", "begins with"),
        ("java\tscript:alert(1)", "no spaces"),
        ("https://a.example/\r\nSet-Cookie: a=b", "no spaces"),
        ("//example.org/", "begins with"),
        ("example.org", "begins with"),
        ("ftp://example.org/", "begins with"),
        ("https://", "no host"),
        ("https:///path", "no host"),
        ("https://exa<mple.org/", "no host"),
        ("https://bank.example@evil.example/", "name or password"),
        ("https://example.org:port/", "leads anywhere"),
        ("https://[::1/", "leads anywhere"),
        ("https://" + "a" * 64 + ".example/", "leads anywhere"),
        ("https://example.org/" + "a" * 2000, "2000 characters"),
        ("http://HERE:81/abcdef", "short already"),
    ],
)
def test_addresses_that_are_refused(url, words):
    with pytest.raises(ValueError, match=re.escape(words)):
        check(url, "here:81")


# The pages


@pytest.mark.parametrize("prefix", ["", "/s"])
def test_shorten_follow_and_look(client, prefix):
    assert "Make a long address short" in client.get(prefix + "/").text
    answer = client.post(prefix + "/", data={"url": TARGET})
    assert answer.status_code == 303
    place = answer.headers["Location"]
    assert re.fullmatch(prefix + r"/\w{6}\+", place)
    short = place[:-1]

    page = client.get(place).text
    assert f"{client.base_url}{short}</h1>" in page.replace("//s", "/s")
    assert "0 times" in page
    assert "https://example.org/a?b=c&amp;d=%20#e" in page
    answer = client.get(short)
    assert (answer.status_code, answer.headers["Location"]) == (302, TARGET)
    assert answer.headers["Cache-Control"] == "no-store"
    assert "1 time<" in client.get(place).text
    answer = client.head(short)
    assert (answer.status_code, answer.headers["Location"]) == (302, TARGET)
    assert "1 time<" in client.get(place).text  # to look is not to follow
    assert "1 click<" in client.get(prefix + "/").text


def test_what_is_refused(client):
    script = "javascript:alert('\"><b>')"
    answer = client.post("/", data={"url": script})
    assert answer.status_code == 422
    assert "begins with https://" in answer.text
    assert 'value="javascript:alert(&#39;&#34;&gt;&lt;b&gt;&#39;)"' in answer.text
    assert client.post("/", data={}).status_code == 422
    assert client.post("/", content=b"url=\xff\xfe").status_code == 422
    assert client.post("/", data={"url": str(client.base_url)}).status_code == 422
    assert client.post("/", data={"url": "x" * 10_000}).status_code == 413
    for path in ("/nothing", "/abcdef", "/abcdef+", "/a/b", "/favicon.ico"):
        assert client.get(path).status_code == 404
    answer = client.put("/")
    assert (answer.status_code, answer.headers["Allow"]) == (405, "GET, HEAD, POST")
    assert client.post("/abcdef").headers["Allow"] == "GET, HEAD"
    assert "default-src 'none'" in answer.headers["Content-Security-Policy"]


def test_the_validator_has_nothing_to_say(tmp_path):
    environ = {"PATH_INFO": "/", "SCRIPT_NAME": "", "QUERY_STRING": ""}
    setup_testing_defaults(environ)
    app = validator(make_app(str(tmp_path / "links.db")))
    result = app(environ, lambda *args: None)
    assert b"Shortly" in b"".join(result)
    result.close()


# As programs


def started(command, tmp_path, **environ):
    process = subprocess.Popen(
        [sys.executable, "-m", *command, "--port", "0"],
        cwd=ROOT,
        env=os.environ | {"PYTHONUNBUFFERED": "1"} | environ,
        stdout=subprocess.PIPE,
        text=True,
    )
    return process, re.search(r"http://\S+", process.stdout.readline())[0]


@pytest.mark.parametrize("over", ["sqlite", pytest.param("redis", marks=needs_redis)])
@pytest.mark.parametrize("kind", ["module", "command"])
def test_the_program(tmp_path, request, kind, over):
    database = str(tmp_path / "links.db")
    url = request.getfixturevalue("redis_url") if over == "redis" else ""
    if kind == "command":
        command = ["dustdevil", "--wsgi", "demos.shortly.app:app"]
        environ = {"SHORTLY_DATABASE": database, "REDIS_URL": url}
    else:
        command = ["demos.shortly", *(["--redis", url] if url else [])]
        command += ["--database", database]
        environ = {"REDIS_URL": ""}
    process, address = started(command, tmp_path, **environ)
    with process:
        try:
            answer = httpx.post(address, data={"url": TARGET}, follow_redirects=True)
            assert "leads to" in answer.text
        finally:
            process.terminate()
        assert process.wait(PATIENCE) == 0
    assert os.path.exists(database) == (over == "sqlite")
