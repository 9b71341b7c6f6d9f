"""A prediction hides what follows it until the reader has chosen, or skips."""

import pytest

from support.places import ROOT
from workshop.quiz import predict

expect = pytest.importorskip("playwright.sync_api").expect

PAGE = """<!DOCTYPE html>
<html lang="en"><meta charset="utf-8"><title>Predictions</title>
<link rel="stylesheet" href="{static}/kit.css">
<link rel="stylesheet" href="{static}/print.css">
{script}
<main>
<nav><a href="#deep">to the deep one</a></nav>
<section><h2>Sums</h2>
<p>before</p>
<div class="cell">{first}</div>
<p>the answer to the first</p>
<div class="cell">{second}</div>
<p>the answer to the second</p>
<section><h3 id="deep">Deeper</h3><p>far down</p></section>
</section>
<section><h2>Next</h2><p>another section</p></section>
</main></html>"""


def question(right: int) -> str:
    """A prediction, and where it stands in the page."""
    choices = {str(n): f"Because of {n}, and for no other reason." for n in range(3)}
    return predict(
        f"How much is {right}?", code=f"{right}", choices=choices
    )._repr_html_()


@pytest.fixture
def address(tmp_path):
    """Where the page is, with its script or without."""

    def write(script: bool = True) -> str:
        static = (ROOT / "book" / "_static").as_uri()
        tag = f'<script src="{static}/quiz.js"></script>' if script else ""
        page = PAGE.format(
            static=static, script=tag, first=question(1), second=question(2)
        )
        file = tmp_path / "page.html"
        file.write_text(page, "utf-8")
        return file.as_uri()

    return write


FIRST, SECOND, DEEP = "the answer to the first", "the answer to the second", "far down"


SEEN = """e => e.checkVisibility({contentVisibilityAuto: true})
    && getComputedStyle(e).contentVisibility !== "hidden" """


def sees(reader, *texts):
    """These are to be seen, and the others are not."""
    for text in ("before", FIRST, SECOND, DEEP, "another section"):
        place = reader.page.get_by_text(text, exact=True)
        seen = place.evaluate(SEEN)
        assert seen == (text in texts), text


def choose(reader, form, number):
    reader.page.locator("form").nth(form).get_by_role("radio").nth(number).check()
    reader.page.locator("form").nth(form).locator("[type=submit]").click()


def test_what_follows_is_hidden_until_one_is_chosen_even_a_wrong_one(visit, address):
    reader = visit(address())
    sees(reader, "before", "another section")
    choose(reader, 0, 2)
    sees(reader, "before", FIRST, "another section")
    choose(reader, 1, 2)
    sees(reader, "before", FIRST, SECOND, DEEP, "another section")


def test_nothing_is_decided_without_a_choice(visit, address):
    reader = visit(address())
    reader.page.locator("[type=submit]").first.click()
    sees(reader, "before", "another section")


def test_the_keyboard_is_enough(visit, address):
    reader = visit(address())
    reader.page.locator("input").first.focus()
    reader.page.keyboard.press("ArrowDown")
    reader.page.keyboard.press("Enter")
    sees(reader, "before", FIRST, "another section")
    expect(reader.page.locator(".dd-yes")).to_be_visible()


def test_one_can_be_skipped_or_all(visit, address):
    reader = visit(address())
    reader.page.get_by_role("button", name="Skip", exact=True).first.click()
    sees(reader, "before", FIRST, "another section")
    reader.page.get_by_role("button", name="Skip all on this page").click()
    sees(reader, "before", FIRST, SECOND, DEEP, "another section")
    expect(reader.page.get_by_role("button", name="Skip all")).to_have_count(0)


def test_what_was_settled_stays_so_after_a_reload(visit, address):
    reader = visit(address())
    choose(reader, 0, 0)
    reader.page.reload()
    sees(reader, "before", FIRST, "another section")


def test_a_link_into_it_opens_it(visit, address):
    reader = visit(address())
    reader.page.get_by_role("link").click()
    expect(reader.page.get_by_text(DEEP)).to_be_in_viewport()
    sees(reader, "before", FIRST, SECOND, DEEP, "another section")


def test_an_address_with_an_anchor_opens_it(visit, address):
    reader = visit(address() + "#deep")
    sees(reader, "before", FIRST, SECOND, DEEP, "another section")


def test_a_find_in_the_page_opens_it(visit, address):
    reader = visit(address())
    reader.page.get_by_text(DEEP).evaluate(
        "e => e.dispatchEvent(new Event('beforematch', {bubbles: true}))"
    )
    sees(reader, "before", FIRST, SECOND, DEEP, "another section")


def test_without_the_script_all_is_there(visit, address):
    reader = visit(address(script=False))
    sees(reader, "before", FIRST, SECOND, DEEP, "another section")


def test_print_has_all_of_it(visit, address):
    reader = visit(address())
    reader.page.emulate_media(media="print")
    sees(reader, "before", FIRST, SECOND, DEEP, "another section")


def test_what_is_hidden_leaves_no_gap(visit, address):
    reader = visit(address())
    last = reader.page.locator("form").first.bounding_box()
    following = reader.page.get_by_role("heading", name="Next").bounding_box()
    assert following["y"] - last["y"] - last["height"] < 80


def test_a_question_asked_anew_is_asked_and_nothing_else_hides(visit, address):
    """As when a cell of the live page is run again: its output is replaced."""
    reader = visit(address())
    choose(reader, 0, 0)
    reader.page.evaluate(
        "form => { document.querySelector('.cell').innerHTML = form }", question(1)
    )
    sees(reader, "before", FIRST, "another section")
