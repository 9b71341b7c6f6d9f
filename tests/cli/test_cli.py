"""The command line, as a process of its own."""

import os
import re
import signal
import socket
import ssl
import subprocess
import sys

import httpx
import pytest

from dustdevil import __version__
from dustdevil.speedups import STATUS

APP = """
from dustdevil.http import Headers


class Answer:
    status, headers, length, upgrade, reason = 200, Headers(), None, None, None

    def __init__(self, text):
        self.body = text.encode()


def app(head, body, connection):
    return Answer(f"{head.method} {head.target} {connection.scheme}")


class holder:
    app = app


kept = []


def leaky(head, body, connection):
    kept.append(connection)
    return app(head, body, connection)


number = 5


def wsgi(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain")])
    several = environ["wsgi.multithread"], environ["wsgi.multiprocess"]
    return [environ["PATH_INFO"].encode(), repr(several).encode()]


async def asgi(scope, receive):
    pass
"""


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "hello.py").write_text(APP)
    (tmp_path / "broken.py").write_text("1 / 0")
    (tmp_path / "needy.py").write_text("import no_such_library")
    (tmp_path / "missing.py").write_text("open('no such file')")
    return tmp_path


def start(folder, *arguments):
    return subprocess.Popen(
        [sys.executable, "-m", "dustdevil", *arguments],
        cwd=folder,
        env=os.environ | {"PYTHONUNBUFFERED": "1", "COLUMNS": "80"},
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
    with start(
        folder, "hello:app", "--port=0", "--max-request-line", "1 KiB"
    ) as process:
        url = address(process)
        assert httpx.get(url + "x" * 900).status_code == 200
        assert httpx.get(url + "x" * 1100).status_code == 414
        process.terminate()


@pytest.mark.parametrize(
    ("options", "several"),
    [
        (["--threads=1"], (False, False)),
        (["--threads=2"], (True, False)),
        (["--threads=1", "--workers=2"], (False, True)),
    ],
)
def test_wsgi(folder, options, several):
    with start(folder, "--wsgi", "hello:wsgi", "--port=0", *options) as process:
        assert httpx.get(address(process) + "path").text == f"/path{several}"
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


APPLICATION_FAULTS = [
    (["nowhere:app"], "no module 'nowhere'"),
    (["hello.deep:app"], "no module 'hello.deep'"),
    (["hello:application"], "'hello' has no 'application'"),
    (["hello:number"], "can't be called"),
    ([":app"], "no module:name"),
    (["hello:app", "--host", "256.0.0.1"], "can't listen at 256.0.0.1"),
    (["hello:app", "--tls-cert", "none.pem"], "can't use the certificate none.pem"),
    (["hello:app", "--max-body", "-1"], "max_body"),
]


@pytest.mark.parametrize("more", [["--workers", "2"], ["--reload"]])
@pytest.mark.parametrize(("arguments", "words"), APPLICATION_FAULTS)
def test_a_wrong_command_gets_it_with_workers_too(folder, arguments, words, more):
    assert words in complaint(folder, "--port=0", *arguments, *more)


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


@pytest.mark.parametrize("more", [[], ["--workers=2"], ["--reload"]])
def test_a_port_in_use(folder, more):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        words = complaint(folder, "hello:app", "--port", str(port), *more)
    assert f"can't listen at 127.0.0.1:{port}: Address already in use" in words


@pytest.mark.parametrize(
    ("module", "words"),
    [
        ("broken", "ZeroDivisionError"),
        ("needy", "No module named 'no_such_library'"),
        ("missing", "FileNotFoundError"),
    ],
)
@pytest.mark.parametrize("workers", [1, 2])
def test_what_the_module_does_wrong_is_shown(folder, module, words, workers):
    more = "--port=0", f"--workers={workers}"
    with start(folder, f"{module}:app", *more) as process:
        errors = process.communicate(timeout=10)[1]
    assert process.returncode == 1
    assert errors.count(words) == 1
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


@pytest.mark.parametrize("workers", ["1", "2", "0"])
def test_workers_and_an_access_log(folder, workers):
    options = "--port=0", "--workers", workers, "--access-log"
    with start(folder, "hello:app", *options) as process:
        url = address(process)
        assert httpx.get(url + "x?y").text == "GET /x?y http"
        line = process.stdout.readline()
        assert re.match(r"127\.0\.0\.1 - - \[.*\] \"GET /x\?y HTTP/1.1\" 200 13 ", line)
        process.terminate()
        assert process.wait(10) == 0


def test_an_access_log_of_a_wsgi_application(folder):
    with start(folder, "hello:wsgi", "--wsgi", "--access-log", "--port=0") as process:
        assert httpx.get(address(process)).status_code == 200
        assert '"GET / HTTP/1.1" 200 ' in process.stdout.readline()
        process.terminate()
        assert process.wait(10) == 0


@pytest.mark.parametrize("name", ["leaky", "app"])
def test_a_watch_for_connections_that_are_kept(folder, name):
    options = f"hello:{name}", "--port=0", "--leak-watch", "100 ms"
    with start(folder, *options) as process:
        httpx.get(address(process), headers={"Connection": "close"})
        if name == "leaky":
            told = "Connection is over, and is kept by list of 1 ← hello.kept\n"
            assert process.stderr.readline() == told
        process.terminate()
        assert process.wait(10) == 0
        assert process.stderr.read() == ""


def test_a_certificate_is_read_again_at_a_reload(folder):
    def certify(name):
        command = f"openssl req -x509 -newkey rsa:2048 -nodes -days 1 -subj /CN={name}"
        command += " -keyout key.pem -out cert.pem"
        subprocess.run(command.split(), cwd=folder, check=True, capture_output=True)

    def subject():
        context = ssl.create_default_context()
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        with (
            socket.create_connection(("127.0.0.1", port), 10) as raw,
            context.wrap_socket(raw) as sock,
        ):
            return sock.getpeercert(binary_form=True)

    certify("old")
    tls = "--tls-cert", "cert.pem", "--tls-key", "key.pem"
    with start(folder, "hello:app", "--port=0", "--workers=2", *tls) as process:
        port = int(re.search(r":(\d+)/", address(process))[1])
        before = subject()
        assert b"old" in before
        certify("new")
        process.send_signal(signal.SIGHUP)
        assert "Reloaded" in process.stdout.readline()
        assert b"new" in subject()
        process.terminate()


def test_reload_follows_the_source(folder):
    source = folder / "hello.py"
    with start(folder, "hello:app", "--port=0", "--reload") as process:
        url = address(process)
        source.write_text(APP.replace("{connection.scheme}", "anew"))
        assert "Reloaded" in process.stdout.readline()
        assert httpx.get(url).text == "GET / anew"
        source.write_text(APP + "def broken(:")
        errors = read_until(process.stderr, "the old ones go on")
        assert "SyntaxError" in errors
        assert httpx.get(url).text == "GET / anew"
        source.write_text(APP)
        assert "Reloaded" in process.stdout.readline()
        assert httpx.get(url).text == "GET / http"
        process.terminate()
        assert process.wait(10) == 0


def test_reload_waits_for_a_first_version_that_works(folder):
    with start(folder, "broken:app", "--port=0", "--reload") as process:
        errors = read_until(process.stderr, "waiting for a change")
        assert "ZeroDivisionError" in errors
        (folder / "broken.py").write_text(APP)
        assert httpx.get(address(process)).text == "GET / http"
        process.terminate()
        assert process.wait(10) == 0


def read_until(file, words):
    """All lines up to the one with these words."""
    lines = []
    while not lines or words not in lines[-1]:
        lines.append(file.readline())
        assert lines[-1], "".join(lines)
    return "".join(lines)
