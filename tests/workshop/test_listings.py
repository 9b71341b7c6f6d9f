"""`show` prints the lines it names, in place."""

import json
import pathlib

import pytest

from workshop import listings
from workshop.listings import ranges, select, select_all, show, shown_by

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


def test_a_method_stands_in_its_class_and_the_gaps_are_marked():
    listing = select("thing.Thing.__init__")
    assert listing.source == (
        "@decorator\nclass Thing(Base):\n    …\n\n"
        "    # Called first.\n    def __init__(self):\n        self.size = LIMIT\n\n"
        "    …"
    )
    assert listing.caption.endswith("thing.py · Thing.__init__ · lines 20–22")
    assert listing.asked == {20, 21, 22}


def test_names_of_a_module_are_one_listing_in_the_order_of_the_file():
    (listing,) = select_all(["thing.choose", "thing.Thing.twice", "thing.LIMIT"])
    assert listing.source == (
        "# How many.\nLIMIT = 3\n\n…\n@decorator\nclass Thing(Base):\n    …\n\n"
        "    @property\n    def twice(self):\n"
        '        """Two times."""\n\n        return self.size * 2\n\n    …\n\n'
        "    def choose():\n        return 1\n\n…"
    )
    assert listing.caption == (
        "src/dustdevil/thing.py · LIMIT, Thing.twice, choose · lines 9–10, 24–28, 35–36"
    )


def test_neighbours_have_no_gap_between_them():
    (listing,) = select_all(["thing.Thing.twice", "thing.Thing.__init__"])
    assert listing.source.count("…") == 2
    assert "self.size = LIMIT\n\n    @property" in listing.source
    assert listing.caption.endswith("lines 20–28")


def test_modules_have_a_listing_each(package):
    (package / "other.py").write_text("def f(): ...\n")
    first, second = select_all(["thing.choose", "other.f", "thing.LIMIT"])
    assert [first.file, second.file] == [
        "src/dustdevil/thing.py",
        "src/dustdevil/other.py",
    ]


def test_the_caption_links_to_the_source_and_the_names_in_it():
    page = select_all(["thing.Thing.twice", "thing.LIMIT"])[0]._repr_html_()
    for target in ("", "#Thing.twice", "#LIMIT"):
        assert f'<a href="../src/dustdevil/thing.py{target}">' in page
    page = select("thing", "imports")._repr_html_()
    assert '<a href="../src/dustdevil/thing.py#L6">' in page
    assert 'class="err"' not in select("thing.Thing", "head")._repr_html_()


def test_the_head_of_a_class_leaves_methods_out_and_marks_the_gap():
    assert select("thing.Thing", "head").source == (
        "# What a thing is.\n@decorator\nclass Thing(Base):\n"
        '    """A thing."""\n\n    size: int = 0\n\n    …\n\n    colour = "red"'
    )


def test_comments_between_methods_left_out_are_left_out_too(package):
    (package / "more.py").write_text(
        "class A:\n    # Of this.\n    x = 1\n\n    def f(self): ...\n\n"
        "    # Then\n\n    def g(self): ...\n"
    )
    source = "class A:\n    # Of this.\n    x = 1\n\n    …"
    assert select("more.A", "head").source == source


def test_the_head_of_a_function_is_signature_and_docstring():
    assert select("thing.Thing.twice", "head").source.endswith(
        '    @property\n    def twice(self):\n        """Two times."""\n\n        …'
    )
    assert select("thing.choose", "head").source == "    def choose():\n        …"


def test_what_stands_in_a_function_stands_below_its_first_line(package):
    (package / "more.py").write_text(
        "def f(\n    a,\n):\n    # Why.\n\n    def g(): ...\n\n    return g\n"
    )
    source = "def f(\n    a,\n):\n    …\n\n    def g(): ...\n\n    …"
    assert select("more.f.g").source == source


def test_constants_have_names_also_inside_of_conditions():
    assert texts(select("thing.LIMIT")) == ["# How many.", "LIMIT = 3"]
    assert texts(select("thing.other")) == ["    fallback, other = 2, 3"]
    assert texts(select("thing.Thing.colour"))[-1] == '    colour = "red"'


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


def test_a_display_has_the_source_as_text_and_classes_for_colours(package):
    (package / "other.py").write_text("ONE = 1\n")
    shown = show("thing.Thing.twice", "other.ONE")
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


FAST = r"""/* In C.

   Its second line; a brace { here counts for nothing. */

#include <Python.h>
#include <string.h>

/* ----
   A heading. */

#define BRACE(c) ((c) == '{' || (c) == '"' \
    || (c) == '\'')
enum { ONE = 1, TWO };

/* A pair. */
typedef struct {
    int left;  /* the first */
    int right;
} Pair;

static const char words[][2] = {
#ifdef THREE
    "}{",
#endif
    "/*",
};

// How wide.
static int
width(Pair pair) /* of both */
{
    /* Open. */

    if (BRACE(pair.left)) {
        return TWO;
    }
    return ONE;
}

PyDoc_STRVAR(width_doc,
"width(pair)\n--\n\nHow {wide it is;");
int last = 3;
"""


@pytest.fixture
def fast(package):
    path = package / "_fast.c"
    path.write_text(FAST)
    return path


def test_a_module_in_c(fast):
    assert select("_fast").source == FAST.rstrip("\n")
    assert select("_fast.width", "head").source.endswith("/* of both */\n…")
    listing = select("_fast.width")
    assert listing.caption == "src/dustdevil/_fast.c · width · lines 28–38"
    assert texts(listing)[:2] == ["// How wide.", "static int"]
    assert texts(listing)[-2:] == ["    return ONE;", "}"]


@pytest.mark.parametrize(
    ("name", "lines"),
    [
        ("BRACE", "11–12"),
        ("TWO", "13"),
        ("Pair", "15–19"),
        ("words", "21–26"),
        ("width_doc", "40–41"),
        ("last", "42"),
    ],
)
def test_what_has_a_name_in_c(fast, name, lines):
    assert ranges([n for n, _ in select(f"_fast.{name}").lines]) == lines


def test_the_parts_of_c(fast):
    assert texts(select("_fast.width", "head")) == [
        "// How wide.",
        "static int",
        "width(Pair pair) /* of both */",
    ]
    assert texts(select("_fast", "doc"))[2].endswith("counts for nothing. */")
    assert texts(select("_fast", "imports"))[1] == "#include <string.h>"
    constants = [n for n, text in select("_fast", "constants").lines if text]
    assert ranges(constants) == "8–9, 11–13, 15–19, 21–26, 40–42"
    top = [n for n, text in select("_fast", "top").lines if text]
    assert ranges(top) == "1, 3, 5–6, 8–9, 11–13, 15–19, 21–26, 40–42"


@pytest.mark.parametrize(
    ("name", "only"),
    [
        ("_fast.nope", None),
        ("_fast.Pair.left", None),
        ("_fast.pair", None),
        ("_fast.Pair", "head"),
        ("_fast.width", "doc"),
    ],
)
def test_what_is_not_there_in_c_is_refused(fast, name, only):
    with pytest.raises(LookupError):
        select(name, only)


def test_c_has_the_colours_of_c(fast):
    assert '<span class="cp">#include' in show("_fast")._repr_html_()


def notebook(path: pathlib.Path, *cells: str) -> pathlib.Path:
    content = {
        "cells": [
            {"cell_type": "code", "metadata": {}, "source": cell, "outputs": []}
            for cell in cells
        ]
    }
    path.write_text(json.dumps(content))
    return path


def test_the_calls_are_read_without_running_them(tmp_path):
    path = notebook(
        tmp_path / "1.ipynb",
        "%magic\nboom()\nshow('thing.LIMIT', 'thing.choose')",
        "x = 1",
        "show('thing', only='doc')",
    )
    (one, two) = shown_by(path)
    assert [listing.asked for listing in one[1]] == [{9, 10, 35, 36}]
    assert [listing.names for listing in two[1]] == [(("(doc)", "L1"),)]


def test_names_that_are_computed_are_refused(tmp_path):
    with pytest.raises(ValueError, match="literal"):
        list(shown_by(notebook(tmp_path / "1.ipynb", "show(name)")))


def test_a_package_is_its_modules_and_the_names_of_its_face(package):
    (package / "pack").mkdir()
    (package / "pack" / "__init__.py").write_text('"""P."""\nHOMES = homes(part="f")\n')
    (package / "pack" / "part.py").write_text("def f():\n    g()\n\n\ndef g(): ...\n")
    for name in ("pack.f", "pack.part.f"):
        assert select(name).caption == "src/dustdevil/pack/part.py · f · lines 1–2"
    assert select("pack.part.g").caption.endswith("part.py · g · line 5")
    assert select("pack", "doc").source == '"""P."""'
    assert select("pack.part").caption.endswith("pack/part.py · lines 1–5")
    for name in ("pack.g", "pack.nothing", "nothing.f"):
        with pytest.raises(LookupError):
            select(name)


def test_ranges():
    assert ranges([]) == ""
    assert ranges([3, 4, 5, 9]) == "3–5, 9"
