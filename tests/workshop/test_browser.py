"""The live book as a reader uses it: Chromium, the built pages, our server, kernels.

Screenshots of what the tests saw are in `build/screenshots`.
"""

import functools
import gzip
import http.server
import os
import re
import signal
import threading
from typing import Any

import pytest

from support.live_reader import (
    TOKEN,
    Cell,
    Quiet,
    axe_violations,
    end_kernels,
    eventually,
    expect,
    needs_chromium,
    no_page_is_left,
)
from support.places import ROOT

pytestmark = needs_chromium

# --- a chapter -----------------------------------------------------------------------


CHAPTERS = sorted(path.stem for path in (ROOT / "book").glob("[0-9]*.ipynb"))


@pytest.mark.parametrize("chapter", CHAPTERS)
def test_a_chapter_is_read_run_and_changed(visit, served_book, chapter):
    reader = visit(served_book.replace("/?", f"/book/{chapter}.html?"))
    reader.expect_state("not started")
    reader.skip_predictions()
    reader.run(1, 2, 3)
    for number in (1, 2, 3):
        cell = reader.cell(number)
        expect(cell.note).to_contain_text(f"[{number}]")
        expect(cell.root.locator(".traceback")).to_have_count(0)
    reader.expect_state("idle")

    cell = reader.cell(3)
    cell.do("print('a thought', 6 * 7)")
    cell.expect_output("a thought 42")
    reader.picture(f"{chapter}-edited")

    cell.do("{}['what is not there']")
    cell.expect_output("KeyError: 'what is not there'")
    assert_coloured(cell)
    reader.picture(f"{chapter}-error")

    cell.do(
        "import matplotlib.pyplot as plt\nplt.plot([1, 4, 9])\nplt.title('squares');"
    )
    assert_drawn(cell)
    reader.picture(f"{chapter}-plot")


def assert_coloured(cell: Cell) -> None:
    """The name of the error has a colour of its own in the traceback."""
    name = cell.output.locator(".traceback span", has_text="KeyError").last
    expect(name).to_be_visible()
    colour = "node => getComputedStyle(node).color"
    assert name.evaluate(colour) != cell.output.locator("pre").evaluate(colour)


def assert_drawn(cell: Cell) -> None:
    """There is a picture in the output, and the browser could read it."""
    picture = cell.output.locator("img, svg").first
    expect(picture).to_be_visible()
    width = picture.evaluate("node => node.naturalWidth ?? node.clientWidth")
    assert width > 100


# --- running -------------------------------------------------------------------------


def test_a_cell_runs_and_its_stored_output_waits_for_the_new_one(reader):
    first, second = reader.cell(1), reader.cell(2)
    first.do("import time; time.sleep(600)")
    expect(first.note).to_contain_text("running")
    first.expect_output("as stored: one")
    second.run()
    expect(second.note).to_contain_text("queued")
    second.expect_output("as stored: two")
    reader.picture("queued")
    first.run()  # the button of a running cell stops it
    expect(first.note).to_contain_text("stopped")
    first.expect_output("KeyboardInterrupt")
    expect(first.output).not_to_contain_text("stored")
    expect(second.note).to_contain_text("not run")
    second.expect_output("as stored: two")


def test_output_streams_while_the_cell_runs(reader):
    cell = reader.cell(1)
    cell.do("print('begun')\ninput('')")
    cell.expect_output("begun")
    expect(cell.root).to_have_attribute("data-live", "running")
    cell.run()
    reader.settle()


def test_run_all_above_stops_only_at_an_error_that_the_book_does_not_show(reader):
    last = reader.cell(5)
    last.use("Run all cells above")
    reader.cell(2).expect_output("42")
    expect(reader.cell(4).note).to_contain_text("[4] · error")
    expect(last.note).to_have_count(0)

    reader.cell(2).write("not_there")
    last.use("Run all cells above")
    reader.settle()
    expect(reader.cell(2).note).to_contain_text("error")
    expect(reader.cell(3).note).to_contain_text("not run")


def test_reset_brings_back_source_and_stored_output(reader):
    cell = reader.cell(2)
    cell.do("'something else'")
    cell.expect_output("something else")
    expect(cell.note).to_contain_text("edited")
    cell.root.get_by_role("button", name="Reset").click()
    cell.expect_output("as stored: two")
    expect(cell.editor).to_have_count(0)
    expect(cell.root.locator(".cell_input")).to_contain_text("a * 2")


def test_reset_ends_a_running_cell(reader):
    cell = reader.cell(1)
    cell.do("print('under way')\nwhile True: pass")
    cell.expect_output("under way")
    cell.root.get_by_role("button", name="Reset").click()
    cell.expect_output("as stored: one")
    reader.expect_state("idle")
    expect(cell.output).to_have_text("as stored: one\n")
    expect(cell.note).to_have_count(0)


def test_a_cell_that_still_waits_for_python_can_be_taken_back(visit, own_server):
    server = own_server()
    reader = visit(f"{server.address}book/cells.html?token={TOKEN}")
    cell = reader.cell(1)
    cell.write("1")
    server.process.send_signal(signal.SIGSTOP)
    cell.run()
    expect(cell.note).to_contain_text("waiting for Python")
    cell.run()
    expect(cell.note).to_contain_text("not run")
    server.process.send_signal(signal.SIGCONT)
    cell.run()
    expect(cell.note).to_contain_text("[1]")


def test_input_asks_in_the_page(reader):
    cell = reader.cell(1)
    cell.do("print('Hello,', input('Your name? '))")
    field = cell.root.get_by_label("Your name?")
    field.fill("Ada")
    field.press("Enter")
    cell.expect_output("Hello, Ada")
    expect(field).to_have_count(0)


def test_an_endless_loop_is_interrupted(reader):
    cell = reader.cell(1)
    cell.do("print('round and round')\nwhile True: pass")
    cell.expect_output("round and round")
    reader.expect_state("busy")
    reader.picture("endless")
    reader.bar.get_by_role("button", name="Stop").click()
    cell.expect_output("KeyboardInterrupt")
    reader.expect_state("idle")
    cell.do("'and on it goes'")
    cell.expect_output("and on it goes")


def test_restart_forgets_the_variables(reader):
    cell = reader.cell(1)
    cell.do("kept = 1")
    reader.settle()
    reader.bar.get_by_role("button", name="Restart").click()
    reader.expect_state("idle")
    cell.do("kept")
    cell.expect_output("NameError")


def test_restart_ends_a_running_cell(reader):
    cell = reader.cell(1)
    cell.do("print('under way')\nwhile True: pass")
    cell.expect_output("under way")
    reader.bar.get_by_role("button", name="Restart").click()
    cell.expect_notice("Python was restarted before this cell was done.")
    reader.expect_state("idle")


def test_a_killed_kernel_is_said_and_replaced(reader):
    cell, other = reader.cell(1), reader.cell(2)
    cell.do("import os; print(os.getpid())")
    expect(cell.output.locator("pre")).to_have_text(re.compile(r"^\d+\s*$"))
    pid = int(cell.output.inner_text())
    other.do("print('at work')\nwhile True: pass")
    other.expect_output("at work")
    os.kill(pid, signal.SIGKILL)
    other.expect_notice("Python ended while this cell ran")
    reader.expect_state("dead")
    reader.picture("dead")
    other.write("'alive again'")
    other.choose("Start a new Python and run this cell")
    other.expect_output("alive again")
    reader.expect_state("idle")


def test_a_kernel_that_died_while_idle_is_started_anew_from_the_bar(reader):
    cell = reader.cell(1)
    cell.do("import os; print(os.getpid())")
    expect(cell.output.locator("pre")).to_have_text(re.compile(r"^\d+\s*$"))
    os.kill(int(cell.output.inner_text()), signal.SIGKILL)
    reader.expect_state("dead")
    cell.do("'not yet'")
    cell.expect_notice("has ended")
    reader.bar.get_by_role("button", name="Start a new Python").click()
    reader.expect_state("idle")
    cell.do("'now'")
    cell.expect_output("now")


def test_a_reload_finds_the_kernel_and_the_edits_again(reader):
    cell = reader.cell(1)
    cell.do("kept = 'as it was'")
    reader.settle()
    reader.page.reload()
    expect(cell.editor).to_have_text("kept = 'as it was'")
    reader.expect_state("idle")
    expect(cell.note).to_contain_text("[1]")
    other = reader.cell(2)
    other.do("kept")
    other.expect_output("as it was")
    cell.root.get_by_role("button", name="Reset").click()
    other.root.get_by_role("button", name="Reset").click()
    reader.page.reload()
    expect(cell.root.locator(".cell_input")).to_contain_text("a = 20")
    expect(cell.editor).to_have_count(0)


def test_keys_run_move_on_and_leave_the_editor(reader):
    first, second = reader.cell(1), reader.cell(2)
    first.write("a = 1")
    reader.page.keyboard.press("Shift+Enter")
    expect(second.root.locator("pre").first).to_be_focused()
    reader.page.keyboard.press("Shift+Enter")
    second.expect_output("4")
    first.editor.focus()
    reader.page.keyboard.press("Tab")
    expect(first.editor).to_be_focused()
    reader.page.keyboard.press("Escape")
    reader.page.keyboard.press("Tab")
    expect(first.editor).not_to_be_focused()


def test_names_are_completed_from_the_kernel(reader):
    cell = reader.cell(1)
    cell.do("a_long_name_of_mine = 1")
    reader.settle()
    cell.write("a_long")
    reader.page.keyboard.press("Control+Space")
    choices = reader.page.locator(".cm-tooltip-autocomplete")
    expect(choices).to_contain_text("a_long_name_of_mine")


# --- outputs -------------------------------------------------------------------------

OUTPUTS = {
    "colours": (
        r"print('\x1b[1;31mred\x1b[0m', '\x1b[38;5;208morange\x1b[0m')",
        "o.querySelector('.ansi-red-fg') && o.querySelector('[data-colour]')",
    ),
    "stderr": (
        "import sys; print('oh', file=sys.stderr)",
        "o.querySelector('.stderr').textContent == 'oh\\n'",
    ),
    "carriage return": (
        "print('10 %', end='\\r'); print('99 %', flush=True)\nprint('ab\\bc')",
        "o.textContent == '99 %\\nac\\n'",
    ),
    "html with a script": (
        "from IPython.display import HTML\n"
        "HTML('<i id=\"made\"></i><script>made.textContent = 6 * 7</script>')",
        "o.querySelector('#made').textContent == '42'",
    ),
    "javascript": (
        "from IPython.display import Javascript\n"
        "Javascript('element.append(\"from here\")')",
        "o.textContent.includes('from here')",
    ),
    "svg": (
        "from IPython.display import SVG\n"
        'SVG(\'<svg xmlns="http://www.w3.org/2000/svg" width="9"><g/></svg>\')',
        "o.querySelector('svg g')",
    ),
    "latex": (
        "from IPython.display import Latex\nLatex(r'$$\\frac{1}{2}$$')",
        "o.querySelector('mjx-container mjx-mfrac')",
    ),
    "markdown": (
        "from IPython.display import Markdown\nMarkdown('**so** $a_1 b_1$')",
        "o.querySelector('strong') && o.querySelector('mjx-container')"
        " && !o.querySelector('em')",
    ),
    "json": (
        "from IPython.display import JSON\nJSON({'a': [1]})",
        "JSON.parse(o.textContent).a[0] == 1",
    ),
    "updated display": (
        "h = display('one', display_id=True)\nprint('-')\nh.update('two')",
        "o.textContent.includes('two') && !o.textContent.includes('one')",
    ),
    "clear": (
        "from IPython.display import clear_output\n"
        "print('gone')\nclear_output(wait=True)\nprint('here')",
        "o.textContent == 'here\\n'",
    ),
    "widget": (
        "display({'application/vnd.jupyter.widget-view+json': {}, 'text/plain': 'w'},"
        " raw=True)",
        "o.textContent.includes('do not draw widgets')",
    ),
    "flood": (
        "for i in range(60000): print(f'line {i:06}')",
        "o.textContent.endsWith('line 059999\\n') && o.textContent.length < 500000"
        " && o.textContent.startsWith('…')",
    ),
}


@pytest.mark.parametrize("kind", OUTPUTS)
def test_outputs(reader, kind):
    code, seen = OUTPUTS[kind]
    cell = reader.cell(1)
    cell.do(code)
    reader.settle()
    eventually(cell.output, f"o => Boolean({seen})")


# --- what can go wrong ---------------------------------------------------------------


def test_a_published_copy_says_how_to_run_it(visit, pages):
    handler = functools.partial(Quiet, directory=pages)
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        reader = visit(f"http://127.0.0.1:{server.server_port}/book/cells.html")
        reader.cell(1).run()
        reader.cell(1).expect_notice("make serve")
        reader.cell(1).expect_output("as stored: one")
        reader.picture("published")
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def test_a_server_that_is_gone_before_the_first_run(visit, own_server):
    server = own_server()
    reader = visit(f"{server.address}book/cells.html?token={TOKEN}")
    server.stop(signal.SIGKILL)
    cell = reader.cell(1)
    cell.run()
    cell.expect_notice("does not answer. Is make serve still running")
    reader.picture("server-gone")
    server.start()
    cell.choose("Try again")
    cell.expect_output("first")


def test_a_server_that_hangs_is_said_and_waited_for(visit, own_server):
    server = own_server()
    reader = visit(f"{server.address}book/cells.html?token={TOKEN}")
    server.process.send_signal(signal.SIGSTOP)
    cell = reader.cell(1)
    cell.run()
    cell.expect_notice("has not answered yet")
    server.process.send_signal(signal.SIGCONT)
    expect(cell.note).to_contain_text("[1]")
    expect(cell.notice).to_have_count(0)


def test_too_many_kernels_are_refused_in_the_servers_words(visit, own_server):
    server = own_server(limit=1)
    one = visit(f"{server.address}book/cells.html?token={TOKEN}")
    one.run(1)
    two = visit(f"{server.address}book/other.html?token={TOKEN}")
    two.cell(1).run()
    two.cell(1).expect_notice("maximum number of Pythons")
    one.page.close()
    no_page_is_left(server)
    two.cell(1).choose("Try again")
    two.cell(1).expect_output("first")


def test_a_lost_connection_is_taken_up_again(reader):
    lines = []

    def pass_on(socket: Any) -> None:
        lines.append(socket)
        socket.connect_to_server()

    reader.page.route_web_socket(re.compile("/channels"), pass_on)
    cell = reader.cell(1)
    cell.do("print('before')\nname = input('Still there? ')\nprint('after', name)")
    cell.expect_output("before")
    lines[0].close(code=1001)
    reader.expect_state("disconnected")
    reader.expect_state("busy")
    assert len(lines) == 2
    cell.root.get_by_label("Still there?").fill("yes")
    reader.page.keyboard.press("Enter")
    cell.expect_output("after yes")
    reader.expect_state("idle")


def test_a_server_that_comes_back_without_the_kernel(visit, own_server):
    server = own_server()
    reader = visit(f"{server.address}book/cells.html?token={TOKEN}")
    cell = reader.cell(2)
    reader.run(1)
    server.stop(signal.SIGKILL)
    reader.expect_state("disconnected, trying again")
    cell.use("Edit")  # which needs the editor, and so the server
    cell.expect_notice("does not answer")
    cell.run()
    cell.expect_notice("The connection is lost")
    server.start()
    cell.expect_notice("has ended")
    cell.choose("Start a new Python and run this cell")
    cell.expect_output("NameError: name 'a'")
    cell.use("Edit")
    expect(cell.editor).to_be_focused()


# --- weight, looks, access -----------------------------------------------------------


def test_the_front_end_comes_with_the_first_run_and_the_editor_with_the_first_edit(
    reader, pages
):
    def loaded() -> set[str]:
        found = (re.search(r"_static/live/(\w+)", url) for url in reader.asked)
        return {match[1] for match in found if match}

    reader.page.wait_for_load_state("networkidle")
    assert not loaded()
    assert not [url for url in reader.asked if "/api" in url]
    reader.run(1)
    assert loaded() == {"cells"}
    reader.cell(1).write("1")
    assert loaded() == {"cells", "editor"}


def test_the_part_on_every_page_is_small(pages):
    sizes = [
        len(gzip.compress((pages / "_static" / name).read_bytes()))
        for name in ("live.js", "live.css")
    ]
    assert sum(sizes) <= 6 * 1024


@pytest.mark.parametrize("mode", ["light", "dark"])
def test_axe_finds_nothing_serious_in_live_cells(reader, visit, live, mode):
    reader = visit(f"{live.address}book/cells.html?token={TOKEN}", mode=mode)
    reader.run(1, 2, 3, 4)
    reader.cell(5).do("input('A line, please: ')")
    expect(reader.cell(5).root.get_by_label("A line")).to_be_visible()
    reader.picture(f"cells-{mode}")
    assert not axe_violations(reader.page)


# What a cell's tools lie on that is not their own: headings, and outputs above.
COVERED = """[...document.querySelectorAll(".live-tools")].flatMap((tools) => {
  const box = tools.getBoundingClientRect();
  return [...document.querySelectorAll("main h1, .cell_output pre")]
    .filter((other) => {
      const { top, bottom } = other.getBoundingClientRect();
      return bottom > box.top && top < box.bottom;
    })
    .map((other) => other.textContent);
})"""


def test_on_a_phone_nothing_is_wider_than_the_screen_or_lies_under_the_bar(visit, live):
    address = f"{live.address}book/cells.html?token={TOKEN}"
    reader = visit(address, width=390, touch=True)
    reader.cell(4).button.tap()
    reader.cell(4).expect_output("ZeroDivisionError")
    reader.cell(3).root.locator("pre").first.tap()
    reader.picture("phone")
    reader.cell(3).root.get_by_role("button", name="Edit").tap()
    expect(reader.cell(3).editor).to_be_visible()
    reader.picture("phone-editor")
    page = reader.page
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    assert page.evaluate(COVERED) == []
    page.evaluate("scrollTo(0, document.documentElement.scrollHeight)")
    last = page.locator(".site-footer").bounding_box()
    assert last["y"] + last["height"] <= reader.bar.bounding_box()["y"]
    end_kernels(live)
