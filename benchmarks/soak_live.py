"""A soak of the live book: every chapter, cell by cell, on a busy machine.

    make soak-live                         45 minutes at load 8
    make soak-live SOAK_LIVE="--minutes 5 --load 2"

The book is served as `make serve` does it, and read in Chromium: each chapter is
opened, "Run all cells" is chosen, and while it runs the page is loaded again now and
then. A cell that fails on so busy a machine is passed over, as a reader would do. What
must not happen: that nothing goes on (a hang), that the page shows another end of a
cell than the server knows, or that memory grows from round to round. The exit code says
whether it did.
"""

import argparse
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import httpx
import psutil
from playwright.sync_api import Page, sync_playwright

from workshop import book

PATIENCE = 300.0  # seconds without any change on the page until it is called a hang
LOOK = 1.0  # seconds between two looks at the page
RELOAD = 40.0  # seconds between two reloads while cells run
# How much more memory the server may have after the last chapter than after the first
# round of all of them, when its caches are full.
SLACK = 16 << 20
# What the note of a cell begins with that was run: its number, and whether it failed.
# One that waited behind a cell that failed says "not run".
RAN = re.compile(r"\[(\d+)\]( · error)?")
BUSY = [sys.executable, "-c", "while True: pass"]
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]

# Cells, as the page shows them: name, what the note says, whether it is under way.
LOOK_AT_CELLS = """() => [...document.querySelectorAll(".live-cell")].map((root) => [
  root.id,
  root.querySelector(".live-words")?.textContent ?? "",
  root.dataset.live ?? "",
])"""


class Finding(Exception):
    """What must not happen has happened."""


@contextmanager
def load(wanted: int) -> Iterator[None]:
    """Keep so many processes busy."""
    busy = [subprocess.Popen(BUSY) for _ in range(wanted)]
    try:
        yield
    finally:
        for process in busy:
            process.kill()
            process.wait()


@contextmanager
def served() -> Iterator[tuple[subprocess.Popen, str, str]]:
    """The book's server: its process, its address and its token."""
    book.ensure()
    command = [sys.executable, "-m", "workshop", "serve", "--port", "0"]
    process = subprocess.Popen(
        command, cwd=book.ROOT, stdout=subprocess.PIPE, text=True
    )
    try:
        lines = iter(process.stdout.readline, "")
        printed = next(line.strip() for line in lines if "?token=" in line)
        address, token = printed.split("?token=")
        yield process, address, token
    finally:
        process.terminate()
        process.wait()


class Soak:
    """One reader, who runs every chapter again and again."""

    def __init__(self, page: Page, server: int, address: str, token: str) -> None:
        self.page = page
        self.address = address
        self.token = token
        self.server = psutil.Process(server)
        headers = {"Authorization": f"token {token}"}
        self.api = httpx.Client(base_url=address, headers=headers, timeout=120)
        self.cells = self.failed = self.reloads = 0

    def run(self, chapter: str) -> None:
        """Run all cells of a chapter. Raises Finding."""
        self.page.goto(f"{self.address}book/{chapter}.html?token={self.token}")
        # What waits for a reader's prediction can't be clicked.
        skip = self.page.get_by_role("button", name="Skip all on this page")
        if skip.count():
            skip.first.click()
        last = self.start(after=-1)
        before, changed, loaded = None, time.monotonic(), time.monotonic()
        while True:
            cells = self.page.evaluate(LOOK_AT_CELLS)
            now = time.monotonic()
            if cells != before:
                before, changed = cells, now
            under_way = [number for number, cell in enumerate(cells) if cell[2]]
            if now - changed > PATIENCE:
                raise Finding(f"{chapter}: nothing has changed for {PATIENCE:.0f} s")
            if not under_way:
                reached = max(n for n, cell in enumerate(cells) if RAN.match(cell[1]))
                if reached + 1 >= len(cells):
                    break
                last = self.start(after=max(reached, last))
            elif now - loaded > RELOAD:
                loaded = now
                self.reload(under_way, cells)
            self.page.wait_for_timeout(LOOK * 1000)
        self.compare(chapter, cells)

    def start(self, after: int) -> int:
        """Run the cells behind this one; return the last one that is passed over."""
        if after < 0:
            self.page.locator(".live-menu summary").click()
            self.page.get_by_role("button", name="Run all cells", exact=True).click()
        else:
            # The queue stopped at a cell that failed: go on behind it, one by one.
            self.page.evaluate(
                "after => [...document.querySelectorAll('.live-cell > .live-run')]"
                ".slice(after + 1).forEach((button) => button.click())",
                after,
            )
        return after + 1

    def reload(self, under_way: list[int], cells: list) -> None:
        """Load the page again; it has to show what was running as running, or done."""
        name = cells[under_way[0]][0]
        self.page.reload()
        self.reloads += 1
        note = self.page.locator(f"[id='{name}'] .live-words")
        note.wait_for(timeout=PATIENCE * 1000)

    def compare(self, chapter: str, cells: list) -> None:
        """The page's cells against the server's runs."""
        (session,) = self.api.get("api/sessions").json()
        kernel = session["kernel"]["id"]
        runs = {
            run["cell"]: run
            for run in self.api.get(f"api/kernels/{kernel}/runs").json()
        }
        for name, note, _ in cells:
            run = runs.get(name)
            if run is None or run["state"] != "done":
                raise Finding(f"{chapter}: the server does not know {name} ({note})")
            shown = RAN.match(note)
            failed = run["status"] == "error"
            if not shown or int(shown[1]) != run["count"] or bool(shown[2]) != failed:
                raise Finding(f"{chapter}, {name}: {note!r}, but {run['status']}")
            self.failed += failed
        self.cells += len(cells)

    def memory(self) -> dict[str, int]:
        """Bytes: the page's scripts, and what server and kernels have resident."""
        heap = self.page.evaluate("performance.memory.usedJSHeapSize")
        kernels = 0
        for child in self.server.children(recursive=True):
            with suppress(psutil.Error):
                kernels += child.memory_info().rss
        rss = self.server.memory_info().rss
        return {"page": heap, "server": rss, "kernels": kernels}

    def end_kernels(self) -> None:
        """As if the reader had closed the book."""
        self.page.goto("about:blank")
        for kernel in self.api.get("api/kernels").json():
            self.api.delete(f"api/kernels/{kernel['id']}")


def chapters() -> list[str]:
    """The chapters of the book, in order."""
    return sorted(path.stem for path in Path(book.ROOT, "book").glob("[0-9]*.ipynb"))


def soak(soak: Soak, minutes: float) -> list[int]:
    """Round after round until the time is up; the server's memory after each."""
    until, rounds = time.monotonic() + minutes * 60, []
    while time.monotonic() < until:
        for chapter in chapters():
            began = time.monotonic()
            soak.run(chapter)
            memory = {name: f"{size >> 20} MB" for name, size in soak.memory().items()}
            took = time.monotonic() - began
            print(f"{chapter:16} {took:5.0f} s  {memory}", flush=True)
            soak.end_kernels()
            rounds.append(soak.server.memory_info().rss)
            if time.monotonic() > until:
                break
    return rounds


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--minutes", type=float, default=45)
    parser.add_argument("--load", type=int, default=8, help="busy processes beside it")
    options = parser.parse_args()
    chromium = shutil.which("chromium") or shutil.which("chromium-browser")
    with (
        load(options.load),
        served() as (process, address, token),
        sync_playwright() as playwright,
    ):
        browser = playwright.chromium.launch(executable_path=chromium, args=FLAGS)
        page = browser.new_page()
        page.set_default_timeout(PATIENCE * 1000)
        complaints: list[str] = []
        page.on("pageerror", lambda error: complaints.append(str(error)))
        reader = Soak(page, process.pid, address, token)
        try:
            memory = soak(reader, options.minutes)
        except Finding as finding:
            print(f"soak-live: {finding}", file=sys.stderr)
            return 1
        finally:
            browser.close()
    full = memory[min(len(chapters()), len(memory)) - 1]
    first, last = full >> 20, memory[-1] >> 20
    print(f"{reader.cells} cells run, {reader.failed} of them ended in an error")
    print(f"{reader.reloads} reloads, load {os.getloadavg()[0]:.1f} at the end")
    print(f"the server: {first} MB after the first round, {last} MB after the last")
    if complaints:
        print(f"soak-live: errors in the page: {complaints[:3]}", file=sys.stderr)
    return 1 if complaints or memory[-1] - full > SLACK else 0


if __name__ == "__main__":
    raise SystemExit(main())
