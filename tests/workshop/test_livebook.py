"""The live book as a server: real clients against a process of its own."""

import asyncio
import contextlib
import functools
import os
import re
import signal
import socket
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest
import websockets.exceptions

from support.live_book import COMMAND, PAGE, TOKEN, Page, open_socket
from workshop import overlay
from workshop.livebook import wire

LAUNCH = f"""
import sys
from pathlib import Path
from workshop.livebook.live import LiveBook

pages, limit, idle = sys.argv[1:]
host, token = "127.0.0.1", {TOKEN!r}
live = LiveBook(Path(pages), Path(pages), token, host, int(limit), float(idle))
try:
    print("port", live.listen(0), flush=True)
    live.run()
finally:
    live.close()
"""


class LiveServer:
    """A live book over a folder with two pages, in a process of its own."""

    def __init__(self, pages, limit=4, idle=600):
        self.process = subprocess.Popen(
            [sys.executable, "-c", LAUNCH, str(pages), str(limit), str(idle)],
            stdout=subprocess.PIPE,
            text=True,
        )
        self.port = int(self.process.stdout.readline().split()[1])
        self.url = f"http://127.0.0.1:{self.port}"
        self.client = httpx.Client(
            base_url=self.url, headers={"Authorization": f"token {TOKEN}"}, timeout=30
        )
        self.sockets = contextlib.ExitStack()

    def start_kernel(self, **wanted):
        answer = self.client.post("/api/kernels", json=wanted)
        assert answer.status_code == 201, answer.text
        place = answer.url.join(answer.headers["location"])
        assert place.path == f"/api/kernels/{answer.json()['id']}"
        return answer.json()["id"]

    def kernel(self, id):
        return self.client.get(f"/api/kernels/{id}").json()

    def page(self, kernel, session="one", protocol=None, **options):
        url = f"{self.url}/api/kernels/{kernel}/channels?session_id={session}"
        return Page(self.sockets.enter_context(open_socket(url, protocol, **options)))

    def pids(self):
        return children(self.process.pid)

    def end_kernels(self):
        for kernel in self.client.get("/api/kernels").json():
            self.client.delete(f"/api/kernels/{kernel['id']}")

    def stop(self, how=signal.SIGTERM):
        self.process.send_signal(how)
        code = self.process.wait(20)
        self.close()
        return code

    def close(self):
        self.sockets.close()
        self.client.close()
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        self.process.stdout.close()


def refused_with(url, **options):
    """The status with which the opening of a WebSocket is refused."""
    refused = pytest.raises(websockets.exceptions.InvalidStatus)
    with refused as error, open_socket(url, **options):
        pass
    return error.value.response.status_code


def children(pid):
    """The processes that a process has started and that have not ended."""
    listed = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return [int(child) for child in listed]


def wait_until(condition, seconds=20):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.01)


def is_running(pid):
    try:
        return "\nState:\tZ" not in Path(f"/proc/{pid}/status").read_text()
    except FileNotFoundError:
        return False


@pytest.fixture(scope="module")
def pages(tmp_path_factory):
    folder = tmp_path_factory.mktemp("html")
    (folder / "book").mkdir()
    (folder / "index.html").write_text(PAGE)
    (folder / "book" / "index.html").write_text(PAGE)
    (folder / ".stamp").write_text("secret")
    return folder


@pytest.fixture(scope="module")
def shared(pages):
    server = LiveServer(pages)
    yield server
    server.close()


@pytest.fixture
def live(shared):
    """The server, without kernels."""
    yield shared
    shared.sockets.close()
    shared.end_kernels()


@pytest.fixture
def own(pages):
    """Servers that a test may stop."""
    with contextlib.ExitStack() as stack:

        def start(**options):
            server = LiveServer(pages, **options)
            stack.callback(server.close)
            return server

        yield start


# Who may come in


@pytest.mark.parametrize("path", ["/", "/book/index.html"])
@pytest.mark.parametrize("token", [None, "wrong", TOKEN])
def test_pages_need_no_token_and_get_no_cookie(live, path, token):
    params = {} if token is None else {"token": token}
    answer = httpx.get(live.url + path, params=params)
    assert (answer.status_code, answer.text) == (200, PAGE)
    assert "set-cookie" not in answer.headers


@pytest.mark.parametrize("method", ["GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS"])
@pytest.mark.parametrize("path", ["", "/kernels", "/%6bernels", "/nowhere", "/../x"])
def test_all_below_api_needs_the_token(live, method, path):
    with socket.create_connection(("127.0.0.1", live.port)) as sock:
        sock.sendall(
            f"{method} /%61pi{path} HTTP/1.1\r\nHost: 127.0.0.1\r\n"
            "Connection: close\r\n\r\n".encode()
        )
        answer = b"".join(iter(lambda: sock.recv(65536), b""))
    assert answer.startswith(b"HTTP/1.1 403 ")
    assert b"\r\nWWW-Authenticate: token\r\n" in answer


def test_no_cookie_authorises_and_an_old_one_is_deleted(live):
    names = (f"dustdevil-{live.port}", "dustdevil-1", "theme")
    cookie = {"Cookie": "; ".join(f"{name}={TOKEN}" for name in names)}
    assert httpx.get(live.url + "/api/kernels", headers=cookie).status_code == 403
    url = f"{live.url}/api/kernels/{live.start_kernel()}/channels"
    assert refused_with(url, token=None, headers=cookie) == 403
    deleted = httpx.get(live.url, headers=cookie).headers.get_list("set-cookie")
    assert {line.partition("=")[0] for line in deleted} == set(names[:2])
    assert all("Max-Age=0" in line for line in deleted)


@pytest.mark.parametrize(
    "header",
    [f"token {TOKEN}", f"Token {TOKEN}", f"Bearer {TOKEN}", f"bearer \t {TOKEN}"],
)
def test_the_token_in_a_header(live, header):
    answer = httpx.get(live.url + "/api", headers={"Authorization": header})
    assert "version" in answer.json()


@pytest.mark.parametrize("token", [TOKEN, f"%20{TOKEN}%0A", f"+{TOKEN}+"])
def test_the_token_in_the_address(live, token):
    assert "version" in httpx.get(f"{live.url}/api?token={token}").json()


@pytest.mark.parametrize("token", ["", "wrong", "the-toke", "the-tökén", "the- token"])
def test_a_token_that_is_not_ours(live, token):
    answer = httpx.get(live.url + "/api", params={"token": token})
    assert answer.status_code == 403


@pytest.mark.parametrize("header", ["token x", TOKEN, f"Basic {TOKEN}", "token", ""])
@pytest.mark.parametrize("path", ["/api", "/api/kernels", "/api/nowhere"])
def test_programs_without_the_token_get_json(live, header, path):
    answer = httpx.get(live.url + path, headers={"Authorization": header})
    assert answer.status_code == 403
    assert "token" in answer.json()["message"]


def host_headers(port):
    good = [f"127.0.0.1:{port}", f"localhost:{port}", f"[::1]:{port}", "localhost"]
    good += [f"LOCALHOST:{port}", f"book.localhost:{port}", "127.8.8.8"]
    bad = ["evil.example", f"evil.example:{port}", "192.168.0.9", "127.0.0.1.evil.com"]
    bad += [f"localhost.evil.com:{port}", "0.0.0.0", "localhostx", "[::2]"]
    return [(host, True) for host in good] + [(host, False) for host in bad]


@pytest.mark.parametrize(("host", "good"), host_headers(8888))
def test_the_host_has_to_be_ours(live, host, good):
    answer = live.client.get("/api", headers={"Host": host})
    assert answer.status_code == (200 if good else 403)


def test_a_page_that_shall_not_be_seen_says_what_to_do(live):
    headers = {"Host": "evil.example", "Accept": "text/html"}
    answer = live.client.get("/", headers=headers)
    assert answer.status_code == 403
    assert "--allow-host evil.example." in answer.text
    assert "text text" not in answer.text


def origins(port):
    yield None, True
    yield f"http://127.0.0.1:{port}", True
    yield "null", False
    yield "http://evil.example", False
    yield f"http://evil.example:{port}", False
    yield f"http://127.0.0.1:{port + 1}", False  # another server on this machine
    yield f"http://localhost:{port}", False
    yield f"https://127.0.0.1:{port}", False
    yield f"http://127.0.0.1:{port}.evil.example", False
    yield "", False


def test_other_pages_can_change_nothing(live):
    for origin, good in origins(live.port):
        headers = {} if origin is None else {"Origin": origin}
        answer = live.client.post("/api/kernels", headers=headers)
        assert answer.status_code == (201 if good else 403), origin
        kernel = live.client.get("/api/kernels").json()[0]["id"]
        if not good:
            assert "another site" in answer.json()["message"]
            assert "www-authenticate" not in answer.headers
            for method, path in (("DELETE", ""), ("POST", "/interrupt")):
                url = f"/api/kernels/{kernel}{path}"
                answer = live.client.request(method, url, headers=headers)
                assert answer.status_code == 403
    headers = {"Sec-Fetch-Site": "same-site"}
    assert live.client.post("/api/kernels", headers=headers).status_code == 403


def test_other_pages_can_open_no_websocket(live):
    url = f"{live.url}/api/kernels/{live.start_kernel()}/channels"
    for origin, good in origins(live.port):
        headers = {} if origin is None else {"Origin": origin}
        if good:
            with open_socket(url, headers=headers):
                pass
        else:
            assert refused_with(url, headers=headers) == 403, origin


def test_a_websocket_needs_token_and_host(live):
    url = f"{live.url}/api/kernels/{live.start_kernel()}/channels"
    for token in (None, "wrong"):
        assert refused_with(url, token=token) == 403
    handshake = {
        "Upgrade": "websocket",
        "Connection": "Upgrade",
        "Sec-WebSocket-Version": "13",
        "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
    }
    answer = live.client.get(url, headers=handshake | {"Host": "evil.example"})
    assert answer.status_code == 403
    with open_socket(f"{url}?token={TOKEN}", token=None):
        pass


# The pages


def test_pages_are_sent_once_and_compressed(live):
    answer = live.client.get("/book/index.html")
    assert answer.headers["content-encoding"] == "gzip"
    tag = answer.headers["etag"]
    again = live.client.get("/book/index.html", headers={"If-None-Match": tag})
    assert again.status_code == 304
    assert live.client.get("/.stamp").status_code == 404
    assert live.client.get("/%2e%2e/etc/passwd").status_code == 404


@pytest.mark.parametrize("path", ["/", "/nowhere", "/api", "/api/nowhere"])
def test_every_answer_is_guarded(live, path):
    for token in (TOKEN, "wrong"):
        headers = {"Authorization": f"token {token}"}
        answer = httpx.get(live.url + path, headers=headers)
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["referrer-policy"] == "no-referrer"
        policy = answer.headers["content-security-policy"]
        assert "default-src 'self'" in policy
        own = f"ws://127.0.0.1:{live.port} wss://127.0.0.1:{live.port}"
        assert f"connect-src 'self' {own};" in policy
        hosts = re.findall(r"\b(?:https?|wss?)://[^ ;]+", policy)
        assert hosts == own.split()
        assert not [name for name in answer.headers if "access-control" in name]


def test_curl_gets_a_page(live):
    address = f"{live.url}/book/index.html?token={TOKEN}"
    command = ["curl", "-sSf", "--compressed", address]
    assert subprocess.check_output(command, text=True) == PAGE


# The REST interface


def test_version_status_and_specs(live):
    assert re.fullmatch(r"\d+\.\d+\.\d+", live.client.get("/api").json()["version"])
    status = live.client.get("/api/status").json()
    assert status["kernels"] == status["connections"] == 0
    specs = live.client.get("/api/kernelspecs").json()
    spec = specs["kernelspecs"][specs["default"]]
    assert spec["spec"]["language"] == "python"
    assert live.client.get("/api/kernelspecs/python3").json() == spec
    assert live.client.get("/api/kernelspecs/cobol").status_code == 404


def test_the_life_of_a_kernel(live):
    id = live.start_kernel(name="python3")
    assert [k["id"] for k in live.client.get("/api/kernels").json()] == [id]
    model = live.kernel(id)
    assert model["name"] == "python3"
    assert model["connections"] == 0
    assert re.fullmatch(r"[\d-]+T[\d:]+\.\d{6}Z", model["last_activity"])
    wait_until(lambda: live.kernel(id)["execution_state"] == "idle")
    assert live.client.post(f"/api/kernels/{id}/interrupt").status_code == 204
    (pid,) = live.pids()
    assert live.client.post(f"/api/kernels/{id}/restart").json()["id"] == id
    assert live.pids() != [pid]
    answer = live.client.delete(f"/api/kernels/{id}")
    assert (answer.status_code, answer.content) == (204, b"")
    assert live.client.get("/api/kernels").json() == []
    assert live.pids() == []


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("GET", "/api/kernels/none", None, 404),
        ("DELETE", "/api/kernels/none", None, 404),
        ("POST", "/api/kernels/none/interrupt", None, 404),
        ("POST", "/api/kernels/none/restart", None, 404),
        ("GET", "/api/kernels/none/channels", None, 404),
        ("POST", "/api/kernels", b"{", 400),
        ("POST", "/api/kernels", b"[]", 400),
        ("POST", "/api/kernels", b'{"name": 7}', 400),
        ("POST", "/api/kernels", b'{"name": "cobol"}', 501),
        ("POST", "/api/kernels", b"[" * 100_000, 400),
        ("PUT", "/api/kernels", b"{}", 405),
        ("GET", "/api/sessions/none", None, 404),
        ("PATCH", "/api/sessions/none", b"{}", 404),
        ("DELETE", "/api/sessions/none", None, 404),
        ("POST", "/api/sessions", b"{}", 400),
        ("POST", "/api/sessions", b'{"path": "x", "kernel": 1}', 400),
        ("POST", "/api/sessions", b'{"path": "x", "kernel": {"id": "none"}}', 404),
        ("POST", "/api/sessions", b'{"path": "x", "kernel": {"name": "cobol"}}', 501),
        ("GET", "/api/nowhere", None, 404),
    ],
)
def test_errors_are_json_with_a_sentence(live, method, path, body, status):
    answer = live.client.request(method, path, content=body)
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/json"
    assert set(answer.json()) == {"message", "reason"}
    assert "Traceback" not in answer.text
    assert live.client.get("/api/kernels").json() == []


def test_a_session_ties_a_page_to_its_kernel(live):
    wanted = {"path": "book/a.ipynb", "name": "A", "type": "notebook"}
    answer = live.client.post("/api/sessions", json=wanted)
    assert answer.status_code == 201
    session = answer.json()
    url = f"/api/sessions/{session['id']}"
    assert answer.url.join(answer.headers["location"]).path == url
    assert session["notebook"] == {"path": "book/a.ipynb", "name": "A"}
    assert session["kernel"]["id"] == live.client.get("/api/kernels").json()[0]["id"]
    again = live.client.post("/api/sessions", json=wanted | {"name": "B"}).json()
    assert again["id"] == session["id"]
    assert live.client.get(url).json()["kernel"]["id"] == session["kernel"]["id"]
    moved = live.client.patch(url, json={"path": "book/b.ipynb", "name": "B"}).json()
    assert (moved["path"], moved["name"]) == ("book/b.ipynb", "B")
    other = live.client.patch(url, json={"kernel": {"name": "python3"}}).json()
    assert other["kernel"]["id"] != session["kernel"]["id"]
    assert len(live.client.get("/api/kernels").json()) == 1
    assert [s["id"] for s in live.client.get("/api/sessions").json()] == [session["id"]]
    assert live.client.delete(url).status_code == 204
    assert live.client.get("/api/kernels").json() == []
    assert live.client.get("/api/sessions").json() == []


def test_a_session_for_a_kernel_that_is_there(live):
    kernel = live.start_kernel()
    wanted = {"path": "x", "type": "console", "kernel": {"id": kernel}}
    session = live.client.post("/api/sessions", json=wanted).json()
    assert session["kernel"]["id"] == kernel
    assert "notebook" not in session
    live.client.delete(f"/api/kernels/{kernel}")
    assert live.client.get("/api/sessions").json() == []


def test_too_many_kernels_is_said_in_a_sentence(live):
    for number in range(4):
        live.page(live.start_kernel(), session=str(number))
    for path, body in (("/api/kernels", {}), ("/api/sessions", {"path": "x"})):
        answer = live.client.post(path, json=body)
        assert answer.status_code == 503
        assert answer.json()["message"].startswith("4 kernels are running")


def test_an_idle_kernel_without_a_page_is_culled(own):
    server = own(idle=0.5)
    gone, kept = server.start_kernel(), server.start_kernel()
    page = server.page(kept)
    page.execute("1")
    wait_until(lambda: server.client.get(f"/api/kernels/{gone}").status_code == 404)
    wait_until(lambda: len(server.pids()) == 1)
    assert page.execute("print(1)")[1] == "1\n"


# The WebSocket


@pytest.mark.parametrize("protocol", [None, wire.V1])
def test_output_errors_and_results(live, protocol):
    page = live.page(live.start_kernel(), protocol=protocol)
    assert page.socket.subprotocol == protocol
    reply, printed = page.execute("print('grüße', end='!')\n6 * 7")
    assert (reply["status"], printed) == ("ok", "grüße!")
    (result,) = [m for m in page.got if m["msg_type"] == "execute_result"]
    assert result["content"]["data"]["text/plain"] == "42"
    reply, _ = page.execute("1 / 0")
    assert reply["ename"] == "ZeroDivisionError"
    (error,) = [m for m in page.got if m["msg_type"] == "error"]
    assert "\x1b[" in "".join(error["content"]["traceback"])


def test_output_comes_while_the_cell_runs(live):
    page = live.page(live.start_kernel())
    request = page.run("print('early', flush=True); input()")
    assert page.until("stream", request)["content"]["text"] == "early\n"
    page.until("input_request", request)
    page.ask("input_reply", {"value": "", "status": "ok"}, "stdin")
    assert page.end_of(request)[0]["status"] == "ok"


def test_input_is_answered(live):
    page = live.page(live.start_kernel(), protocol=wire.V1)
    request = page.run("print(input('name? ')[::-1])")
    assert page.until("input_request")["content"]["prompt"] == "name? "
    page.ask("input_reply", {"value": "abc", "status": "ok"}, "stdin")
    assert page.end_of(request)[1] == "cba\n"


def test_interrupt_and_restart_keep_the_socket(live):
    kernel = live.start_kernel()
    page = live.page(kernel)
    request = page.run("x = 1; print('go', flush=True)\nwhile True: pass")
    page.until("stream", request)
    assert live.kernel(kernel)["execution_state"] == "busy"
    live.client.post(f"/api/kernels/{kernel}/interrupt")
    assert page.end_of(request)[0]["ename"] == "KeyboardInterrupt"
    live.client.post(f"/api/kernels/{kernel}/restart")
    page.state("starting")
    assert page.execute("x")[0]["ename"] == "NameError"


STUBBORN = """
print("go", flush=True)
while True:
    try:
        while True: pass
    except KeyboardInterrupt: pass
"""


def test_a_program_that_connects_during_a_restart_is_answered_after_it(live):
    """JupyterLab's client connects anew each time it hears "restarting"."""
    kernel = live.start_kernel()
    page = live.page(kernel, "one")
    page.until("stream", page.run(STUBBORN))
    with ThreadPoolExecutor() as pool:
        restart = pool.submit(live.client.post, f"/api/kernels/{kernel}/restart")
        wait_until(lambda: live.kernel(kernel)["execution_state"] == "restarting")
        late = live.page(kernel, "two")
        assert late.receive()["content"]["execution_state"] == "starting"
        assert late.execute("print(1)")[1] == "1\n"
        assert restart.result().status_code == 200
    page.execute("1")
    assert "restarting" not in states(page) | states(late)


def states(page):
    """The states of its kernel that a page was told."""
    said = [m["content"] for m in page.got if m["msg_type"] == "status"]
    return {content["execution_state"] for content in said}


def test_what_is_said_of_lost_messages_is_said_in_the_kernels_name(live):
    """JupyterLab's client throws away a message whose header lacks a member."""
    kernel = live.start_kernel()
    page = live.page(kernel)
    page.execute("1")
    page.run(
        "input()\nfor _ in range(8): display({'text/plain': 'x' * 10**6}, raw=True)"
    )
    question = page.until("input_request")
    page.socket.close()
    other = live.page(kernel, "other")
    other.ask("input_reply", {"status": "ok", "value": ""}, "stdin")
    wait_until(lambda: live.kernel(kernel)["execution_state"] == "idle")
    lost = live.page(kernel).until("stream")
    assert "messages were lost" in lost["content"]["text"]
    assert lost["parent_header"] == question["parent_header"]
    header = question["header"]
    assert lost["header"].keys() == header.keys()
    assert lost["header"]["session"] == header["session"]


def test_a_killed_kernel_comes_back(live):
    kernel = live.start_kernel()
    page = live.page(kernel)
    page.execute("x = 1")
    session = page.got[-1]["header"]["session"]
    (pid,) = live.pids()
    os.kill(pid, signal.SIGKILL)
    # Said in the name of the process: under another, JupyterLab's client would forget
    # what it has not handled yet.
    assert page.state("restarting")["header"]["session"] == session
    assert page.execute("x")[0]["ename"] == "NameError"
    assert live.kernel(kernel)["id"] == kernel
    assert live.pids() != [pid]


def test_ending_a_kernel_tells_its_pages(live):
    kernel = live.start_kernel()
    page = live.page(kernel)
    page.execute("1")
    live.client.delete(f"/api/kernels/{kernel}")
    page.state("dead")
    assert page.closing() == (1000, "The kernel was ended.")


def test_a_reloaded_page_finds_its_variables(live):
    wanted = {"path": "book/a.ipynb", "type": "notebook"}
    kernel = live.client.post("/api/sessions", json=wanted).json()["kernel"]["id"]
    page = live.page(kernel, session="before")
    page.execute("x = 'kept'")
    page.socket.close()
    (session,) = live.client.get("/api/sessions").json()
    page = live.page(session["kernel"]["id"], session="after")
    assert page.execute("print(x)")[1] == "kept\n"


@pytest.mark.parametrize("protocol", [None, wire.V1])
def test_large_messages_both_ways(live, protocol):
    page = live.page(live.start_kernel(), protocol=protocol)
    text = "ä" * 2_000_000
    reply, printed = page.execute(
        f"print(len({text!r}), end=' ')\nprint('x' * 20_000_000)"
    )
    assert reply["status"] == "ok"
    assert printed == "2000000 " + "x" * 20_000_000 + "\n"


def test_too_large_a_message_ends_only_its_connection(live):
    kernel = live.start_kernel()
    page = live.page(kernel, protocol=wire.V1)
    with contextlib.suppress(websockets.exceptions.ConnectionClosed):
        page.socket.send(b"x" * (65 << 20))
    assert page.closing().code == 1009
    assert live.page(kernel, "two").execute("print(1)")[1] == "1\n"


@pytest.mark.parametrize("garbage", ["x", b"x", "{}", b"", "[1]"])
@pytest.mark.parametrize("protocol", [None, wire.V1])
def test_garbage_ends_only_its_connection(live, garbage, protocol):
    page = live.page(live.start_kernel(), "bad", protocol)
    page.socket.send(garbage)
    assert page.closing().code == 1007


def test_a_flood_to_a_page_that_reads_slowly(live):
    """The page stops reading; nothing grows; it reads on, and all of it is there."""
    kernel = live.start_kernel()
    page = live.page(kernel, protocol=wire.V1, max_queue=1)
    page.execute("1")
    before = memory(live.process.pid)
    request = page.run("for i in range(300_000): print(i, 'x' * 80)")
    # No receive() here: the client's small queue fills, then all buffers on the way.
    peaks = []
    quiet_since = time.monotonic()
    while time.monotonic() - quiet_since < 3:
        time.sleep(0.1)
        peaks.append(memory(live.process.pid))
    assert live.kernel(kernel)["execution_state"] == "busy"
    reply, printed = page.end_of(request)
    assert reply["status"] == "ok"
    numbers = [int(line.split()[0]) for line in printed.splitlines()]
    assert numbers == list(range(300_000))
    peaks.append(memory(live.process.pid))
    assert max(peaks) - before < 40_000


def memory(pid):
    """The resident memory of a process, in KiB."""
    status = Path(f"/proc/{pid}/status").read_text()
    return int(status.split("VmRSS:")[1].split()[0])


def test_a_page_that_does_not_read_does_not_stop_the_others(live):
    kernel = live.start_kernel()
    slow = live.page(kernel, "slow", max_queue=1, close_timeout=1)
    slow.execute("1")
    slow.run("for i in range(300_000): print(i, 'x' * 80)")
    other = live.page(live.start_kernel(), "other")
    assert other.execute("print(1)")[1] == "1\n"
    assert live.client.get("/book/index.html").text == PAGE


def test_jupyter_servers_gateway_client(live, monkeypatch):
    """JupyterLab's server can use ours for its kernels: its own client, both ways."""
    websocket = pytest.importorskip("websocket", reason="comes with jupyter_server")
    from jupyter_server.gateway.gateway_client import GatewayClient
    from jupyter_server.gateway.managers import (
        GatewayKernelManager,
        GatewayKernelSpecManager,
    )

    monkeypatch.setenv("JUPYTER_GATEWAY_URL", live.url)
    monkeypatch.setenv("JUPYTER_GATEWAY_AUTH_TOKEN", TOKEN)
    # This one class of theirs forgets the token when it opens its WebSocket.
    opening = functools.partial(
        websocket.create_connection, header=[f"Authorization: token {TOKEN}"]
    )
    monkeypatch.setattr(websocket, "create_connection", opening)

    async def session():
        spec = await GatewayKernelSpecManager().get_kernel_spec("python3")
        assert spec["spec"]["language"] == "python"
        manager = GatewayKernelManager()
        await manager.start_kernel(kernel_name="python3")
        client = manager.client()
        await client.start_channels()
        asked = client.execute("print(6 * 7)")
        reply = await client.get_shell_msg(timeout=30)
        assert reply["parent_header"]["msg_id"] == asked
        assert reply["content"]["status"] == "ok"
        message = await client.get_iopub_msg(timeout=30)
        while message["msg_type"] != "stream":
            message = await client.get_iopub_msg(timeout=30)
        assert message["content"]["text"] == "42\n"
        client.execute("while True: pass")
        while (await manager.refresh_model())["execution_state"] != "busy":
            await asyncio.sleep(0.01)
        await manager.interrupt_kernel()
        reply = await client.get_shell_msg(timeout=30)
        assert reply["content"]["ename"] == "KeyboardInterrupt"
        await manager.restart_kernel()
        client.kernel_info()
        assert (await client.get_shell_msg(timeout=30))["content"]["status"] == "ok"
        await asyncio.to_thread(client.stop_channels)
        await manager.shutdown_kernel()

    GatewayClient.clear_instance()
    try:
        asyncio.run(session())
    finally:
        GatewayClient.clear_instance()
    assert live.client.get("/api/kernels").json() == []


# The end


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_stopping_leaves_no_process(own, how):
    server = own()
    page = server.page(server.start_kernel())
    request = page.run(
        "import subprocess\nchild = subprocess.Popen(['sleep', '600'])\n"
        "print(child.pid, flush=True)\nwhile True: pass"
    )
    child = int(page.until("stream", request)["content"]["text"])
    server.start_kernel()
    pids = [*server.pids(), child]
    assert len(pids) == 3
    assert server.stop(how) == 0
    assert not any(is_running(pid) for pid in pids)


def test_stopping_tells_the_pages(own):
    server = own()
    page = server.page(server.start_kernel())
    page.execute("1")
    server.process.send_signal(signal.SIGTERM)
    page.state("dead")
    assert page.closing() == (1000, "The server was stopped.")
    assert server.process.wait(20) == 0


def test_a_second_signal_does_not_wait(own):
    server = own()
    page = server.page(server.start_kernel())
    request = page.run(
        "import signal, time\nsignal.signal(signal.SIGINT, signal.SIG_IGN)\n"
        "print('go', flush=True)\nwhile True: time.sleep(.01)"
    )
    page.until("stream", request)
    (pid,) = server.pids()
    server.process.send_signal(signal.SIGINT)
    server.process.stdout.readline()
    assert server.stop(signal.SIGINT) == 0
    assert not is_running(pid)


def test_kernels_end_when_the_server_is_killed(own):
    server = own()
    page = server.page(server.start_kernel())
    page.execute("1")
    (pid,) = server.pids()
    server.stop(signal.SIGKILL)
    wait_until(lambda: not is_running(pid))


# The command


def start_command(pages, options):
    return subprocess.Popen(
        [sys.executable, "-c", COMMAND, str(pages), *map(str, options)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


@pytest.fixture
def serve(pages):
    """`workshop serve`, on the test's pages; each ended in the end."""
    started = []

    def serve(*options, pages=pages):
        process = start_command(pages, options)
        started.append(process)
        return process

    yield serve
    for process in started:
        process.terminate()
        process.communicate(timeout=20)


def lines_until_address(process):
    lines = []
    while not lines or not lines[-1].startswith("http"):
        lines.append(process.stdout.readline().rstrip("\n"))
        assert lines[-1], process.stderr.read()
    return lines


def test_the_address_with_the_token_comes_last(serve):
    process = serve("--port", 0)
    *_, address = lines_until_address(process)
    assert re.fullmatch(r"http://127\.0\.0\.1:\d+/\?token=[\w-]{20,}", address)
    assert httpx.get(address).text == PAGE
    assert httpx.get(address.replace("/?", "/api?")).status_code == 200
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=20)
    assert process.returncode == 0
    assert out.startswith("Stopping")
    assert len(out.splitlines()) == 1
    assert err == ""


ALLOWED = ("book.example", "other.example:8443")


@pytest.mark.parametrize(
    ("host", "origin", "good"),
    [
        # A proxy that passes the browser's Host on, with TLS or without.
        ("book.example", "https://book.example", True),
        ("book.example", "http://book.example", True),
        ("BOOK.example", "https://book.EXAMPLE", True),
        ("book.example:9000", "https://book.example:9000", True),
        # One that asks by a name of its own.
        ("localhost:80", "https://book.example", True),
        ("127.0.0.1", "https://other.example:8443", True),
        # Other servers on the host of the proxy, and other sites.
        ("book.example", "https://book.example:9000", False),
        ("localhost", "https://other.example", False),
        ("localhost", "https://book.example.evil.example", False),
        ("book.example", "https://evil.example", False),
        ("book.example", "null", False),
        ("book.example", "file://book.example", False),
        ("book.example", "https://localhost", False),
        ("localhost", "https://localhost", False),
        ("evil.example", "https://evil.example", False),
        ("sub.book.example", "https://sub.book.example", False),
    ],
)
def test_names_that_are_allowed(allowing, host, origin, good):
    headers = {"Authorization": f"token {TOKEN}", "Host": host, "Origin": origin}
    answer = httpx.delete(f"{allowing}api/kernels/none", headers=headers)
    assert answer.status_code == (404 if good else 403)
    policy = answer.headers["content-security-policy"]
    assert not good or f" wss://{host};" in policy


@pytest.fixture(scope="module")
def allowing(pages):
    options = "--port", 0, "--token", TOKEN, *(f"--allow-host={a}" for a in ALLOWED)
    process = start_command(pages, options)
    yield lines_until_address(process)[-1].partition("?")[0]
    process.terminate()
    process.communicate(timeout=20)


def test_below_a_path(serve):
    process = serve("--port", 0, "--token", TOKEN, "--base-path", "/d/d")
    url, _, query = lines_until_address(process)[-1].partition("?")
    assert url.endswith("/d/d/")
    assert query == f"token={TOKEN}"
    assert httpx.get(url).text == httpx.get(url + "book/").text == PAGE
    headers = {"Authorization": f"token {TOKEN}"}
    answer = httpx.post(url + "api/kernels", headers=headers)
    place = answer.url.join(answer.headers["location"])
    assert httpx.get(place, headers=headers).json()["id"] == answer.json()["id"]
    assert httpx.get(f"{url}%61pi/kernels").status_code == 403
    for short, whole in (("", ""), ("/book", "book/"), ("/book?x=/", "book/?x=/")):
        answer = httpx.get(url.rstrip("/") + short, follow_redirects=True)
        assert (str(answer.url), answer.text) == (url + whole, PAGE)
    root = url.removesuffix("d/d/")
    for path in ("", "api", "d/dd/", "d/", "dd/d/"):
        assert httpx.get(root + path, headers=headers).status_code == 404


def test_a_redirect_stays_below_the_path_of_a_proxy(live):
    answer = httpx.get(live.url + "/book")
    assert answer.headers["location"] == "./book/"
    answer = live.client.post("/api/kernels")
    assert answer.headers["location"] == f"../api/kernels/{answer.json()['id']}"


@pytest.mark.parametrize("path", ["//evil.example", "/\\evil.example", "/book%2F..%2F"])
def test_no_redirect_leads_to_another_host(pages, live, path):
    with socket.create_connection(("127.0.0.1", live.port)) as sock:
        sock.sendall(
            f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n"
            "Connection: close\r\n\r\n".encode()
        )
        answer = b"".join(iter(lambda: sock.recv(65536), b""))
    assert re.match(rb"HTTP/1.1 40[04] ", answer)


def test_listening_everywhere_is_said_and_has_an_address_to_open(serve):
    process = serve("--port", 0, "--host", "0.0.0.0", "--without-tls")
    *before, address = lines_until_address(process)
    assert "Everyone who reaches this machine" in "\n".join(before)
    host, port = re.fullmatch(r"http://(.+):(\d+)/\?token=.+", address).groups()
    assert host == socket.gethostname()
    answer = httpx.get(f"http://127.0.0.1:{port}/", headers={"Host": f"{host}:{port}"})
    assert answer.text == PAGE


def test_the_learners_own_modules_serve_through_tls(serve, tmp_path):
    copy_module(tmp_path / "mystack", "routing")
    command = "openssl req -x509 -newkey rsa:2048 -nodes -days 1 -subj /CN=localhost"
    command += " -keyout key.pem -out cert.pem"
    subprocess.run(command.split(), cwd=tmp_path, check=True, capture_output=True)
    files = "--tls-cert", tmp_path / "cert.pem", "--tls-key", tmp_path / "key.pem"
    stack = "--stack", tmp_path / "mystack"
    process = serve("--port", 0, "--base-path", "/dd", *files, *stack)
    address = lines_until_address(process)[-1]
    assert httpx.get(address, verify=False).text == PAGE


def refusal(process):
    """The one sentence on stderr of a command that exits with 2."""
    out, err = process.communicate(timeout=30)
    assert process.returncode == 2, (out, err)
    assert out == ""
    (line,) = err.splitlines()
    assert line.startswith("workshop serve: ")
    return line


def test_a_port_that_is_taken(serve):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        assert f"port {port} is in use" in refusal(serve("--port", port))


def test_without_a_port_the_next_free_one_is_taken(serve):
    first, second = serve(), serve()
    ports = [
        int(re.search(r":(\d+)/", lines_until_address(process)[-1])[1])
        for process in (first, second)
    ]
    assert ports[0] != ports[1]
    assert all(8888 <= port < 8908 for port in ports)


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (["--port", "70000"], "70000 is no port"),
        (["--token", "a b"], "a token consists of"),
        (["--max-kernels", "0"], "have to be positive"),
        (["--host", "203.0.113.1", "--without-tls"], "can't listen on 203.0.113.1"),
        (["--host", "0.0.0.0"], "encrypt with --tls-cert and --tls-key"),
        (["--host", "::"], "say --without-tls"),
        (["--host", ""], "other machines can reach --host ''"),
        (["--tls-key", "key.pem"], "--tls-key needs a --tls-cert"),
        (["--tls-cert", "none.pem"], "can't use the certificate none.pem"),
        (["--allow-host", "https://a.example"], "not https://a.example"),
        (["--allow-host", "*"], "--allow-host takes a name such as"),
        (["--base-path", "dd"], "--base-path takes a path such as /dd"),
        (["--base-path", "/a?b"], "not /a?b"),
        (["--stack", "nowhere"], "there is no folder nowhere"),
    ],
)
def test_options_that_make_no_sense(serve, options, sentence):
    assert sentence in refusal(serve(*options))


def test_a_book_that_is_not_built(serve, tmp_path):
    assert "the book is not built" in refusal(serve(pages=tmp_path))


def copy_module(folder, name, old="", new=""):
    file = folder / overlay.path_of(name)
    file.parent.mkdir(parents=True, exist_ok=True)
    text = overlay.reference(name).read_text()
    assert old in text
    changed = text.replace(old, new, 1) if old else text
    file.write_text(changed)
    place = changed.find(new) + len(new)
    return changed[:place].count("\n") + 1


def test_the_learners_own_modules_serve_the_book(serve, tmp_path):
    copy_module(tmp_path / "mystack", "routing")
    copy_module(tmp_path / "mystack", "loop.eventloop")
    process = serve("--port", 0, "--token", TOKEN, "--stack", tmp_path / "mystack")
    *before, address = lines_until_address(process)
    assert "loop.eventloop, routing" in "\n".join(before)
    url = address.partition("/?")[0]
    headers = {"Authorization": f"token {TOKEN}"}
    assert httpx.get(f"{url}/index.html", headers=headers).text == PAGE
    kernel = httpx.post(f"{url}/api/kernels", headers=headers).json()["id"]
    with open_socket(f"{url}/api/kernels/{kernel}/channels") as ws:
        assert Page(ws).execute("print(1)")[1] == "1\n"


def test_a_module_that_cannot_be_imported(serve, tmp_path):
    folder = tmp_path / "mystack"
    folder.mkdir()
    (folder / "routing.py").write_text("x = 1\ndef broken(:\n")
    line = refusal(serve("--stack", folder))
    assert "mystack/routing.py, line 2: SyntaxError" in line


def test_a_module_that_is_not_finished(serve, tmp_path):
    folder = tmp_path / "mystack"
    number = copy_module(
        folder,
        "loop.eventloop",
        "        timer = Timer(self, when, callback, args)\n",
        '        raise NotImplementedError("your turn: call_at")',
    )
    line = refusal(serve("--port", 0, "--stack", folder))
    assert f"mystack/loop/eventloop.py, line {number}: NotImplementedError" in line
    assert "your turn: call_at" in line


def test_a_module_that_fails_at_the_first_request(serve, tmp_path):
    folder = tmp_path / "mystack"
    copy_module(folder, "routing")
    text = (folder / "routing.py").read_text()
    text += '\n\ndef unfinished(*args):\n    raise NotImplementedError("your turn")\n'
    text += "\n\nRouter.match = unfinished\n"
    (folder / "routing.py").write_text(text)
    line = refusal(serve("--port", 0, "--stack", folder))
    assert re.search(r"mystack/routing\.py, line \d+: NotImplementedError", line)


def test_a_loop_that_hangs(serve, tmp_path):
    folder = tmp_path / "mystack"
    number = copy_module(
        folder,
        "loop.eventloop",
        "        watched = self._watched\n        for fd",
        "        watched = self._watched\n        while True: pass\n        for fd",
    )
    line = refusal(serve("--port", 0, "--stack", folder))
    assert (
        f"mystack/loop/eventloop.py, line {number - 1}: after 5 s without an answer"
        in line
    )
