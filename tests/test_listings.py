"""`show` prints the lines it names, and the count of shown lines is right."""

import json
import pathlib

import pytest

from workshop import listings
from workshop.listings import Coverage, code_lines, coverage, ranges, select, show

MODULE = '''\
"""A module.

Its second line.
"""

import os
import sys

# How many.
LIMIT = 3


# What a thing is.
@decorator
class Thing(Base):
    """A thing."""

    size: int = 0

    # Called first.
    def __init__(self):
        self.size = LIMIT

    @property
    def twice(self):
        """Two times."""

        return self.size * 2

    colour = "red"


if os.name:

    def choose():
        return 1

else:
    fallback, other = 2, 3
'''


@pytest.fixture(autouse=True)
def package(tmp_path, monkeypatch):
    folder = tmp_path / "dustdevil"
    folder.mkdir()
    (folder / "thing.py").write_text(MODULE)
    monkeypatch.setattr(listings, "package_folder", lambda: folder)
    return folder


def texts(listing):
    return [text for _, text in listing.lines]


def test_a_whole_module():
    listing = select("thing")
    assert listing.source == MODULE.rstrip("\n")
    assert listing.caption == "src/dustdevil/thing.py · lines 1–39"


def test_a_class_comes_with_its_decorator_and_comment():
    listing = select("thing.Thing")
    assert texts(listing)[:3] == [
        "# What a thing is.",
        "@decorator",
        "class Thing(Base):",
    ]
    assert texts(listing)[-1] == '    colour = "red"'


def test_a_method_is_moved_to_the_margin():
    listing = select("thing.Thing.__init__")
    assert listing.source == (
        "# Called first.\ndef __init__(self):\n    self.size = LIMIT"
    )
    assert listing.caption.endswith("thing.py · Thing.__init__ · lines 20–22")


def test_the_head_of_a_class_leaves_methods_out_and_marks_the_gap():
    assert select("thing.Thing", "head").source == (
        "# What a thing is.\n@decorator\nclass Thing(Base):\n"
        '    """A thing."""\n\n    size: int = 0\n    ⋮\n    colour = "red"'
    )


def test_the_head_of_a_function_is_signature_and_docstring():
    assert select("thing.Thing.twice", "head").source == (
        '@property\ndef twice(self):\n    """Two times."""'
    )
    assert select("thing.choose", "head").source == "def choose():"


def test_constants_have_names_also_inside_of_conditions():
    assert texts(select("thing.LIMIT")) == ["# How many.", "LIMIT = 3"]
    assert texts(select("thing.other")) == ["    fallback, other = 2, 3"]
    assert texts(select("thing.Thing.colour")) == ['    colour = "red"']


def test_the_parts_of_a_module_make_up_its_top():
    assert texts(select("thing", "imports")) == ["import os", "import sys"]
    assert texts(select("thing", "doc"))[0] == '"""A module.'
    assert "LIMIT = 3" in texts(select("thing", "constants"))
    parts = {
        n for p in ("doc", "imports", "constants") for n, _ in select("thing", p).lines
    }
    top = {n for n, text in select("thing", "top").lines if text}
    assert top <= parts
    assert not any("return" in text for text in texts(select("thing", "top")))


@pytest.mark.parametrize(
    ("name", "only"),
    [
        ("nothing", None),
        ("thing.Thong", None),
        ("thing.Thing.nope", None),
        ("thing.Thing", "imports"),
        ("thing.choose", "doc"),
        ("thing", "tail"),
    ],
)
def test_what_is_not_there_is_refused(name, only):
    with pytest.raises(LookupError):
        select(name, only)


def test_a_display_has_the_source_as_text_and_classes_for_colours():
    shown = show("thing.Thing.twice", "thing.LIMIT")
    assert "return self.size * 2" in repr(shown)
    page = shown._repr_html_()
    assert page.count("<figure") == 2
    assert 'class="k"' in page
    assert "style=" not in page
    assert "/tmp" not in repr(shown) + page


def test_a_changed_source_is_read_again(package):
    path = package / "thing.py"
    before = select("thing.LIMIT").source
    path.write_text(MODULE.replace("LIMIT = 3", "LIMIT = 4"))
    assert before.endswith("3")
    assert select("thing.LIMIT").source.endswith("4")


def test_code_lines_are_neither_blank_nor_comments():
    text = '"""Doc.\n\nMore."""\n\n# comment\nx = """a\n\nb"""  # trailing\n'
    assert code_lines(text) == {1, 3, 6, 8}


def notebook(path: pathlib.Path, *cells: str) -> pathlib.Path:
    content = {
        "cells": [
            {"cell_type": "code", "metadata": {}, "source": cell, "outputs": []}
            for cell in cells
        ]
    }
    path.write_text(json.dumps(content))
    return path


def test_coverage_reads_the_calls_without_running_them(tmp_path):
    one = notebook(tmp_path / "1.ipynb", "boom()\nshow('thing', only='top')")
    two = notebook(tmp_path / "2.ipynb", "%magic\nshow('thing.Thing')", "x = 1")
    (partly,) = coverage([one])
    assert 0 < partly.share < 1
    assert 21 in partly.missing
    (more,) = coverage([one, two])
    assert [MODULE.splitlines()[n - 1].strip() for n in more.missing] == [
        "def choose():",
        "return 1",
    ]


def test_names_that_are_computed_are_refused(tmp_path):
    with pytest.raises(ValueError, match="literal"):
        coverage([notebook(tmp_path / "1.ipynb", "show(name)")])


def test_the_command_fails_for_a_module_that_must_be_whole(tmp_path, capsys):
    notebook(tmp_path / "1.ipynb", "show('thing.Thing')")
    assert listings.run(_args(tmp_path, None)) == 0
    assert listings.run(_args(tmp_path, ["thing"])) == 1
    assert "not shown: 1, 3–4, 6–7, 10" in capsys.readouterr().out
    notebook(tmp_path / "2.ipynb", "show('thing')")
    assert listings.run(_args(tmp_path, ["thing"])) == 0


def _args(book, module):
    import argparse

    return argparse.Namespace(book=str(book), missing=False, module=module)


def test_ranges_and_shares():
    assert ranges([]) == ""
    assert ranges([3, 4, 5, 9]) == "3–5, 9"
    assert Coverage("m", frozenset({1, 2, 3, 4}), frozenset({2, 9})).share == 0.25
