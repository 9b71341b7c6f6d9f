"""A map of a module has what the source has, with the marks that were asked for."""

import html
import re

import pytest

from workshop import listings
from workshop.maps import first_sentence, module_map
from workshop.sources import CSource, PythonSource

MODULE = '''\
"""A module: it does `one` thing.

More of it.
"""

from typing import Protocol

LIMIT = 3


class Face(Protocol):
    """What all have. And more."""

    def ask(self, what: str) -> str: ...


class Thing(Face, frozen=True):
    """A thing."""

    size = 0

    def __init__(self, size, /, *rest, unit="m", **more): ...

    # Read it.
    @property
    def twice(self):
        """Two times its size, i.e. `2 * size`; twice 0 is 0.

        And so on.
        """

    @twice.setter
    def twice(self, value): ...

    class Part:
        def ask(self, *, all=False):
            """Ask a part.
            It answers."""


if LIMIT:

    async def run(one, two=(1,
                            2)): ...
'''


@pytest.fixture(autouse=True)
def package(tmp_path, monkeypatch):
    folder = tmp_path / "dustdevil"
    (folder / "pack").mkdir(parents=True)
    (folder / "thing.py").write_text(MODULE)
    (folder / "pack" / "__init__.py").write_text('"""A pack. Of two."""\n')
    (folder / "pack" / "b.py").write_text('"""The second."""\n')
    (folder / "pack" / "a.py").write_text('"""The first: `a`."""\nA = 1\n')
    monkeypatch.setattr(listings, "package_folder", lambda: folder)
    return folder


def test_a_module_in_text():
    shown = repr(module_map("thing", built="Thing.twice", aside="Face"))
    assert shown.splitlines() == [
        "src/dustdevil/thing.py: A module: it does `one` thing.",
        "✓ you built this   + new   · not needed to understand it",
        "",
        "· class Face(Protocol)  What all have.",
        "·     ask(what)",
        "  class Thing(Face, frozen=True)  A thing.",
        '+     __init__(size, /, *rest, unit="m", **more)',
        "✓     twice  Two times its size, i.e. `2 * size`; twice 0 is 0.",
        "+     class Part",
        "+         ask  Ask a part.",
        "+ run(one, two=(1, 2))",
    ]


def test_no_line_is_wider_than_a_terminal(package):
    long = "A sentence that goes on for a while " * 6
    (package / "wide.py").write_text(f'class A:\n    def f(self):\n        "{long}"\n')
    lines = repr(module_map("wide")).splitlines()
    assert max(map(len, lines)) <= 88
    assert len(lines) > 5


def test_a_module_in_the_pages():
    page = module_map("thing", built="Thing.twice", aside="Face")._repr_html_()
    assert '<a href="../src/dustdevil/thing.py">src/dustdevil/thing.py</a>' in page
    assert "it does <code>one</code> thing." in page
    assert 'class <a href="../src/dustdevil/thing.py#Thing">Thing</a>' in page
    assert '<a href="../src/dustdevil/thing.py#Thing.Part.ask">ask</a>' in page
    rows = re.findall(r'<li class="(.*?)">(.*?)</li>', page.partition("dd-rows")[2])
    read = [html.unescape(re.sub("<.*?>", "", row)) for _, row in rows]
    assert (
        read[0] == "· not needed to understand it: class Face(Protocol) What all have."
    )
    assert read[2] == "class Thing(Face, frozen=True) A thing."
    assert read[4].startswith("✓ you built this: twice Two times")
    assert rows[4][0] == "dd-built dd-inner"
    assert "style=" not in page


def test_without_marks_nothing_is_called_new():
    shown = module_map("thing")
    assert "+" not in repr(shown)
    assert "dd-mark" not in shown._repr_html_()


def test_a_class_stands_for_its_methods_less_those_that_are_named():
    marks = {
        row.name: row.mark
        for row in module_map("thing", built="Thing", aside="Thing.Part.ask").rows
    }
    assert marks["Thing"] == marks["Thing.twice"] == marks["Thing.Part"] == "built"
    assert marks["Thing.Part.ask"] == "aside"
    assert marks["Face"] == marks["Face.ask"] == marks["run"] == "new"


def test_a_package_is_its_modules():
    shown = module_map("pack", built="b")
    assert repr(shown).splitlines() == [
        "src/dustdevil/pack/: A pack.",
        "✓ you built this   + new",
        "",
        "+ a  The first: `a`.",
        "✓ b  The second.",
    ]
    page = shown._repr_html_()
    assert '<a href="../src/dustdevil/pack/__init__.py">src/dustdevil/pack/</a>' in page
    assert '<a href="../src/dustdevil/pack/a.py">a</a>' in page


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("nothing", {}),
        ("thing.Thing", {}),
        ("thing", {"built": "Thing.nope"}),
        ("thing", {"aside": "Thing LIMIT"}),
        ("pack", {"aside": "c"}),
    ],
)
def test_what_is_not_there_is_refused(name, words):
    with pytest.raises(LookupError):
        module_map(name, **words)


def test_a_name_has_one_mark():
    with pytest.raises(ValueError, match="run"):
        module_map("thing", built="run", aside="run")


def test_a_module_in_c(package):
    (package / "_fast.c").write_text(
        "/* In C. */\n#define ONE 1\n\n/* A pair:\n   two. */\ntypedef struct {\n"
        "    int left;\n} Pair;\n\nstatic int last = 1;\n\n// How wide.\nstatic int\n"
        "width(Pair pair,\n      int by)\n{\n    return 1;\n}\n\n"
        "int\nmain(void)\n{\n}\n"
    )
    assert repr(module_map("_fast", built="width")).splitlines()[3:] == [
        "+ type Pair  A pair: two.",
        "✓ width  How wide.",
        "+ main(void)",
    ]


def test_what_a_source_defines():
    entries = {each.name: each for each in PythonSource(MODULE).entries}
    assert entries["LIMIT"].kind == entries["Thing.size"].kind == "constant"
    assert entries["Thing"].kind == "class"
    twice = entries["Thing.twice"]
    assert (twice.kind, twice.first, twice.line, twice.last) == ("function", 24, 26, 30)
    assert twice.depth == 1
    code = CSource("enum { A = 1,\n  B };\nint one;\n").entries
    assert [(each.name, each.line) for each in code] == [("A", 1), ("B", 2), ("one", 3)]


@pytest.mark.parametrize(
    ("doc", "first"),
    [
        ("One. Two.", "One."),
        ("One\n  line? Two", "One line?"),
        ("In 3.11 it is so. `Two`", "In 3.11 it is so."),
        ("No stop\n\nTwo.", "No stop"),
        ("Say i.e. one; so. (Two.)", "Say i.e. one; so."),
        ("", ""),
    ],
)
def test_the_first_sentence(doc, first):
    assert first_sentence(doc) == first


def test_every_module_of_the_stack_has_a_map(monkeypatch):
    monkeypatch.undo()
    for file in listings.files():
        if name := listings.module_of(file):
            shown = module_map(name)
            assert shown.title, name
            assert shown.rows or file.stem in {"__init__", "__main__"}, name
