"""The glossary: its letters lead to entries, and entries to where they are used."""

import re

import pytest

from workshop import book


@pytest.fixture(scope="module")
def page():
    return (book.ensure() / "book" / "glossary.html").read_text("utf-8")


def test_each_letter_leads_to_an_entry_that_begins_with_it(page):
    letters = re.search(r'<nav class="letters".*?</nav>', page, re.DOTALL)[0]
    links = re.findall(r'<a href="#([^"]+)">(\w)</a>', letters)
    assert len(links) > 15
    assert [letter for _, letter in links] == sorted(letter for _, letter in links)
    for anchor, letter in links:
        assert re.search(rf'<dt id="{anchor}"', page), anchor
        assert anchor.removeprefix("term-")[0].upper() == letter


def test_an_entry_leads_to_the_pages_that_use_it(page):
    arena = re.search(r'<dt id="term-arena".*?</dd>', page, re.DOTALL)[0]
    assert '<a href="10-memory.html">Memory</a>' in arena
    for link in re.findall(r'<p class="used-in">(.*?)</p>', page):
        for target in re.findall(r'href="([^"]+)"', link):
            assert (book.html_folder() / "book" / target).is_file()


@pytest.mark.parametrize(
    "term",
    ["pymalloc", "malloc", "copy-on-write", "immortal object", "stop-the-world"],
)
def test_words_of_the_chapters_on_memory_are_explained(page, term):
    assert f">{term}<" in page
