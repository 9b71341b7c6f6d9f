"""What the page knows: slow starts, reloads, lost connections, second tabs, input().

A page must never show what is not so, and never wait for what cannot come.
"""

import asyncio
import json
import os
import re
import signal
import threading
from collections.abc import Callable, Coroutine, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from support.live_reader import (
    TOKEN,
    LiveServer,
    Reader,
    end_kernels,
    expect,
    needs_chromium,
)

pytestmark = [needs_chromium, pytest.mark.timeout(240)]


def children(pid: int) -> list[int]:
    """The processes that a process has started."""
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):
            if int(stat.read_text().rpartition(")")[2].split()[1]) == pid:
                found.append(int(stat.parent.name))
    return found


class Wire:
    """A connection between page and server that can be cut, and be mended again."""

    def __init__(self, port: int) -> None:
        self.target = port
        self.whole = True
        self._open: set[asyncio.StreamWriter] = set()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever)
        self._thread.start()
        self._door = self._do(asyncio.start_server(self._accept, "127.0.0.1", 0))
        self.port = self._door.sockets[0].getsockname()[1]

    def cut(self) -> None:
        """Reset all that is open, and all that comes."""
        self.whole = False
        self._do(self._reset())

    def mend(self) -> None:
        self.whole = True

    def close(self) -> None:
        self.cut()
        self._door.close()
        self._do(asyncio.sleep(0.1))
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def _do(self, coroutine: Coroutine) -> Any:
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop).result(30)

    async def _reset(self) -> None:
        for writer in self._open:
            writer.transport.abort()

    async def _accept(self, near: asyncio.StreamReader, back: Any) -> None:
        self._open.add(back)
        if not self.whole:
            back.transport.abort()
            return
        far, there = await asyncio.open_connection("127.0.0.1", self.target)
        self._open.add(there)
        await asyncio.gather(self._carry(near, there), self._carry(far, back))
        self._open -= {there, back}

    async def _carry(self, reader: asyncio.StreamReader, writer: Any) -> None:
        with suppress(OSError):
            while data := await reader.read(65536):
                writer.write(data)
                await writer.drain()
        writer.close()


@pytest.fixture
def wire(live: LiveServer) -> Iterator[Wire]:
    wire = Wire(live.port)
    yield wire
    wire.close()
    end_kernels(live)


@pytest.fixture
def through(visit: Callable[..., Reader], wire: Wire) -> Reader:
    """The page, over a wire that can be cut."""
    return visit(f"http://127.0.0.1:{wire.port}/book/cells.html?token={TOKEN}")


# --- starts --------------------------------------------------------------------------


@pytest.mark.parametrize("seconds", [0.5, 3, 8])
def test_a_python_that_starts_slowly_runs_its_first_cell(visit, own_server, seconds):
    server = own_server()
    reader = visit(f"{server.address}book/cells.html?token={TOKEN}")
    cell = reader.cell(1)
    cell.run()
    expect(cell.note).to_contain_text("waiting for Python")
    pids = []
    while not pids:
        pids = children(server.process.pid)
        reader.page.wait_for_timeout(10)
    os.kill(pids[0], signal.SIGSTOP)
    reader.page.wait_for_timeout(seconds * 1000)
    if seconds > 2:
        expect(cell.note).to_contain_text(re.compile(r"Python is starting, \d"))
    os.kill(pids[0], signal.SIGCONT)
    expect(cell.note).to_contain_text("[1]")
    cell.expect_output("first")
    reader.expect_state("idle")


def test_a_python_that_starts_slowly_can_be_given_up_and_restarted(visit, own_server):
    server = own_server()
    reader = visit(f"{server.address}book/cells.html?token={TOKEN}")
    cell = reader.cell(1)
    cell.run()
    pids = []
    while not pids:
        pids = children(server.process.pid)
        reader.page.wait_for_timeout(10)
    os.kill(pids[0], signal.SIGSTOP)
    cell.run()
    expect(cell.note).to_contain_text("not run")
    reader.bar.get_by_role("button", name="Restart").click()
    reader.expect_state("idle")
    cell.run()
    expect(cell.note).to_contain_text("[1]")


# --- a page that is loaded again -----------------------------------------------------


def test_after_a_reload_the_page_shows_what_runs_and_can_stop_it(reader):
    done, running = reader.cell(1), reader.cell(2)
    done.do("print('done before')")
    reader.settle()
    running.do("print('so far')\nwhile True: pass")
    running.expect_output("so far")
    reader.page.reload()
    running.expect_output("so far")
    done.expect_output("done before")
    expect(done.note).to_contain_text("[1]")
    expect(running.note).to_contain_text("running")
    expect(running.root).to_have_attribute("data-live", "running")
    reader.expect_state("busy")
    reader.picture("reloaded")
    reader.cell(3).run()
    expect(reader.cell(3).note).to_contain_text("waiting for Python")
    reader.bar.get_by_role("button", name="Stop").click()
    running.expect_output("KeyboardInterrupt")
    expect(running.note).to_contain_text("stopped")
    reader.settle()
    reader.expect_state("idle")


def test_what_was_printed_while_no_page_was_there_is_shown(reader, live):
    cell = reader.cell(1)
    cell.do("print('one')\ninput('go on? ')\nprint('two')")
    field = cell.root.get_by_label("go on?")
    expect(field).to_be_focused()
    address = reader.page.url
    reader.page.goto("about:blank")
    reader.page.goto(address)
    cell.expect_output("one")
    expect(field).to_be_focused()
    field.fill("yes")
    field.press("Enter")
    cell.expect_output("two")
    expect(field).to_have_count(0)
    expect(cell.output.locator("pre")).to_have_text("one\ngo on? yes\ntwo\n")
    reader.expect_state("idle")


def test_a_page_whose_python_has_ended_meanwhile_starts_as_new(reader, live):
    reader.run(1)
    end_kernels(live)
    reader.expect_state("dead")
    reader.page.reload()
    reader.expect_state("not started")
    reader.cell(1).expect_output("as stored: one")


def test_a_second_tab_shows_the_same(reader, visit):
    cell = reader.cell(1)
    cell.do("name = input('Who? ')\nprint('It is', name)")
    expect(cell.root.get_by_label("Who?")).to_be_visible()
    tab = Reader(reader.page.context.new_page(), [])
    tab.page.goto(reader.page.url)
    twin = tab.cell(1)
    twin.root.get_by_label("Who?").fill("Ada")
    twin.root.get_by_label("Who?").press("Enter")
    for each in (cell, twin):
        each.expect_output("It is Ada")
        expect(each.root.get_by_label("Who?")).to_have_count(0)
    tab.cell(2).do("print('from the second')")
    reader.cell(2).expect_output("from the second")
    expect(reader.cell(2).note).to_contain_text("[2]")
    tab.bar.get_by_role("button", name="Restart").click()
    expect(reader.page.locator(".live-notice")).to_contain_text("was restarted")
    for each in (reader, tab):
        each.expect_state("idle")
    tab.page.close()


# --- lost connections ----------------------------------------------------------------


def test_an_answer_given_while_the_connection_is_lost_arrives_once(through, wire):
    cell = through.cell(1)
    cell.do("got = []\nfor n in 'ab': got.append(input(n))\nprint(got)")
    field = cell.root.get_by_label("a", exact=True)
    expect(field).to_be_visible()
    wire.cut()
    through.expect_state("disconnected")
    field.fill("first")
    field.press("Enter")
    expect(cell.root.get_by_role("button", name="sending")).to_be_visible()
    wire.mend()
    field = cell.root.get_by_label("b", exact=True)
    expect(field).to_be_focused()
    field.fill("second")
    field.press("Enter")
    cell.expect_output("['first', 'second']")
    through.expect_state("idle")


def test_what_a_cell_does_while_the_connection_is_lost_is_shown(through, wire):
    cell, next_one = through.cell(1), through.cell(2)
    cell.do("import time\nprint('begun')\ntime.sleep(2)\nprint('over')")
    cell.expect_output("begun")
    wire.cut()
    through.expect_state("disconnected")
    next_one.run()
    through.page.wait_for_timeout(2500)
    wire.mend()
    cell.expect_output("over")
    expect(cell.output.locator("pre")).to_have_text("begun\nover\n")
    expect(next_one.note).to_contain_text("[2]")
    through.settle()


def test_a_cell_that_was_sent_into_a_dead_connection_runs_once(through, wire, visit):
    through.cell(2).do("runs = []")
    through.settle()
    # The page believes itself connected, and the server hears nothing.
    through.page.evaluate(
        "WebSocket.prototype.send = ((send) => function (data) {"
        " if (!window.deaf) send.call(this, data); })(WebSocket.prototype.send);"
        " window.deaf = true"
    )
    cell = through.cell(1)
    cell.do("runs.append(1); print(len(runs), 'time')")
    through.page.wait_for_timeout(1000)
    through.page.evaluate("window.deaf = false")
    cell.expect_output("1 time")
    through.settle()


def test_a_server_that_comes_back_says_what_is_gone(visit, own_server):
    server = own_server()
    reader = visit(f"{server.address}book/cells.html?token={TOKEN}")
    cell = reader.cell(1)
    cell.do("print('under way')\nwhile True: pass")
    cell.expect_output("under way")
    server.stop(signal.SIGKILL)
    reader.expect_state("disconnected")
    server.start()
    cell.expect_notice("its variables are gone")
    reader.expect_state("dead")
    expect(cell.note).to_contain_text("not finished")
    cell.write("print('again')")
    cell.choose("Start a new Python and run this cell")
    cell.expect_output("again")


def test_a_server_that_comes_back_with_another_token_asks_for_it(visit, own_server):
    server = own_server()
    reader = visit(f"{server.address}book/cells.html?token={TOKEN}")
    reader.run(1)
    server.stop(signal.SIGKILL)
    reader.expect_state("disconnected")
    server.token = "another"
    server.start()
    notice = reader.page.locator(".live-notice")
    expect(notice).to_contain_text("does not accept this page’s token")
    reader.picture("another-token")
    notice.get_by_label("Token or address").fill(" another ")
    reader.page.keyboard.press("Enter")
    reader.expect_state("dead")
    reader.bar.get_by_role("button", name="Start a new Python").click()
    reader.expect_state("idle")
    reader.cell(1).do("print('on we go')")
    reader.cell(1).expect_output("on we go")


# --- input ---------------------------------------------------------------------------


def test_earlier_answers_come_back_with_the_arrow_keys(reader):
    cell = reader.cell(1)
    cell.do("for n in range(3): print(input(f'{n}?'))")
    for number, keys in enumerate([("alpha",), ("beta",), ("ArrowUp", "ArrowUp")]):
        field = cell.root.get_by_label(f"{number}?")
        expect(field).to_be_focused()
        for key in keys:
            if key.startswith("Arrow"):
                field.press(key)
            else:
                field.fill(key)
        field.press("Enter")
    cell.expect_output("2?alpha")
    expect(cell.editor).to_be_focused()


def test_a_password_leaves_nothing_on_the_page(reader):
    cell = reader.cell(1)
    cell.do("import getpass\nlen(getpass.getpass('secret? '))")
    field = cell.root.get_by_label("secret?")
    expect(field).to_have_attribute("type", "password")
    field.fill("hunter2")
    field.press("Enter")
    cell.expect_output("7")
    expect(cell.output.locator(".stream pre")).to_have_text("secret? \n")


def test_a_question_can_be_stopped(reader):
    cell = reader.cell(1)
    cell.do("input('never? ')")
    expect(cell.root.get_by_label("never?")).to_be_visible()
    reader.bar.get_by_role("button", name="Stop").click()
    expect(cell.root.get_by_label("never?")).to_have_count(0)
    cell.expect_output("KeyboardInterrupt")


@pytest.mark.parametrize("way", ["breakpoint()", "import pdb; pdb.set_trace()"])
def test_the_debugger_opens_in_the_page(reader, way):
    cell = reader.cell(1)
    cell.do(f"def f():\n    y = 41\n    {way}\n    return y\nf()")
    field = cell.root.get_by_label(re.compile("pdb>|Pdb"))
    field.fill("p y + 1")
    field.press("Enter")
    cell.expect_output("42")
    field.fill("c")
    field.press("Enter")
    reader.settle()
    reader.expect_state("idle")


# --- floods --------------------------------------------------------------------------

FLOODS = {
    "short lines": "while True: print('OK')",
    "one line": "while True: print('x', end='')",
    "a million at once": "while True: print('x' * 1_000_000, end='')",
    "backspaces": "while True: print('a\\b' * 100, end='')",
    "clearing": (
        "from IPython.display import clear_output\ni = 0\n"
        "while True: clear_output(wait=True); print(i); i += 1"
    ),
    "displays": "i = 0\nwhile True: display(i); i += 1",
    "progress": (
        "from itertools import count\n"
        "for i in count(): print(f'\\r{i}\\n\\rinner {i}\\x1b[A', end='')"
    ),
}


@pytest.mark.parametrize("flood", FLOODS)
def test_a_flood_can_be_stopped_and_the_page_stays_usable(reader, flood):
    cell, page = reader.cell(1), reader.page
    cell.do(FLOODS[flood])
    reader.expect_state("busy")
    page.wait_for_timeout(3000)
    nodes = page.evaluate("document.getElementsByTagName('*').length")
    assert nodes < 20_000
    reader.bar.get_by_role("button", name="Stop").click()
    expect(cell.note).to_contain_text("stopped")
    cell.expect_output("KeyboardInterrupt")
    reader.expect_state("idle")
    expect(cell.notice).to_have_count(0)
    reader.cell(2).do("print('still here')")
    reader.cell(2).expect_output("still here")


def test_what_does_not_stop_is_told_as_it_is(reader):
    cell = reader.cell(1)
    cell.do(
        "import time\nprint('under way')\nend = time.time() + 9\n"
        "while time.time() < end:\n"
        "    try: time.sleep(1)\n"
        "    except KeyboardInterrupt: pass\nprint('over')"
    )
    cell.expect_output("under way")
    reader.bar.get_by_role("button", name="Stop").click()
    cell.expect_notice("has not stopped yet")
    cell.expect_output("over")
    expect(cell.notice).to_have_count(0)


# --- what a cell has to do with others -----------------------------------------------


def test_threads_that_print_later_are_shown_under_their_cell(reader):
    one, two = reader.cell(1), reader.cell(2)
    one.do(
        "import threading\ngo = threading.Event()\n"
        "def later():\n    go.wait()\n    print('from the thread')\n"
        "threading.Thread(target=later).start()"
    )
    reader.settle()
    two.do("print('from the cell')\ngo.set()\nimport time\ntime.sleep(1)")
    one.expect_output("from the thread")
    two.expect_output("from the cell")
    reader.settle()
    expect(two.output).not_to_contain_text("thread")


def test_a_cell_that_is_run_out_of_order_says_which_one_it_needs(reader):
    cell = reader.cell(2)
    cell.run()
    cell.expect_output("NameError")
    cell.expect_notice("a is defined in cell 1, which this Python has not run")
    reader.picture("out-of-order")
    cell.choose("Run cell 1, then this one")
    cell.expect_output("42")
    expect(cell.notice).to_have_count(0)


def test_after_a_restart_the_page_says_what_is_from_before(reader):
    reader.run(1)
    reader.bar.get_by_role("button", name="Restart").click()
    expect(reader.cell(1).note).to_contain_text("from before the restart")
    reader.expect_state("idle")
    reader.page.reload()
    expect(reader.cell(1).note).to_contain_text("from before the restart")
    reader.cell(1).expect_output("first")
    reader.cell(2).run()
    reader.cell(2).expect_notice(
        "a is defined in cell 1, which this Python has not run"
    )


def test_output_of_other_code_is_said_to_be_so(reader):
    cell = reader.cell(1)
    cell.do("print('mine')")
    reader.settle()
    cell.write("print('another')")
    expect(cell.note).to_contain_text("edited since it ran")
    cell.write("print('mine')")
    expect(cell.note).not_to_contain_text("since it ran")


def test_a_name_that_no_cell_defines_is_an_ordinary_error(reader):
    cell = reader.cell(2)
    cell.do("nowhere_to_be_found")
    cell.expect_output("NameError")
    reader.settle()
    expect(cell.notice).to_have_count(0)


def test_a_question_mark_shows_documentation(reader):
    cell = reader.cell(1)
    cell.do("len?")
    panel = cell.root.get_by_role("region", name="Documentation")
    expect(panel).to_contain_text("Return the number of items")
    reader.picture("pager")
    reader.page.keyboard.press("Escape")
    expect(panel).to_have_count(0)


def test_queue_and_time_are_shown(reader, tmp_path):
    go = tmp_path / "go"
    reader.cell(1).write(
        "import pathlib, time\n"
        f"while not pathlib.Path({str(go)!r}).exists(): time.sleep(0.1)"
    )
    reader.cell(2).write("pass")
    reader.cell(3).write("time.sleep(1.2)")
    reader.cell(3).use("Run all cells up to and including this one")
    expect(reader.cell(3).note).to_contain_text("queued behind 1")
    expect(reader.cell(1).note).to_contain_text(re.compile(r"running \d+\.\d s"))
    go.touch()
    reader.settle()
    expect(reader.cell(3).note).to_contain_text(re.compile(r"\[3\] · \d+\.\d s"))


# --- what is kept --------------------------------------------------------------------


def test_edits_outlive_the_tab_until_they_are_reset(reader):
    context = reader.page.context
    address = reader.page.url
    reader.cell(1).write("an_edit = 1")
    reader.cell(2).write("another = 2")
    reader.page.close()
    tab = Reader(context.new_page(), [])
    tab.page.goto(address)
    expect(tab.cell(1).editor).to_have_text("an_edit = 1")
    expect(tab.cell(2).editor).to_have_text("another = 2")
    tab.cell(1).root.get_by_role("button", name="Reset").click()
    tab.page.reload()
    expect(tab.cell(2).editor).to_have_text("another = 2")
    expect(tab.cell(1).root.locator(".cell_input")).to_contain_text("a = 20")
    tab.bar.locator("summary").click()
    tab.bar.get_by_role("button", name="Reset all cells").click()
    expect(tab.cell(2).root.locator(".cell_input")).to_contain_text("a * 2")
    tab.page.reload()
    expect(tab.cell(2).editor).to_have_count(0)
    tab.page.close()


def test_two_tabs_keep_each_others_edits(reader):
    tab = Reader(reader.page.context.new_page(), [])
    tab.page.goto(reader.page.url)
    reader.cell(1).write("one = 1")
    tab.cell(2).write("two = 2")
    tab.page.reload()
    expect(tab.cell(1).editor).to_have_text("one = 1")
    expect(tab.cell(2).editor).to_have_text("two = 2")
    tab.page.close()


def test_an_edit_of_code_that_the_book_has_changed_is_offered(reader):
    reader.cell(1).write("mine = 1")
    reader.page.evaluate(
        "for (const key of Object.keys(localStorage))"
        " if (key.startsWith('live-edits')) {"
        " const kept = JSON.parse(localStorage[key]);"
        " for (const edit of Object.values(kept)) edit[0] = 'an older book';"
        " localStorage[key] = JSON.stringify(kept); }"
    )
    reader.page.reload()
    reader.cell(1).expect_notice("the book has changed it since")
    reader.cell(1).choose("Show my version")
    expect(reader.cell(1).editor).to_have_text("mine = 1")


def test_the_page_can_be_saved_as_a_notebook(reader, tmp_path):
    import nbformat

    reader.cell(1).do("print('mine')\n6 * 7")
    reader.settle()
    reader.bar.locator("summary").click()
    with reader.page.expect_download() as download:
        reader.bar.get_by_role("button", name="Download my notebook").click()
    assert download.value.suggested_filename == "cells.ipynb"
    download.value.save_as(tmp_path / "saved.ipynb")
    saved = nbformat.read(tmp_path / "saved.ipynb", as_version=4)
    nbformat.validate(saved)
    code = [cell for cell in saved.cells if cell.cell_type == "code"]
    assert code[0].source == "print('mine')\n6 * 7"
    stream, result = code[0].outputs
    assert stream.text == "mine\n"
    assert result.data["text/plain"] == "42"
    assert code[0].execution_count == result.execution_count == 1
    assert code[1].outputs[0].text == "as stored: two\n"


def test_each_cell_has_an_address(reader, pages):
    reader.page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    reader.cell(3).use("Copy a link to this cell")
    copied = reader.page.evaluate("navigator.clipboard.readText()")
    source = json.loads((pages / "_sources/book/cells.ipynb").read_text())
    name = [cell["id"] for cell in source["cells"] if cell["cell_type"] == "code"][2]
    assert copied == f"{reader.page.url}#{name}"
    reader.page.goto(copied)
    expect(reader.page.locator(f"[id='{name}']")).to_be_in_viewport()
