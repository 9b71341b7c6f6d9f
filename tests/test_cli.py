"""The command line, as a process of its own."""

import os
import re
import signal
import socket
import subprocess
import sys

import httpx
import pytest

from dustdevil import __version__
from dustdevil.speedups import STATUS

APP = """
class Answer:
    status, headers, length, upgrade = 200, [], None, None

    def __init__(self, text):
        self.body = text.encode()


def app(head, body, connection):
    return Answer(f"{head.method} {head.target} {connection.scheme}")


class holder:
    app = app


number = 5


def wsgi(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [environ["PATH_INFO"].encode(), str(environ["wsgi.multithread"]).encode()]


async def asgi(scope, receive):
    pass
"""


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "hello.py").write_text(APP)
    (tmp_path / "broken.py").write_text("1 / 0")
    (tmp_path / "needy.py").write_text("import no_such_library")
    return tmp_path


def start(folder, *arguments):
    return subprocess.Popen(
        [sys.executable, "-m", "dustdevil", *arguments],
        cwd=folder,
        env=os.environ | {"PYTHONUNBUFFERED": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def address(process):
    """Wait until it listens, and return the URL that it prints."""
    return re.search(r"https?://\S+", process.stdout.readline())[0]


@pytest.mark.parametrize("name", ["hello:app", "hello", "hello:holder.app"])
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_serves_until_a_signal(folder, name, number):
    with start(folder, name, "--port", "0") as process:
        url = address(process)
        assert httpx.get(url + "x?y").text == "GET /x?y http"
        process.send_signal(number)
        assert process.wait(10) == 0
        assert process.stderr.read() == ""


def test_settings_are_options(folder):
    with start(folder, "hello:app", "--port=0", "--max-line", "1 KiB") as process:
        url = address(process)
        assert httpx.get(url + "x" * 900).status_code == 200
        assert httpx.get(url + "x" * 1100).status_code == 414
        process.terminate()


@pytest.mark.parametrize(("threads", "several"), [("1", "False"), ("2", "True")])
def test_wsgi(folder, threads, several):
    with start(
        folder, "--wsgi", "hello:wsgi", "--port=0", "--threads", threads
    ) as process:
        assert httpx.get(address(process) + "path").text == "/path" + several
        process.terminate()
        assert process.wait(10) == 0
        assert process.stderr.read() == ""


def test_tls(folder):
    command = "openssl req -x509 -newkey rsa:2048 -nodes -days 1 -subj /CN=localhost"
    command += " -keyout key.pem -out cert.pem"
    subprocess.run(command.split(), cwd=folder, check=True, capture_output=True)
    tls = "--tls-cert", "cert.pem", "--tls-key", "key.pem"
    with start(folder, "hello:app", "--port=0", *tls) as process:
        url = address(process)
        assert url.startswith("https:")
        with httpx.Client(verify=False) as client:
            assert client.get(url).text == client.get(url).text == "GET / https"
        process.terminate()


def complaint(folder, *arguments):
    """The one line that a wrong command gets, and its exit code 2."""
    with start(folder, *arguments) as process:
        output, errors = process.communicate(timeout=10)
    assert process.returncode == 2
    assert output == ""
    assert errors.startswith("dustdevil: ")
    assert errors.count("\n") == 1
    return errors


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["nowhere:app"], "no module 'nowhere'"),
        (["hello.deep:app"], "no module 'hello.deep'"),
        (["hello:application"], "'hello' has no 'application'"),
        (["hello:app.b"], "'hello' has no 'app.b'"),
        (["hello:number"], "can't be called"),
        ([":app"], "no module:name"),
        ([], "required: application"),
        (["hello:app", "--port", "http"], "port: 'http' is not a whole number"),
        (["hello:app", "--port", "65536"], "from 0 to 65535"),
        (["hello:app", "--max-body", "-1"], "max_body"),
        (["hello:app", "--idle-timeout", "5 parsecs"], "idle_timeout"),
        (["hello:app", "--no-such-option"], "--no-such-option"),
        (["hello:app", "--host", "256.0.0.1"], "can't listen at 256.0.0.1"),
        (["hello:app", "--wsgi"], "is no WSGI application: it can't be called"),
        (["hello:asgi", "--wsgi"], "is no WSGI application: it is an async def"),
        (["hello:wsgi", "--wsgi", "--threads", "0"], "threads"),
        (["hello:app", "--tls-key", "key.pem"], "needs a --tls-cert"),
        (["hello:app", "--tls-cert", "none.pem"], "can't use the certificate none.pem"),
        (["hello:app", "--tls-cert", "hello.py"], "can't use the certificate hello.py"),
    ],
)
def test_a_wrong_command_gets_one_clear_line(folder, arguments, words):
    assert words in complaint(folder, *arguments)


def test_a_port_in_use(folder):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        words = complaint(folder, "hello:app", "--port", str(port))
    assert f"can't listen at 127.0.0.1:{port}: Address already in use" in words


@pytest.mark.parametrize(
    ("module", "words"),
    [("broken", "ZeroDivisionError"), ("needy", "No module named 'no_such_library'")],
)
def test_what_the_module_does_wrong_is_shown_with_its_line(folder, module, words):
    with start(folder, f"{module}:app") as process:
        errors = process.communicate(timeout=10)[1]
    assert process.returncode == 1
    assert words in errors
    assert f'{module}.py", line 1' in errors


def test_version_says_whether_c_serves(folder):
    with start(folder, "--version") as process:
        words, errors = process.communicate(timeout=20)
    assert (process.returncode, errors) == (0, "")
    assert words == f"dustdevil {__version__}, {STATUS}\n"


def test_help_names_every_setting(folder):
    with start(folder, "--help") as process:
        text = process.communicate(timeout=10)[0]
    assert process.returncode == 0
    for words in ("--header-timeout SECONDS", "(default: 5)", "--max-body SIZE"):
        assert words in text
