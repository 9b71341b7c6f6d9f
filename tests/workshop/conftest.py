"""Fixtures of the tests of the book's tools: a small book in a browser, and kernels."""

import re
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from support.live_reader import (
    CELLS,
    CHROMIUM,
    TOKEN,
    LiveServer,
    Reader,
    end_kernels,
    notebook,
    small_book,
)
from support.places import ROOT
from workshop import book


@pytest.fixture(scope="session")
def pages(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The pages of a small book with every kind of cell we want to see."""
    notebooks = {"cells": notebook(CELLS), "other": notebook(CELLS[:2])}
    return small_book(tmp_path_factory.mktemp("small"), notebooks)


@pytest.fixture(scope="module")
def live(pages: Path) -> Iterator[LiveServer]:
    server = LiveServer(pages)
    yield server
    server.stop()


@pytest.fixture
def own_server(pages: Path) -> Iterator[Callable[..., LiveServer]]:
    """Servers that a test may break."""
    servers = []

    def start(limit: int = 8) -> LiveServer:
        servers.append(LiveServer(pages, limit))
        return servers[-1]

    yield start
    for server in servers:
        if server.process.poll() is None:
            server.process.send_signal(signal.SIGCONT)
            server.stop()


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """Headless Chromium, from the system.

    It ends with its module: while it is there, this process has a child and a running
    event loop, and the tests of processes and of asyncio need a process without.
    """
    from playwright.sync_api import expect, sync_playwright

    expect.set_options(timeout=20_000)
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(
            executable_path=CHROMIUM,
            args=["--no-sandbox", "--disable-gpu", "--disable-background-networking"],
        )
        yield chromium
        chromium.close()


@pytest.fixture
def visit(browser: Any) -> Iterator[Callable[..., Reader]]:
    """Open a page. No error may come up in it, and it may ask no other host."""
    contexts, complaints, asked = [], [], []

    def open_page(
        address: str,
        width: int = 1280,
        mode: str = "light",
        touch: bool = False,
        **options: Any,
    ) -> Reader:
        context = browser.new_context(
            viewport={"width": width, "height": 844},
            color_scheme=mode,
            has_touch=touch,
            is_mobile=touch,
            **options,
        )
        contexts.append(context)
        page = context.new_page()
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("websocket", lambda socket: asked.append(socket.url))
        context.on("request", lambda request: asked.append(request.url))
        page.goto(address)
        return Reader(page, asked)

    yield open_page
    for context in contexts:
        context.close()
    foreign = re.compile(r"(?!data:|blob:|file:|\w+://127\.0\.0\.1[:/])")
    assert not complaints
    assert not [url for url in asked if foreign.match(url)]


@pytest.fixture
def reader(visit: Callable[..., Reader], live: LiveServer) -> Iterator[Reader]:
    """The page `cells` of the small book, with a kernel of its own."""
    yield visit(f"{live.address}book/cells.html?token={TOKEN}")
    end_kernels(live)


@pytest.fixture(scope="module")
def served_book() -> Iterator[str]:
    """The book itself, as `make serve` serves it: the address that is printed."""
    book.ensure()
    process = subprocess.Popen(
        [sys.executable, "-m", "workshop", "serve", "--port", "0"],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
    )
    lines = iter(process.stdout.readline, "")
    yield next(line.strip() for line in lines if "?token=" in line)
    process.terminate()
    process.wait()
    process.stdout.close()


@pytest.fixture
def kernels(loop, tmp_path):
    # Imported here, and not before --stack has put somebody's modules in place.
    from workshop.livebook.kernels import Kernels

    kernels = Kernels(loop, tmp_path, limit=3)
    yield kernels
    loop.run(kernels.close())
    kernels.kill()


@pytest.fixture
def play(loop, kernels):
    """Run a test's coroutine; `play(test)` calls `test(kernel, connect)`."""
    from dustdevil.sync import timeout
    from support.kernels import Page

    def play(test):
        async def run():
            started = kernels.start()

            def connect(session="one", protocol=None, runs=False):
                page = Page(protocol)
                loop.spawn(started.serve(page, session, runs))
                return page

            async with timeout(60):
                await test(started, connect)

        loop.run(run())

    return play
