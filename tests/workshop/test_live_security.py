"""Who may run cells: the token in the browser, other servers, proxies, TLS."""

import http.server
import re
import socket
import socketserver
import ssl
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest

from support.live_book import COMMAND
from support.live_reader import (
    TOKEN,
    LiveServer,
    Quiet,
    Reader,
    end_kernels,
    expect,
    needs_chromium,
)

pytestmark = needs_chromium

HANDSHAKE = {
    "Connection": "Upgrade",
    "Upgrade": "websocket",
    "Sec-WebSocket-Version": "13",
    "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
}
TOKEN_HEADER = {"Authorization": f"token {TOKEN}"}

# --- the token in the browser --------------------------------------------------------


@pytest.fixture
def stranger(visit: Callable[..., Reader], live: LiveServer) -> Iterator[Reader]:
    """A reader who has opened the address without the token."""
    yield visit(f"{live.address}book/cells.html")
    end_kernels(live)


def test_the_token_leaves_the_address_and_other_pages_know_it(visit, live):
    address = f"{live.address}?a=1&token=%20{TOKEN}%20&b=%C3%A4#here"
    reader = visit(address)
    page = reader.page
    page.wait_for_url(f"{live.address}book/index.html?a=1&b=%C3%A4#here")
    assert TOKEN not in page.evaluate("JSON.stringify([history.state, document.URL])")
    page.get_by_role("link", name="Some cells").first.click()
    reader.run(1)
    reader.cell(1).expect_output("first")
    other = page.context.new_page()
    other.goto(f"{live.address}book/other.html")
    second = Reader(other, [])
    second.run(1)
    second.cell(1).expect_output("first")
    assert page.context.cookies() == []
    end_kernels(live)


@pytest.mark.parametrize(
    "pasted",
    [TOKEN, f"  {TOKEN} ", "ADDRESS?token=" + TOKEN, " ADDRESS?token=%20" + TOKEN],
)
def test_a_page_without_the_token_asks_for_it(stranger, live, pasted):
    cell = stranger.cell(1)
    cell.run()
    cell.expect_notice("Open the address that make serve printed last, or paste it")
    cell.expect_notice("The server runs cells only for a page that has its token.")
    stranger.picture("token")
    cell.notice.get_by_label("Token or address").fill(
        pasted.replace("ADDRESS", live.address)
    )
    stranger.page.keyboard.press("Enter")
    cell.expect_output("first")
    expect(cell.notice).to_have_count(0)


@pytest.mark.parametrize("wrong", ["of-another-start", "“ä\n", "?token=%E2%80%9C&x"])
def test_a_wrong_token_is_said_to_be_wrong(stranger, wrong):
    cell = stranger.cell(1)
    cell.run()
    for text, sentence in ((wrong, "does not accept this page’s token"), (TOKEN, "")):
        cell.notice.get_by_label("Token or address").fill(text)
        cell.choose("Use this token")
        if sentence:
            cell.expect_notice(sentence)
    cell.expect_output("first")


def test_the_token_of_a_new_start_reaches_pages_that_are_open(visit, live):
    reader = visit(f"{live.address}book/cells.html?token=of-the-last-start")
    cell = reader.cell(1)
    cell.run()
    cell.expect_notice("does not accept this page’s token")
    reader.page.context.new_page().goto(f"{live.address}?token={TOKEN}")
    cell.run()
    cell.expect_output("first")
    end_kernels(live)


def test_where_the_browser_stores_nothing_the_page_keeps_the_token(stranger, live):
    page = stranger.page
    page.add_init_script(
        "Object.defineProperty(window, 'localStorage', { get() {"
        "  throw new DOMException('no storage', 'SecurityError'); } })"
    )
    page.goto(f"{live.address}book/cells.html?token={TOKEN}")
    assert TOKEN not in page.url
    stranger.run(1)
    stranger.cell(1).expect_output("first")


# --- another server on this machine --------------------------------------------------


class Eavesdropper(http.server.ThreadingHTTPServer):
    """Another user's server, on another port: keeps all that a browser sends it."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Listening)
        self.heard: list[tuple[str, dict[str, str]]] = []

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/"


class Listening(Quiet):
    server: Eavesdropper

    def do_GET(self) -> None:
        self.server.heard.append((self.path, dict(self.headers)))
        body = b"<!DOCTYPE html><title>Listening</title><p>Listening."
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


@contextmanager
def running(server: Any) -> Iterator[Any]:
    """Serve in a thread."""
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.fixture
def spy() -> Iterator[Eavesdropper]:
    with running(Eavesdropper()) as server:
        yield server


def start_kernel(live: LiveServer) -> str:
    """The path of a kernel."""
    answer = httpx.post(f"{live.address}api/kernels", headers=TOKEN_HEADER)
    return f"api/kernels/{answer.json()['id']}"


def replay(live: LiveServer, spy: Eavesdropper, kernel: str) -> set[int]:
    """Ask the book's API with all that was heard; the statuses of its answers."""
    statuses = set()
    for path, headers in spy.heard:
        query = urlsplit(path).query
        kept = {
            name: value
            for name, value in headers.items()
            if name.lower() not in ("host", "connection", "upgrade")
        }
        for target, more in (("api/kernels", {}), (f"{kernel}/channels", HANDSHAKE)):
            url = f"{live.address}{target}?{query}"
            statuses.add(httpx.get(url, headers=kept | more).status_code)
    return statuses


def test_what_another_server_hears_opens_nothing(reader, live, spy):
    """It is linked from a page, opened and embedded by one, and visited by itself."""
    page = reader.page
    reader.run(1)
    reader.cell(2).do(
        "from IPython.display import HTML\n"
        f"HTML('<a href={spy.address}linked>out</a> '\n"
        f"     '<a href={spy.address}opened target=_blank rel=opener>open</a>'\n"
        f"     '<img src={spy.address}image><iframe src={spy.address}frame></iframe>')"
    )
    with page.expect_popup() as popup:
        reader.cell(2).output.get_by_role("link", name="open").click()
    popup.value.wait_for_load_state()
    assert popup.value.evaluate("opener === null")
    popup.value.goto(f"{spy.address}visited")
    reader.cell(2).output.get_by_role("link", name="out").click()
    page.wait_for_url(f"{spy.address}linked")
    page.goto(f"{live.address}book/cells.html?token={TOKEN}")
    page.goto(f"{spy.address}after-the-printed-address")

    heard = {path for path, _ in spy.heard}
    assert {"/opened", "/visited", "/linked", "/after-the-printed-address"} <= heard
    assert not {"/image", "/frame"} & heard  # by the page's policy
    assert replay(live, spy, start_kernel(live)) == {403}
    assert TOKEN not in repr(spy.heard)


ATTACKS = """async ([book, kernel]) => {
  const settled = (promise) => promise.then(() => "done", () => "refused");
  const loaded = (node, place) => new Promise((resolve, reject) => {
    Object.assign(node, { onload: resolve, onerror: reject }, place);
    document.body.append(node);
  });
  const opened = (socket) => new Promise((resolve, reject) => {
    Object.assign(socket, { onopen: resolve, onerror: reject });
  });
  const read = (path, options) => fetch(book + path, options);
  const all = { credentials: "include" };
  const results = {
    script: loaded(document.createElement("script"), { src: book + "_static/live.js" }),
    module: import(book + "_static/live.js"),
    page: read("book/cells.html", all),
    api: read("api/kernels", all),
    header: read("api/kernels", { headers: { Authorization: "token x" } }),
    post: read("api/kernels", { ...all, method: "POST" }),
    blind: read("api/kernels", { ...all, method: "POST", mode: "no-cors" }),
    socket: opened(new WebSocket(book.replace("http", "ws") + kernel + "/channels")),
  };
  for (const name in results) results[name] = await settled(results[name]);
  return results;
}"""


def test_a_page_of_another_server_gets_nothing(reader, live, spy):
    reader.run(1)  # the browser has the token now
    kernel = start_kernel(live)
    before = httpx.get(f"{live.address}api/kernels", headers=TOKEN_HEADER).json()
    page = reader.page.context.new_page()
    page.goto(spy.address)
    results = page.evaluate(ATTACKS, [live.address, kernel])
    assert set(results.values()) == {"refused"}, results
    after = httpx.get(f"{live.address}api/kernels", headers=TOKEN_HEADER).json()
    assert len(after) == len(before)


def test_a_page_of_another_server_can_neither_frame_nor_hold_the_book(
    reader, live, spy
):
    reader.run(1)
    page = reader.page.context.new_page()
    page.goto(spy.address)
    url = f"{live.address}book/cells.html"
    page.evaluate(
        "url => new Promise((resolve) => { const frame = document.createElement("
        "'iframe'); frame.onload = resolve; frame.src = url;"
        "document.body.append(frame); })",
        url,
    )
    assert page.frames[1].url.startswith("chrome-error:")
    with page.expect_popup() as popup:
        page.evaluate("url => { window.held = open(url) }", url)
    expect(popup.value.locator(".live-bar")).to_be_visible()
    assert popup.value.evaluate("opener === null")
    assert page.evaluate("held.closed")  # to the page that opened it, it is gone


# --- behind a proxy, and through TLS -------------------------------------------------


class Proxy(socketserver.ThreadingTCPServer):
    """A proxy that has the book below /dd/.

    `strip`: it takes that prefix off. `host`: it asks with this Host, not with the
    browser's. `tls`: it speaks TLS with the browser, and none with the book's server.
    """

    daemon_threads = True

    def __init__(
        self, strip: bool = True, host: str = "", tls: ssl.SSLContext | None = None
    ) -> None:
        super().__init__(("127.0.0.1", 0), Carrier)
        self.strip, self.host, self.tls = strip, host, tls
        self.port = self.server_address[1]
        self.book = 0  # the port of the book's server
        self.elsewhere: list[str] = []  # what was asked outside of the prefix

    def get_request(self) -> tuple[socket.socket, Any]:
        sock, address = super().get_request()
        return (self.tls.wrap_socket(sock, True) if self.tls else sock), address

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A browser that leaves is no news."""


class Carrier(socketserver.StreamRequestHandler):
    """One connection, for one request and its answer, or for a WebSocket."""

    server: Proxy

    def handle(self) -> None:
        method, target, version = self.rfile.readline().decode().split()
        fields = dict(
            line.decode().strip().split(": ", 1)
            for line in iter(self.rfile.readline, b"\r\n")
        )
        if not target.startswith("/dd/"):
            self.server.elsewhere.append(target)
            self.wfile.write(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n")
            return
        target = target.removeprefix("/dd") if self.server.strip else target
        fields["Host"] = self.server.host or fields["Host"]
        if "Upgrade" not in fields:
            fields["Connection"] = "close"
        with socket.create_connection(("127.0.0.1", self.server.book)) as book:
            lines = [f"{name}: {value}" for name, value in fields.items()]
            head = "\r\n".join([f"{method} {target} {version}", *lines, "", ""])
            book.sendall(head.encode())
            up = threading.Thread(target=pump, args=(self.rfile.read1, book))
            up.start()
            pump(book.recv, self.connection)
            with suppress(OSError):
                self.connection.shutdown(socket.SHUT_RDWR)
            up.join()


def pump(read: Callable[[int], bytes], to: socket.socket) -> None:
    """Carry bytes until one side ends."""
    with suppress(OSError):
        while data := read(65536):
            to.sendall(data)
    with suppress(OSError):
        to.shutdown(socket.SHUT_WR)


@pytest.fixture
def serve(pages: Path) -> Iterator[Callable[..., str]]:
    """`workshop serve` with options; the address that it prints."""
    started = []

    def serve(*options: object) -> str:
        words = [str(pages), "--port", "0", "--token", TOKEN, *map(str, options)]
        process = subprocess.Popen(
            [sys.executable, "-c", COMMAND, *words], stdout=subprocess.PIPE, text=True
        )
        started.append(process)
        lines = iter(process.stdout.readline, "")
        return next(line.strip() for line in lines if line.startswith("http"))

    yield serve
    for process in started:
        process.terminate()
        process.communicate(timeout=30)


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    folder = tmp_path_factory.mktemp("tls")
    command = "openssl req -x509 -newkey rsa:2048 -nodes -days 1 -subj /CN=localhost"
    command += " -addext subjectAltName=IP:127.0.0.1 -keyout key.pem -out cert.pem"
    subprocess.run(command.split(), cwd=folder, check=True, capture_output=True)
    return folder / "cert.pem", folder / "key.pem"


@pytest.fixture
def server_tls(certificate: tuple[Path, Path]) -> ssl.SSLContext:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(*certificate)
    return context


def read_and_run(reader: Reader, address: str) -> None:
    """Everything that a reader of the proxied book does."""
    page = reader.page
    page.wait_for_url(f"{address}book/index.html")
    page.get_by_role("link", name="Some cells").first.click()
    page.wait_for_url(f"{address}book/cells.html")
    reader.run(1)
    reader.cell(1).expect_output("first")
    reader.cell(1).do("print('written', 6 * 7)")
    reader.cell(1).expect_output("written 42")
    page.reload()
    reader.run(2)
    reader.cell(2).expect_output("42")
    keys = page.evaluate("Object.keys(localStorage)")
    assert "dustdevil-token /dd/" in keys
    page.goto(f"{address}book")
    assert page.url == f"{address}book/"
    page.goto(f"{address}search.html?q=cells")
    expect(page.locator("#search-results")).to_contain_text("Some cells")
    page.wait_for_load_state("networkidle")  # it goes on to fetch what it quotes


@pytest.mark.parametrize("strip", [True, False])
def test_behind_a_proxy_with_a_prefix(visit, serve, strip):
    with running(Proxy(strip)) as proxy:
        own = serve() if strip else serve("--base-path", "/dd/")
        proxy.book = urlsplit(own).port
        address = f"http://127.0.0.1:{proxy.port}/dd/"
        assert urlsplit(own).path == ("/" if strip else "/dd/")
        reader = visit(f"{address}?token={TOKEN}")
        read_and_run(reader, address)
        assert not set(proxy.elsewhere) - {"/favicon.ico"}


def test_behind_a_proxy_that_speaks_tls_and_asks_by_another_name(
    visit, serve, server_tls
):
    with running(Proxy(True, "localhost", server_tls)) as proxy:
        place = f"127.0.0.1:{proxy.port}"
        proxy.book = urlsplit(serve("--allow-host", place)).port
        address = f"https://{place}/dd/"
        reader = visit(f"{address}?token={TOKEN}", ignore_https_errors=True)
        read_and_run(reader, address)


def test_a_proxy_whose_name_is_not_allowed_is_told_in_the_page(
    visit, serve, server_tls
):
    with running(Proxy(True, "localhost", server_tls)) as proxy:
        proxy.book = urlsplit(serve()).port
        address = f"https://127.0.0.1:{proxy.port}/dd/book/cells.html?token={TOKEN}"
        reader = visit(address, ignore_https_errors=True)
        reader.cell(1).run()
        option = f"serve it with --allow-host 127.0.0.1:{proxy.port}"
        reader.cell(1).expect_notice(option)


def test_tls_of_our_own(visit, serve, certificate):
    cert, key = certificate
    address = serve("--tls-cert", cert, "--tls-key", key)
    assert re.fullmatch(rf"https://127\.0\.0\.1:\d+/\?token={TOKEN}", address)
    reader = visit(address, ignore_https_errors=True)
    reader.page.get_by_role("link", name="Some cells").first.click()
    reader.run(1)
    reader.cell(1).expect_output("first")
