"""Maps of modules: what stands in one, a line each, made from the source.

`module_map("loop.eventloop", built="Loop.watch Loop.turn", aside="Loop.close")` opens
the part of a chapter that tells of the real thing. The reader sees what is built
already, what is new, and what can be left out.
"""

import html
import re
import textwrap
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from workshop import listings
from workshop.listings import anchor_of, link_to, place_of, source_of
from workshop.sources import Entry

# How a row is marked: the sign in a terminal, and the words.
MARKS = {
    "built": ("✓", "you built this"),
    "new": ("+", "new"),
    "aside": ("·", "not needed to understand it"),
}
WIDTH = 88


@dataclass(frozen=True)
class Row:
    """A line of a map: a name, what follows it, what it is for, and its mark."""

    name: str
    form: str
    says: str
    mark: str
    depth: int
    place: str
    anchor: str
    is_class: bool = False

    @property
    def shown(self) -> str:
        """The name as a reader of its surroundings sees it."""
        return f"{self.kind}{self.own}{self.form}"

    @property
    def own(self) -> str:
        """The name without those of what it stands in."""
        return self.name.rpartition(".")[2]

    @property
    def kind(self) -> str:
        """The word before a class's name."""
        if not self.is_class:
            return ""
        return "class " if self.place.endswith(".py") else "type "


@dataclass(frozen=True)
class ModuleMap:
    """What a cell displays for `module_map`: HTML in the pages, text in a terminal."""

    place: str
    title: str
    rows: tuple[Row, ...]

    @property
    def file(self) -> str:
        """The module, or the package's folder, as a path in the repository."""
        return f"src/dustdevil/{self.place.removesuffix('__init__.py')}"

    @property
    def _marks(self) -> list[str]:
        """The marks in use; where nothing was marked, none."""
        used = {row.mark for row in self.rows}
        return [mark for mark in MARKS if mark in used] if used - {"new", ""} else []

    def __repr__(self) -> str:
        marks = self._marks
        words = "   ".join(" ".join(MARKS[mark]) for mark in marks)
        head = textwrap.wrap(f"{self.file}: {self.title}", WIDTH)
        return "\n".join([*head, *([words] if words else []), "", *self._lines(marks)])

    def _lines(self, marks: list[str]) -> Iterator[str]:
        for row in self.rows:
            sign = MARKS[row.mark][0] if row.mark in marks else " "
            begin = f"{sign} {'    ' * row.depth}{row.shown}"
            indent = " " * (6 + 4 * row.depth)
            if not row.says:
                yield begin
            elif len(begin) + 2 + len(row.says) <= WIDTH:
                yield f"{begin}  {row.says}"
            else:
                yield begin
                yield from textwrap.wrap(
                    row.says, WIDTH, initial_indent=indent, subsequent_indent=indent
                )

    def _repr_html_(self) -> str:
        marks = self._marks
        keys = "".join(
            f"<li><b>{sign}</b> {words}</li>"
            for sign, words in (MARKS[mark] for mark in marks)
        )
        keys = f'<ul class="dd-keys">{keys}</ul>' if keys else ""
        rows = "".join(self._row(row, marks) for row in self.rows)
        return (
            '<figure class="dd-map"><figcaption>'
            f"{link_to(self.place, '', self.file)}<span>{code_in(self.title)}</span>"
            f'</figcaption>{keys}<ul class="dd-rows">{rows}</ul></figure>'
        )

    def _row(self, row: Row, marks: list[str]) -> str:
        mark = ""
        if row.mark in marks:
            sign, words = MARKS[row.mark]
            mark = (
                f'<span class="dd-mark"><b aria-hidden="true">{sign}</b>'
                f'<span class="visually-hidden"> {words}: </span></span>'
            )
        link = link_to(row.place, row.anchor, row.own)
        name = f"{mark}<code>{row.kind}{link}{html.escape(row.form)}</code>"
        says = f" <span>{code_in(row.says)}</span>" if row.says else ""
        classes = f"dd-{row.mark or 'mixed'}{' dd-inner' if row.depth else ''}"
        return f'<li class="{classes}">{name}{says}</li>'


def module_map(name: str, *, built: str = "", aside: str = "") -> ModuleMap:
    """A map of the module or package `name`, such as `loop.eventloop` or `loop`.

    A module's classes, methods and functions stand in the order of the file, each with
    its docstring's first sentence; a package's modules likewise. `built` and `aside`
    are names in it, with blanks between them: what the reader has built, and what is
    not needed to understand it. A class there stands for its methods too, less those
    that are named themselves. Everything else is new.

    Raises LookupError for a name that the source does not have, and ValueError for one
    that is in both.
    """
    named = dict.fromkeys(built.split(), "built")
    for each in aside.split():
        if named.setdefault(each, "aside") != "aside":
            raise ValueError(f"{each} is in `built` and in `aside`")
    asked = listings.ask(name)
    if asked.path:
        raise LookupError(f"{name} is no module and no package")
    place, doc = place_of(asked.file), source_of(asked.file).doc
    package = place.endswith("__init__.py")
    rows = _modules(asked.file.parent) if package else _definitions(asked.file)
    rows = tuple(_marked(rows, named))
    if unknown := set(named) - {row.name for row in rows}:
        raise LookupError(f"{name} has no {', '.join(sorted(unknown))}")
    return ModuleMap(place, first_sentence(doc), rows)


def _modules(folder: Path) -> list[Row]:
    return [
        Row(
            file.stem,
            "",
            first_sentence(source_of(file).doc),
            "",
            0,
            place_of(file),
            "",
        )
        for file in listings.files()
        if file.parent == folder and file.stem != "__init__"
    ]


def _definitions(file: Path) -> list[Row]:
    return [_row_of(entry, place_of(file)) for entry in mapped(file)]


def mapped(file: Path) -> list[Entry]:
    """What a map of a module has: everything with a name, less the constants."""
    return [each for each in source_of(file).entries if each.kind != "constant"]


def _row_of(entry: Entry, place: str) -> Row:
    is_class = entry.kind == "class"
    says = first_sentence(entry.says)
    form = entry.form if is_class or not says else ""
    name = entry.name
    anchor = anchor_of(name)
    return Row(name, form, says, "", entry.depth, place, anchor, is_class)


def _marked(rows: Iterable[Row], named: dict[str, str]) -> Iterator[Row]:
    """The rows with their marks: one's own, or that of what it stands in.

    A class that is not named and of which some methods are has none: they say it.
    """
    for row in rows:
        name, mark = row.name, named.get(row.name, "")
        while not mark and "." in name:
            name = name.rpartition(".")[0]
            mark = named.get(name, "")
        mixed = any(each.startswith(f"{row.name}.") for each in named)
        mark = mark or ("" if mixed else "new")
        yield replace(row, mark=mark)


def first_sentence(doc: str) -> str:
    """The first sentence of a docstring, in one line."""
    text = " ".join(doc.partition("\n\n")[0].split())
    return re.match(r"(.+?(?<!i\.e)(?<!e\.g)[.!?])(?=\s+[A-Z`\"(]|$)|.*", text)[0]


def code_in(text: str) -> str:
    """Text as HTML: what is between backquotes is code."""
    return re.sub(r"`([^`]+)`", r"<code>\1</code>", html.escape(text, quote=False))
