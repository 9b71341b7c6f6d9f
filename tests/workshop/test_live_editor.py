"""The editor in the page as a reader uses it: completion, and documentation.

Screenshots of what the tests saw are in `build/screenshots`.
"""

import re
from collections.abc import Callable
from typing import Any

import pytest

from support.live_reader import (
    TOKEN,
    Cell,
    Reader,
    axe_violations,
    eventually,
    expect,
    needs_chromium,
)

pytestmark = needs_chromium


def put(cell: Cell, code: str) -> None:
    """Write code, and leave the cursor where its `|` stands."""
    before, after = code.split("|")
    cell.write(before + after)
    for _ in after:
        cell.reader.page.keyboard.press("ArrowLeft")


def offered(reader: Reader, label: str) -> Any:
    """The completion that is called so."""
    called = reader.page.locator(".cm-completionLabel").get_by_text(label, exact=True)
    return reader.page.locator(".cm-tooltip-autocomplete li").filter(has=called)


def panel(reader: Reader) -> Any:
    return reader.page.locator(".live-help")


def press(reader: Reader, *keys: str) -> None:
    for key in keys:
        reader.page.keyboard.press(key)


# --- completion ----------------------------------------------------------------------

KNOWN = {
    "a variable": ("a_long_name = 1", "a_lo|", "a_long_name"),
    "an attribute": ("import math", "math.sq|", "sqrt"),
    "all attributes": ("import math", "math.|", "sqrt"),
    "a module": ("pass", "import colle|", "collections"),
    "a name to import": ("pass", "from collections import Ord|", "OrderedDict"),
    "an argument": ("def area(width): pass", "area(wid|)", "width="),
    "on a third line": ("names = ['b']", "x = [\n    1,\n    names.app|]", "append"),
    "behind an emoji": ("import math", "s = '🌪🌪🌪'; math.sq|", "sqrt"),
}


@pytest.mark.parametrize("kind", KNOWN)
def test_tab_completes_what_the_kernel_knows(reader, kind):
    before, code, label = KNOWN[kind]
    reader.cell(1).do(before)
    reader.settle()
    put(reader.cell(2), code)
    press(reader, "Tab")
    expect(offered(reader, label)).to_have_count(1)
    expect(offered(reader, label)).not_to_contain_text("cell")
    reader.picture(f"editor-{kind.replace(' ', '-')}")


def test_a_name_whose_type_takes_too_long_is_the_kernels(reader):
    no_time = "get_ipython().Completer.jedi_compute_type_timeout = 0"
    reader.cell(1).do(f"a_long_name = 1; {no_time}")
    reader.settle()
    put(reader.cell(2), "a_lo|")
    press(reader, "Tab")
    expect(offered(reader, "a_long_name")).to_have_count(1)
    expect(offered(reader, "a_long_name")).not_to_contain_text("cell")


def test_what_is_chosen_takes_the_place_of_what_was_typed(reader):
    cell = reader.cell(1)
    cell.do("thunder = 1")
    reader.settle()
    put(cell, "print('🌪', thun|)")
    press(reader, "Control+Space")
    expect(offered(reader, "thunder")).to_have_attribute("aria-selected", "true")
    press(reader, "Tab")
    expect(cell.editor).to_have_text("print('🌪', thunder)")


ABOVE = '''\
import os.path, numpy as np
first, (second, *rest) = 1, (2, 3)
for turn in range(3):
    with open("f") as file:
        gone = [inner for inner in file]
del gone
class Whirl:
    """Air that turns.

    It rises, too.
    """

    height = 3

    def __init__(self, speed, dust=None):
        self.speed = speed

    def lift(self, load):
        """Carry a load upwards."""

async def chase(whirl,
                timeout=3):
    """Follow it."""
    hidden = 1

devil = Whirl(9)
'''


@pytest.mark.parametrize(
    "name", ["os", "np", "second", "rest", "turn", "file", "Whirl", "chase", "devil"]
)
def test_names_of_a_cell_above_are_offered_before_it_is_run(reader, name):
    reader.cell(1).write(ABOVE)
    put(reader.cell(3), f"{name[:-1]}|")
    press(reader, "Tab" if name[:-1] else "Control+Space")
    expect(offered(reader, name)).to_contain_text("cell 1, not run yet")


@pytest.mark.parametrize("name", ["gone", "inner", "hidden", "lift", "timeout"])
def test_what_a_cell_does_not_define_for_others_is_not_offered(reader, name):
    reader.cell(1).write(ABOVE)
    put(reader.cell(3), f"{name}; devil|")
    press(reader, "Control+Space")
    expect(offered(reader, "devil")).to_have_count(1)
    reader.page.keyboard.press("Escape")
    put(reader.cell(3), f"{name[:-1]}|")
    press(reader, "Tab")
    expect(panel(reader)).to_contain_text("Run a cell first: Python is not started.")
    expect(offered(reader, name)).to_have_count(0)


MEMBERS = {
    "Whirl.|": ("lift", "speed"),
    "devil.|": ("speed", "turn"),
    "devil.li|": ("lift", "height"),
    "class Other:\n    def one(self):\n        self.two = 1\n\n    def three(self):\n"
    "        self.|": ("two", "speed"),
}


@pytest.mark.parametrize("code", MEMBERS)
def test_members_of_a_class_are_offered_before_it_is_run(reader, code):
    name, other = MEMBERS[code]
    reader.cell(1).write(ABOVE)
    put(reader.cell(3), code)
    press(reader, "Tab")
    expect(offered(reader, name)).to_have_count(1)
    expect(offered(reader, other)).to_have_count(0)


def test_only_what_stands_above_the_cursor_is_offered(reader):
    put(reader.cell(2), "storm_one = 1\n|\nstorm_two = 2")
    reader.page.keyboard.insert_text("sto")
    press(reader, "Tab")
    expect(offered(reader, "storm_one")).to_contain_text("this cell")
    expect(offered(reader, "storm_two")).to_have_count(0)


def test_what_has_been_run_is_not_marked(reader):
    first = reader.cell(1)
    first.do("storm_run = 1")
    reader.settle()
    reader.cell(2).write("storm_not_run = 1")
    put(reader.cell(3), "storm|")
    press(reader, "Tab")
    expect(offered(reader, "storm_not_run")).to_contain_text("cell 2, not run yet")
    expect(offered(reader, "storm_run")).to_have_count(1)
    expect(offered(reader, "storm_run")).not_to_contain_text("not run")


def test_names_of_the_source_are_offered_while_python_is_busy(reader):
    reader.cell(1).do("storm_here = input()")
    expect(reader.page.locator(".live-input")).to_be_visible()
    put(reader.cell(2), "storm|")
    press(reader, "Tab")
    expect(offered(reader, "storm_here")).to_contain_text("cell 1")
    expect(offered(reader, "storm_here")).not_to_contain_text("not run")
    put(reader.cell(2), "nothing_like_it|")
    press(reader, "Tab")
    expect(panel(reader)).to_contain_text("Python is busy. Ask again")


def test_names_of_the_kernel_join_those_of_the_source(reader):
    release = hold_replies(reader, "complete_reply")
    reader.cell(1).do("storm_of_python = 1; exec('storm_unseen = 1')")
    reader.settle()
    put(reader.cell(2), "storm|")
    press(reader, "Tab")
    expect(offered(reader, "storm_of_python")).to_contain_text("cell 1")
    expect(offered(reader, "storm_unseen")).to_have_count(0)
    release()
    expect(offered(reader, "storm_unseen")).to_contain_text("instance")
    expect(offered(reader, "storm_of_python")).to_contain_text("instance")


def hold_replies(reader: Reader, kind: str) -> Callable[[], None]:
    """Hold replies back, until the function that is returned is called.

    IPython gives a type to as many names as it can in 0.4 s: here all get one.
    """
    held, sockets = [], []

    def connect(route: Any) -> None:
        sockets.append(route)

        def forward(message: str) -> None:
            if f'"{kind}"' in message:
                held.append(re.sub(r'"<?unknown>?"', '"instance"', message))
            else:
                route.send(message)

        route.connect_to_server().on_message(forward)

    def release() -> None:
        while not held:
            reader.page.wait_for_timeout(50)
        while held:
            sockets[-1].send(held.pop(0))

    reader.page.route_web_socket(re.compile("/channels"), connect)
    return release


def test_tab_indents_where_there_is_nothing_to_complete(reader):
    cell = reader.cell(1)
    put(cell, "if a:\n|b = 1")
    press(reader, "Tab")
    expect(cell.editor.locator(".cm-line").last).to_have_text("    b = 1")
    press(reader, "Shift+Tab")
    expect(cell.editor.locator(".cm-line").last).to_have_text("b = 1")
    press(reader, "Shift+Home", "Shift+ArrowUp", "Tab")
    expect(cell.editor.locator(".cm-line").first).to_have_text("    if a:")
    press(reader, "Shift+Tab")
    expect(cell.editor.locator(".cm-line").first).to_have_text("if a:")
    expect(panel(reader)).to_have_count(0)


def test_escape_then_tab_leaves_also_while_names_are_looked_for(reader):
    hold_replies(reader, "complete_reply")
    reader.cell(1).do("1")
    reader.settle()
    cell = reader.cell(2)
    put(cell, "tempest|")
    press(reader, "Tab", "Escape", "Tab")
    expect(cell.editor).not_to_be_focused()
    expect(cell.editor).to_have_text("tempest")


def test_tab_behind_a_number_indents(reader):
    cell = reader.cell(1)
    put(cell, "a = 1|")
    press(reader, "Tab")
    expect(cell.editor).to_have_text("    a = 1")
    expect(panel(reader)).to_have_count(0)


# --- documentation -------------------------------------------------------------------

DEFINED = '''\
def storm(strength, *, names=()):
    """How hard it blows.

    In knots.
    """
    return strength
'''


def test_shift_tab_shows_what_the_kernel_knows_then_the_source(reader):
    reader.cell(1).do(DEFINED)
    reader.settle()
    put(reader.cell(2), "x = '🌪'\nprint(storm(1, |))")
    press(reader, "Shift+Tab")
    shown = panel(reader)
    expect(shown).to_contain_text("storm(strength, *, names=())")
    expect(shown).to_contain_text("How hard it blows.")
    expect(shown).not_to_contain_text("return strength")
    expect(shown.locator("[class*=ansi]").first).to_be_visible()  # colours, no codes
    expect(reader.page.locator(".cm-announced").last).to_contain_text("How hard")
    reader.picture("editor-help")
    press(reader, "Shift+Tab")
    expect(shown).to_contain_text("return strength")
    press(reader, "Shift+Tab")
    expect(shown.get_by_label("Documentation")).to_be_focused()
    press(reader, "Escape")
    expect(shown).to_have_count(0)
    expect(reader.cell(2).editor).to_be_focused()


def test_a_click_shows_more_too(reader):
    reader.cell(1).do(DEFINED)
    reader.settle()
    put(reader.cell(2), "storm|")
    press(reader, "Shift+Tab")
    panel(reader).get_by_role("button", name="More").click()
    expect(panel(reader)).to_contain_text("return strength")
    reader.page.locator("h1").click()
    expect(panel(reader)).to_have_count(0)


SOURCE_SAYS = {
    "stor|m": "How hard it blows.",
    "storm(|)": "def storm(strength, *, names=())",
    "storm(1, |": "How hard it blows.",
    "whirl = 1\nstorm(whirl|)": "In knots.",
    "Whirl(|)": "def __init__(self, speed, dust=None)",
    "Whirl.lift|": "Carry a load upwards.",
    "devil.lift(|)": "Carry a load upwards.",
    "devil|": "devil = Whirl(9)",
    "np|": "import os.path, numpy as np",
}


@pytest.mark.parametrize("code", SOURCE_SAYS)
def test_shift_tab_shows_what_a_cell_above_would_define(reader, code):
    reader.cell(1).write(DEFINED + ABOVE)
    put(reader.cell(3), code)
    press(reader, "Shift+Tab")
    expect(panel(reader)).to_contain_text(SOURCE_SAYS[code])
    expect(panel(reader)).to_contain_text("Run cell 1 first to use it.")
    press(reader, "Escape")
    expect(panel(reader)).to_have_count(0)
    expect(reader.cell(3).editor).to_be_focused()
    reader.expect_state("not started")


def test_the_name_that_the_cursor_is_in_goes_before_the_call_around_it(reader):
    reader.cell(1).write(DEFINED + ABOVE)
    put(reader.cell(3), "storm(ch|ase)")
    press(reader, "Shift+Tab")
    expect(panel(reader)).to_contain_text("async def chase(whirl, timeout=3)")


def test_without_python_and_without_a_definition_a_sentence_says_what_to_do(reader):
    put(reader.cell(1), "len|")
    press(reader, "Shift+Tab")
    expect(panel(reader)).to_have_text(
        re.compile("Run a cell first: Python is not started.")
    )
    reader.cell(1).do("1")
    reader.settle()
    put(reader.cell(1), "nowhere(|)")
    press(reader, "Shift+Tab")
    expect(panel(reader)).to_contain_text(
        "No documentation for “nowhere” yet: run the cell that defines it."
    )
    put(reader.cell(1), "1 + |")
    press(reader, "Shift+Tab")
    expect(panel(reader)).to_contain_text("Put the cursor on a name")


def test_while_python_is_busy_the_source_answers(reader):
    reader.cell(1).do(DEFINED + "input()")
    expect(reader.page.locator(".live-input")).to_be_visible()
    put(reader.cell(2), "storm(|)")
    press(reader, "Shift+Tab")
    expect(panel(reader)).to_contain_text("How hard it blows.")
    expect(panel(reader)).to_contain_text("Cell 1 defines it. Python is busy.")
    put(reader.cell(2), "len(|)")
    press(reader, "Shift+Tab")
    expect(panel(reader)).to_contain_text("Python is busy.")


def test_an_answer_that_is_late_is_shown_unless_the_panel_was_closed(reader):
    release = hold_replies(reader, "inspect_reply")
    reader.cell(1).do(DEFINED + "del storm")
    reader.settle()
    put(reader.cell(2), "storm(|)")
    press(reader, "Shift+Tab")
    expect(panel(reader)).to_contain_text("Python has not answered yet.")
    release()
    expect(panel(reader)).to_contain_text("No documentation for “storm” yet")
    press(reader, "Escape", "Shift+Tab")
    expect(panel(reader)).to_contain_text("Python has not answered yet.")
    press(reader, "Escape")
    release()
    press(reader, "Control+Enter")
    reader.cell(2).expect_output("NameError")  # which came after the answer
    expect(panel(reader)).to_have_count(0)


def test_the_panel_stays_while_its_arguments_are_written(reader):
    reader.cell(1).write(DEFINED)
    put(reader.cell(2), "storm(|)\n0")
    press(reader, "Shift+Tab")
    expect(panel(reader)).to_contain_text("How hard it blows.")
    reader.page.keyboard.insert_text("12, names='🌪'")
    expect(panel(reader)).to_contain_text("How hard it blows.")
    press(reader, "ArrowDown")
    expect(panel(reader)).to_have_count(0)


@pytest.mark.parametrize("mode", ["light", "dark"])
def test_on_a_phone_a_long_documentation_fits_and_can_be_scrolled(visit, live, mode):
    address = f"{live.address}book/cells.html?token={TOKEN}"
    reader = visit(address, width=390, mode=mode, touch=True)
    words = "\n    ".join(
        f"Line {n} of a long text, as docstrings are." for n in range(60)
    )
    reader.cell(1).write(f'def storm(strength, *, names=()):\n    """{words}"""\n')
    put(reader.cell(2), "x = storm(|)")
    press(reader, "Shift+Tab")
    box = panel(reader).bounding_box()
    assert box["x"] >= 0
    assert box["x"] + box["width"] <= 390
    assert box["height"] <= 844 / 2
    reader.picture(f"editor-help-phone-{mode}")
    assert not axe_violations(reader.page, ".cm-tooltip")
    body = panel(reader).get_by_label("Documentation")
    body.focus()
    press(reader, "End")
    expect(body).to_be_visible()
    eventually(body, "body => body.scrollTop > 100")
    panel(reader).get_by_role("button", name="Close").tap()
    expect(panel(reader)).to_have_count(0)
    put(reader.cell(2), "sto|")
    press(reader, "Tab")
    expect(offered(reader, "storm")).to_be_visible()
    reader.picture(f"editor-names-phone-{mode}")
    assert not axe_violations(reader.page, ".cm-tooltip")
    offered(reader, "storm").tap()
    expect(reader.cell(2).editor).to_have_text("storm")
