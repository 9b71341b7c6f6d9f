"""The table of pieces: one home, and everything that is made from it agrees."""

import re

import pytest
import yaml

from support.places import ROOT, file_of_tests
from workshop import pieces

READY = [piece for piece in pieces.load() if piece.ready]


def test_eighteen_pieces_in_order():
    table = pieces.load()
    assert [piece.number for piece in table] == list(range(1, 19))
    assert [piece.name for piece in READY] == [
        "01-decorators",
        "02-generators",
        "03-descriptors",
        "05-epoll",
        "09-gil",
        "10-memory",
        "11-gc",
    ]


def test_every_row_says_everything():
    for piece in pieces.load():
        assert piece.title
        assert piece.does
        assert piece.question.endswith("?")
        assert piece.package


@pytest.mark.parametrize("piece", READY, ids=lambda piece: piece.slug)
def test_a_ready_piece_is_told_four_times(piece):
    assert (ROOT / piece.chapter).is_file()
    assert (ROOT / piece.lab).is_file()
    assert (ROOT / piece.source).exists()
    for module in piece.modules:
        assert (ROOT / file_of_tests(module)).is_file()


def test_the_contents_list_the_ready_pieces():
    contents = yaml.safe_load((ROOT / "book" / "_toc.yml").read_text("utf-8"))
    parts = {
        part["caption"]: [page["file"] for page in part["chapters"]]
        for part in contents["parts"]
    }
    assert parts["Chapters"] == [p.chapter.removesuffix(".ipynb") for p in READY]
    assert parts["Labs"] == [p.lab.removesuffix(".ipynb") for p in READY]


def test_no_chapter_or_lab_is_outside_the_table():
    names = {piece.name for piece in pieces.load()}
    chapters = {path.stem for path in (ROOT / "book").glob("[0-9]*.ipynb")}
    labs = {path.parent.name for path in (ROOT / "labs").glob("*/lab.ipynb")}
    assert chapters <= names
    assert labs <= names


def test_the_readme_has_the_table():
    stands = pieces.in_readme((ROOT / "README.md").read_text("utf-8"))
    assert stands == pieces.markdown(pieces.load()), (
        "put the output of `python -m workshop.pieces` into README.md"
    )


def test_markdown_links_lead_to_files():
    links = re.findall(r"\]\((.+?)\)", pieces.markdown(pieces.load()))
    assert links
    assert all((ROOT / link).exists() for link in links)


def test_in_readme_takes_what_is_between_the_markers():
    assert pieces.in_readme(f"a\n{pieces.BEGIN}\n|x|\n{pieces.END}\nb\n") == "|x|\n"
    assert pieces.in_readme("no table") is None


def test_the_index_table_links_ready_pieces_only():
    table = pieces.table()._repr_html_()
    assert table.count("<a ") == 2 * len(READY)
    assert table.count("planned</span>") == 18 - len(READY)
    assert "<code>object.name</code>" in table


def test_find_by_slug_name_or_module():
    epoll = pieces.load()[4]
    for name in ("epoll", "05-epoll", "loop", "loop.poller"):
        assert pieces.find(name) == epoll
    with pytest.raises(LookupError, match="'nothing'"):
        pieces.find("nothing")


ROW = """
[[piece]]
number = {number}
slug = "{slug}"
title = "T"
package = "m"
question = "Q?"
does = "d"
note = ""
status = "{status}"
"""


@pytest.mark.parametrize(
    ("rows", "complaint"),
    [
        ([(1, "a", "ready"), (3, "b", "ready")], "number 3 is not next"),
        ([(1, "a", "done")], "unknown status 'done'"),
        ([(1, "a", "ready"), (2, "a", "ready")], "the same slug"),
    ],
)
def test_a_table_that_breaks_its_rules_is_refused(tmp_path, rows, complaint):
    file = tmp_path / "pieces.toml"
    file.write_text("".join(ROW.format(number=n, slug=s, status=t) for n, s, t in rows))
    with pytest.raises(ValueError, match=complaint):
        pieces.load(file)
