"""The annotated source: whole, and linked with the chapters in both directions."""

import html
import json
import re

import pytest

from workshop import annotated, book, listings
from workshop.annotated import link_to_sources, rendered
from workshop.checkout import ROOT
from workshop.listings import files, place_of, source_of

TAG = re.compile(r"<[^>]*>")


@pytest.fixture(scope="module")
def pages():
    return book.ensure()


def page_of(pages, file):
    return (pages / f"{annotated.page_of(place_of(file))}.html").read_text("utf-8")


# --- the built pages -----------------------------------------------------------------


def test_every_line_of_every_source_is_in_its_page(pages):
    assert len(files()) > 50
    for file in files():
        page = page_of(pages, file)
        code = re.search(r'<pre tabindex="0">(.*?)</pre>', page, re.DOTALL)[1]
        code = re.sub(r'<span class="told" data-no-copy>.*?</span>', "", code)
        assert html.unescape(TAG.sub("", code)) == file.read_text("utf-8"), file
        count = len(source_of(file).lines)
        numbers = re.findall(r'id="L(\d+)"', page)
        assert numbers == [str(n) for n in range(1, count + 1)], file


def test_everything_with_a_name_has_an_anchor(pages):
    for file in files():
        page = page_of(pages, file)
        for entry in source_of(file).entries:
            anchor = listings.anchor_of(entry.name)
            assert f'<span id="{anchor}">' in page, (file, anchor)
            assert f'<span id="{anchor}"></span>' not in page, "nothing to be shown"


def test_every_link_to_a_source_has_its_target(pages):
    ids: dict[str, set[str]] = {}
    found = 0
    for page in pages.rglob("*.html"):
        text = page.read_text("utf-8")
        for target in re.findall(r'<a [^>]*?href="([^"#]*\bsource/[^"]*)"', text):
            path, _, anchor = html.unescape(target).partition("#")
            file = (page.parent / path).resolve()
            assert file.is_file(), f"{page.name}: {target}"
            known = ids.setdefault(
                str(file), set(re.findall(r'id="([^"]*)"', file.read_text("utf-8")))
            )
            assert not anchor or anchor in known, f"{page.name}: {target}"
            found += 1
    assert found > 100
    assert not any(
        "src/dustdevil/" in target
        for page in (pages / "book").glob("*.html")
        for target in re.findall(r'href="([^"]*)"', page.read_text("utf-8"))
    )


def test_a_listing_and_its_place_in_the_source_link_to_each_other(pages):
    for telling in annotated.tellings(ROOT / "book"):
        chapter = (pages / f"{telling.docname}.html").read_text("utf-8")
        assert f'id="{telling.cell}"' in chapter
        place = telling.listing.file.removeprefix("src/dustdevil/")
        source = (pages / f"{annotated.page_of(place)}.html").read_text("utf-8")
        assert re.search(rf'href="[./]*{telling.docname}.html#{telling.cell}"', source)
        assert f'href="../{annotated.page_of(place)}.html#' in chapter


def test_the_index_has_every_module_with_its_lines(pages):
    text = (pages / "source" / "index.html").read_text("utf-8")
    index = text.partition('class="source-index"')[2]
    for file in files():
        place = place_of(file)
        row = index.partition(f'href="{place.removesuffix(".py")}.html"')[2]
        assert f"<td>{len(source_of(file).lines):,}</td>" in row.partition("</tr>")[0]


def test_all_pages_can_be_turned_in_order(pages):
    seen, page = [], pages / "source" / "index.html"
    while page is not None:
        seen.append(page)
        found = re.search(r'rel="next" title="[^"]*" href="([^"]*)"', page.read_text())
        page = (page.parent / found[1]).resolve() if found else None
    assert len(seen) == len(set(seen)) == len(files()) + 1
    last = annotated_before(pages)
    assert 'href="../source/index.html"' in last.partition('class="turn"')[2]


def annotated_before(pages):
    text = (pages / "source" / "index.html").read_text("utf-8")
    found = re.search(r'rel="prev" title="[^"]*" href="([^"]*)"', text)
    return (pages / "source" / found[1]).resolve().read_text("utf-8")


def test_the_search_knows_the_sources(pages):
    index = (pages / "searchindex.js").read_text("utf-8")
    assert '"source/loop/eventloop"' in index
    assert "Loop.turn" in index


# --- how they are made ---------------------------------------------------------------

USER = '''\
"""Uses."""

import dustdevil.pack
from dustdevil.pack.part import Thing, helper
from dustdevil.pack import Other as Another
from dustdevil import pack, Top


def main(helper):
    """Ä."""
    x = "ä", Thing(helper), Another, Top
    return main, x, USED


USED = pack
'''


@pytest.fixture
def package(tmp_path, monkeypatch):
    folder = tmp_path / "dustdevil"
    (folder / "pack").mkdir(parents=True)
    (folder / "__init__.py").write_text('HOMES = homes(pack="Top")\n')
    (folder / "pack" / "__init__.py").write_text('HOMES = homes(part="Other Top")\n')
    (folder / "pack" / "part.py").write_text(
        "class Thing: ...\nclass Other: ...\ndef helper(): ...\nTop = 1\n"
    )
    (folder / "user.py").write_text(USER)
    monkeypatch.setattr(listings, "package_folder", lambda: folder)
    return folder


def links(line):
    pairs = re.findall(r'<a href="([^"]*)">(.*?)</a>', line)
    return {TAG.sub("", text): target for target, text in pairs}


def test_names_of_the_stack_lead_to_their_pages(package):
    lines = rendered(package / "user.py")
    part = "pack/part.html"
    assert links(lines[2]) == {"dustdevil.pack": "pack/__init__.html"}
    assert links(lines[3]) == {
        "dustdevil.pack.part": part,
        "Thing": f"{part}#Thing",
        "helper": f"{part}#helper",
    }
    assert links(lines[4])["Other"] == f"{part}#Other"
    assert links(lines[5])["pack"] == "pack/__init__.html"
    assert links(lines[5])["Top"] == f"{part}#Top"


def test_a_name_that_is_bound_twice_leads_nowhere(package):
    lines = rendered(package / "user.py")
    assert links(lines[10]) == {
        "Thing": "pack/part.html#Thing",
        "Another": "pack/part.html#Other",
        "Top": "pack/part.html#Top",
    }
    assert links(lines[11]) == {"main": "#main()", "USED": "#USED"}


def test_the_html_of_a_line_has_its_text(package):
    file = package / "odd.py"
    file.write_text('"""<b> & "x"\n\n\ttab"""\nx = 1 if a < 2 else f"{b!r:>{w}}"\n')
    texts = [html.unescape(TAG.sub("", line)) for line in rendered(file)]
    assert texts == file.read_text().splitlines()
    assert annotated.lines_in_page(file) == 4


def test_a_telling_has_its_chapter_and_section(package, tmp_path):
    cells = [
        ("markdown", "# Decorators\n\n## Not `this`"),
        ("markdown", "text\n\n### The *real* {term}`thing`\n\n```\n# no heading\n```"),
        ("code", "show('pack.part.Thing', 'user.main')"),
    ]
    (tmp_path / "01-decorators.ipynb").write_text(
        json.dumps(
            {
                "cells": [
                    {"cell_type": kind, "id": f"c{n}", "source": text}
                    for n, (kind, text) in enumerate(cells)
                ]
            }
        )
    )
    one, two = annotated.tellings(tmp_path)
    assert (one.docname, one.cell) == ("book/01-decorators", "c2")
    assert one.chapter == "Chapter 1, Decorators"
    assert one.section == two.section == "The real thing"
    assert annotated.discussed([one, two])["user.py"] == {"main"}
    assert annotated.discussed([one])["pack/part.py"] == frozenset()


@pytest.mark.parametrize(
    ("before", "docname", "after"),
    [
        ("../src/dustdevil/loop/a.py#A.f", "book/05", "../source/loop/a.html#A.f"),
        ("../src/dustdevil/a.py", "labs/05/lab", "../../source/a.html"),
        ("../../src/dustdevil/s/a.c#f", "labs/05/lab", "../../source/s/a.c.html#f"),
        ("../src/workshop/a.py", "book/05", "../src/workshop/a.py"),
    ],
)
def test_links_to_sources_become_links_to_their_pages(before, docname, after):
    link = '<a href="{}">x</a>'
    assert link_to_sources(link.format(before), docname) == link.format(after)
