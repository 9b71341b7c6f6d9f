"""Applications of Flask, Django and Bottle, on our server, with a real client."""

import os
import re
import subprocess
import sys

import bottle
import flask
import httpx
import pytest

from dustdevil.wsgi import WSGI, mount
from support.serving import PATIENCE, Running


@pytest.fixture
def serve():
    started = []

    def serve(application):
        started.append(Running(WSGI(application, threads=4)))
        return httpx.Client(base_url=started[-1].url, timeout=PATIENCE)

    yield serve
    for one in started:
        one.stop()
        one.loop.close()


# Flask


@pytest.fixture
def flask_app():
    app = flask.Flask("shop")
    app.secret_key = "for the test"

    @app.get("/hello/<name>")
    def hello(name):
        return flask.render_template_string("Hello, {{ name }}!", name=name)

    @app.post("/login")
    def login():
        flask.session["user"] = flask.request.form["user"]
        return flask.redirect(flask.url_for("me"))

    @app.get("/me")
    def me():
        return {"user": flask.session.get("user"), "url": flask.request.url}

    @app.post("/upload")
    def upload():
        file = flask.request.files["file"]
        return {"name": file.filename, "size": len(file.read())}

    @app.post("/count")
    def count():
        pieces = iter(lambda: flask.request.stream.read(10_000), b"")
        return {"size": sum(map(len, pieces))}

    @app.get("/stream")
    def stream():
        def lines():
            for number in range(3):
                yield f"{flask.request.path} {number}\n"

        return app.response_class(flask.stream_with_context(lines()))

    @app.get("/file")
    def file():
        return flask.send_file(__file__)

    @app.get("/fail")
    def fail():
        raise LookupError("in the view")

    return app


def test_flask(flask_app, serve, caplog):
    with serve(flask_app) as client:
        assert client.get("/hello/<you>").text == "Hello, &lt;you&gt;!"
        answer = client.post("/login", data={"user": "ada"}, follow_redirects=True)
        assert answer.json() == {"user": "ada", "url": f"{client.base_url}/me"}
        files = {"file": ("a.bin", bytes(1_000_000))}
        answer = client.post("/upload", files=files)
        assert answer.json() == {"name": "a.bin", "size": 1_000_000}
        answer = client.post("/count", content=iter([bytes(70_000)] * 3))
        assert answer.request.headers["Transfer-Encoding"] == "chunked"
        assert answer.json() == {"size": 210_000}
        answer = client.get("/stream")
        assert answer.text == "/stream 0\n/stream 1\n/stream 2\n"
        assert answer.headers["Transfer-Encoding"] == "chunked"
        answer = client.head("/hello/you")
        assert (answer.text, answer.headers["Content-Length"]) == ("", "11")
        with open(__file__, "rb") as file:
            assert client.get("/file").content == file.read()
        part = client.get("/file", headers={"Range": "bytes=1-3"})
        assert (part.status_code, part.text) == (206, '""A'[:3])
        assert client.get("/nowhere").status_code == 404
        assert "LookupError" not in caplog.text
        assert client.get("/fail").status_code == 500
        assert "LookupError: in the view" in caplog.text


# Bottle


@pytest.fixture
def bottle_app(tmp_path):
    (tmp_path / "style.css").write_text("body {}")
    app = bottle.Bottle()

    @app.get("/hello/<name>")
    def hello(name):
        return bottle.template("Hello, {{name}}!", name=name)

    @app.post("/form")
    def form():
        bottle.response.set_cookie("seen", "yes")
        return {"text": bottle.request.forms.getunicode("text")}

    @app.get("/cookie")
    def cookie():
        return bottle.request.get_cookie("seen", "no")

    @app.post("/json")
    def json():
        return {"got": bottle.request.json}

    @app.get("/static/<name>")
    def static(name):
        return bottle.static_file(name, root=str(tmp_path))

    @app.get("/numbers")
    def numbers():
        for number in range(3):
            yield f"{number} "

    return app


def test_bottle(bottle_app, serve):
    with serve(bottle_app) as client:
        assert client.get("/hello/<you>").text == "Hello, &lt;you&gt;!"
        assert client.get("/cookie").text == "no"
        text = "caf\u00e9 \u65e5\u672c"
        assert client.post("/form", data={"text": text}).json() == {"text": text}
        assert client.get("/cookie").text == "yes"
        assert client.post("/json", json=[1, 2]).json() == {"got": [1, 2]}
        answer = client.get("/static/style.css")
        assert answer.text == "body {}"
        assert answer.headers["Content-Type"].startswith("text/css")
        since = {"If-Modified-Since": answer.headers["Last-Modified"]}
        assert client.get("/static/style.css", headers=since).status_code == 304
        assert client.get("/numbers").text == "0 1 2 "
        assert client.get("/nowhere").status_code == 404


def test_several_frameworks_under_one_roof(flask_app, bottle_app, serve):
    both = mount({"/flask": flask_app, "/bottle": bottle_app})
    with serve(both) as client:
        answer = client.post("/flask/login", data={"user": "a"}, follow_redirects=True)
        assert answer.json() == {"user": "a", "url": f"{client.base_url}/flask/me"}
        assert client.get("/bottle/hello/you").text == "Hello, you!"


# Django, by the command line

SHOP = """
import django
from django.conf import settings
from django.contrib import admin
from django.core.management import call_command
from django.core.wsgi import get_wsgi_application
from django.urls import path

settings.configure(
    DEBUG=True,
    SECRET_KEY="for the test",
    ALLOWED_HOSTS=["127.0.0.1"],
    ROOT_URLCONF=__name__,
    DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": "shop.db"}},
    INSTALLED_APPS=["django.contrib." + name for name in (
        "admin", "auth", "contenttypes", "sessions", "messages", "staticfiles")],
    MIDDLEWARE=[
        "django.contrib.sessions.middleware.SessionMiddleware",
        "django.middleware.common.CommonMiddleware",
        "django.middleware.csrf.CsrfViewMiddleware",
        "django.contrib.auth.middleware.AuthenticationMiddleware",
        "django.contrib.messages.middleware.MessageMiddleware",
    ],
    PASSWORD_HASHERS=["django.contrib.auth.hashers.MD5PasswordHasher"],
    TEMPLATES=[{
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {"context_processors": [
            "django.template.context_processors.request",
            "django.contrib.auth.context_processors.auth",
            "django.contrib.messages.context_processors.messages",
        ]},
    }],
    STATIC_URL="/static/",
)
django.setup()
urlpatterns = [path("admin/", admin.site.urls)]

from django.contrib.auth.models import User
from django.contrib.staticfiles.handlers import StaticFilesHandler

call_command("migrate", verbosity=0)
User.objects.create_superuser("ada", password="difference engine")
application = StaticFilesHandler(get_wsgi_application())
"""


def field(page, name):
    return re.search(rf'name="{name}" value="([^"]+)"', page)[1]


def test_django_and_its_admin(tmp_path):
    (tmp_path / "shop.py").write_text(SHOP)
    command = "-m", "dustdevil", "--wsgi", "shop:application", "--port", "0"
    with (
        subprocess.Popen(
            [sys.executable, *command],
            cwd=tmp_path,
            env=os.environ | {"PYTHONUNBUFFERED": "1"},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        ) as process,
        httpx.Client(follow_redirects=True, timeout=30) as client,
    ):
        try:
            url = re.search(r"http://[^/]+", process.stdout.readline())[0]
            page = client.get(f"{url}/admin/")
            assert page.url.path == "/admin/login/"
            form = {"username": "ada", "password": "wrong", "next": "/admin/"}
            form["csrfmiddlewaretoken"] = field(page.text, "csrfmiddlewaretoken")
            page = client.post(page.url, data=form)
            assert "Please enter the correct username" in page.text
            form["csrfmiddlewaretoken"] = field(page.text, "csrfmiddlewaretoken")
            form["password"] = "difference engine"
            page = client.post(page.url, data=form)
            assert "Site administration" in page.text

            page = client.get(f"{url}/admin/auth/user/add/")
            new = {
                "username": "bob",
                "password1": "a long one",
                "password2": "a long one",
            }
            new["usable_password"] = "true"
            new["csrfmiddlewaretoken"] = field(page.text, "csrfmiddlewaretoken")
            page = client.post(page.url, data=new)
            assert "was added successfully" in page.text
            page = client.get(f"{url}/admin/auth/user/")
            assert "2 users" in page.text
            assert ">ada</a>" in page.text
            assert ">bob</a>" in page.text

            style = client.get(f"{url}/static/admin/css/base.css")
            assert style.headers["Content-Type"] == "text/css"
            assert int(style.headers["Content-Length"]) == len(style.content)
            assert "DJANGO Admin styles" in style.text
            assert client.get(f"{url}/static/admin/none.css").status_code == 404
        finally:
            process.terminate()
        assert process.wait(PATIENCE) == 0
