"""What the browser tests share: a small book, servers of it, Chromium, and a reader.

Screenshots of what the tests saw are in `build/screenshots`.
"""

import http.server
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import nbformat
import pytest

from support.places import ROOT
from workshop import book

FRONTEND = ROOT / "build" / "frontend"
SCREENSHOTS = ROOT / "build" / "screenshots"
CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser"))), None)
TOKEN = "a-token-for-tests"

needs_chromium = pytest.mark.skipif(
    CHROMIUM is None and not os.environ.get("CI"), reason="no Chromium here"
)

# --- servers -------------------------------------------------------------------------

LAUNCH = """
import sys
from pathlib import Path
from workshop.livebook.live import LiveBook

pages, root, token, port, limit = sys.argv[1:]
live = LiveBook(Path(pages), Path(root), token, "127.0.0.1", int(limit), 600)
try:
    print("port", live.listen(int(port)), flush=True)
    live.run()
finally:
    live.close()
"""


class LiveServer:
    """The live book's server over some folder of pages, as a process."""

    def __init__(self, pages: Path, limit: int = 8) -> None:
        self.pages = pages
        self.limit = limit
        self.token = TOKEN
        self.port = 0
        self.start()

    def start(self) -> None:
        """Start it, on the port it had before if there was one."""
        words = [self.pages, self.pages, self.token, self.port, self.limit]
        self.process = subprocess.Popen(
            [sys.executable, "-c", LAUNCH, *map(str, words)],
            stdout=subprocess.PIPE,
            text=True,
        )
        first = self.process.stdout.readline()
        assert first.startswith("port "), "the server did not start"
        self.port = int(first.split()[1])

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.port}/"

    def stop(self, how: signal.Signals = signal.SIGTERM) -> None:
        self.process.send_signal(how)
        self.process.wait()
        self.process.stdout.close()


class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *args: object) -> None:
        """Say nothing."""


def small_book(root: Path, notebooks: dict[str, nbformat.NotebookNode]) -> Path:
    """Build a book of these notebooks with the tools of ours; return its pages."""
    (root / "book").mkdir()
    for name in ("frontend", "src", "book/_static"):
        (root / name).symlink_to(ROOT / name)
    # What npm has fetched once need not be fetched again. The rest of that folder is
    # written by each build, and builds of several books may run at once.
    book.ensure()
    (root / "build" / "frontend").mkdir(parents=True)
    for name in ("node_modules", ".installed"):
        (root / "build" / "frontend" / name).symlink_to(FRONTEND / name)
    shutil.copy(ROOT / "_config.yml", root)
    chapters = "".join(f"- file: book/{name}\n" for name in notebooks)
    (root / "book" / "_toc.yml").write_text(
        f"format: jb-book\nroot: book/index\nchapters:\n{chapters}"
    )
    (root / "book" / "index.md").write_text("# A small book\n")
    for name, content in notebooks.items():
        nbformat.write(content, root / "book" / f"{name}.ipynb")
    code = "import sys, pathlib, workshop.book as b; b.build(pathlib.Path(sys.argv[1]))"
    subprocess.run([sys.executable, "-c", code, str(root)], check=True)
    return book.html_folder(root)


CELLS = [
    ("a = 20\nprint('first')", "as stored: one\n"),
    ("a += 1\na * 2", "as stored: two\n"),
    ("print('third', a)", "as stored: three\n"),
    ("1 / 0", None),
    ("print('after the error')", "as stored: five\n"),
]


def notebook(cells: list[tuple[str, str | None]]) -> nbformat.NotebookNode:
    """A notebook of code cells with their stored output; None for an error."""
    new = nbformat.v4
    made = [new.new_markdown_cell("# Some cells")]
    for source, output in cells:
        kind = {"name": "stdout", "text": output}
        if output is None:
            kind = {"ename": "ZeroDivisionError", "evalue": "stored", "traceback": []}
        stored = new.new_output("stream" if output else "error", **kind)
        made.append(new.new_code_cell(source, outputs=[stored]))
    language = {"name": "python", "pygments_lexer": "ipython3"}
    return new.new_notebook(cells=made, metadata={"language_info": language})


# --- the reader ----------------------------------------------------------------------


class Reader:
    """A page in the browser, and what one does with it."""

    def __init__(self, page: Any, asked: list[str]) -> None:
        self.page = page
        self.asked = asked
        self.bar = page.locator(".live-bar")

    def cell(self, number: int) -> "Cell":
        """A cell, counted from one."""
        return Cell(self, self.page.locator(".live-cell").nth(number - 1))

    def expect_state(self, words: str) -> None:
        expect(self.bar.locator(".live-state")).to_contain_text(words)

    def run(self, *numbers: int) -> None:
        """Run cells that have not run yet, and wait for their end."""
        for number in numbers:
            self.cell(number).run()
        for number in numbers:
            expect(self.cell(number).note).to_contain_text("[")
        self.settle()

    def skip_predictions(self) -> None:
        """Have all of the page: nothing waits for a choice."""
        skip = self.page.get_by_role("button", name="Skip all on this page")
        if skip.count():
            skip.first.click()

    def settle(self) -> None:
        """Wait until nothing runs and nothing is queued any more."""
        expect(self.page.locator("[data-live]")).to_have_count(0)

    def picture(self, name: str) -> None:
        SCREENSHOTS.mkdir(parents=True, exist_ok=True)
        self.page.screenshot(path=SCREENSHOTS / f"{name}.png")


class Cell:
    """A code cell of a page."""

    def __init__(self, reader: Reader, root: Any) -> None:
        self.reader = reader
        self.root = root
        self.button = root.locator("> .live-button")
        self.output = root.locator(".cell_output")
        self.note = root.locator(".live-note")
        self.notice = root.locator(".live-notice")
        self.editor = root.locator(".cm-content")

    def run(self) -> None:
        """Click the button at the cell; while the cell runs, that stops it."""
        self.button.click()

    def write(self, code: str) -> None:
        """Replace the source."""
        if not self.editor.count():
            self.use("Edit")
        self.editor.click()
        self.reader.page.keyboard.press("ControlOrMeta+a")
        self.reader.page.keyboard.insert_text(code)
        expect(self.editor.locator(".cm-line").last).to_have_text(code.split("\n")[-1])

    def use(self, tool: str) -> None:
        """Click one of the buttons that show themselves on the cell in focus."""
        self.button.focus()
        self.root.get_by_role("button", name=tool).click()

    def do(self, code: str) -> None:
        """Write code and run it."""
        self.write(code)
        self.reader.page.keyboard.press("Control+Enter")

    def expect_output(self, text: str) -> None:
        expect(self.output).to_contain_text(text)

    def expect_notice(self, text: str) -> None:
        expect(self.notice).to_contain_text(text)

    def choose(self, label: str) -> None:
        """Click a button of the notice."""
        self.notice.get_by_role("button", name=label).click()


def axe_violations(page: Any, selector: str = "html") -> list[Any]:
    """What axe-core says against what a CSS selector matches."""
    script = FRONTEND / "node_modules" / "axe-core" / "axe.min.js"
    page.evaluate(script.read_text("utf-8"))
    run = "selector => axe.run(selector, {resultTypes: ['violations']})"
    found = page.evaluate(run, selector)["violations"]
    return [
        (rule["id"], rule["impact"], node["target"], node["failureSummary"])
        for rule in found
        for node in rule["nodes"]
    ]


def expect(locator: Any) -> Any:
    from playwright.sync_api import expect

    return expect(locator)


def api(live: LiveServer) -> Any:
    """A client of the server's REST interface."""
    import httpx

    headers = {"Authorization": f"token {TOKEN}"}
    return httpx.Client(base_url=live.address, headers=headers)


def end_kernels(live: LiveServer) -> None:
    with api(live) as client:
        for kernel in client.get("/api/kernels").json():
            client.delete(f"/api/kernels/{kernel['id']}")


def no_page_is_left(live: LiveServer) -> None:
    """Wait until the server has noticed that all its pages are closed."""
    deadline = time.monotonic() + 20
    with api(live) as client:
        while any(
            kernel["connections"] for kernel in client.get("/api/kernels").json()
        ):
            assert time.monotonic() < deadline
            time.sleep(0.05)


def eventually(locator: Any, condition: str) -> None:
    """Wait until a JavaScript function of the element says true.

    The page's policy forbids it what Playwright's own wait_for_function does there.
    """
    deadline = time.monotonic() + 20
    while not locator.evaluate(condition):
        assert time.monotonic() < deadline, locator.inner_html()
        locator.page.wait_for_timeout(50)
