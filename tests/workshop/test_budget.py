"""A chapter can be finished: how long its page is, and what a phone shows of it."""

import pytest

from support.live_reader import needs_chromium
from support.places import ROOT
from workshop import book

pytestmark = needs_chromium

SCREEN = 900  # pixels of height, at a width of 1280
SCREENS = 35  # with every prediction answered and what is folded closed

CHAPTERS = sorted(path.stem for path in (ROOT / "book").glob("[0-9]*.ipynb"))


@pytest.fixture(scope="module")
def pages():
    return book.ensure() / "book"


@pytest.mark.parametrize("chapter", CHAPTERS)
def test_a_chapter_has_few_enough_screens(visit, pages, chapter):
    reader = visit((pages / f"{chapter}.html").as_uri())
    reader.skip_predictions()
    height = reader.page.evaluate("document.querySelector('main').scrollHeight")
    assert height / SCREEN <= SCREENS


@pytest.mark.parametrize("chapter", CHAPTERS)
def test_a_phone_shows_a_chapter_without_scrolling_sideways(visit, pages, chapter):
    reader = visit((pages / f"{chapter}.html").as_uri(), width=390)
    reader.skip_predictions()
    wide = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
    assert reader.page.evaluate(wide) <= 0
