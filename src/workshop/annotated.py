"""The annotated source: a page for each module of the stack, and an index of them.

A page is made from the file itself, line by line, so that it is complete by
construction. Each line and each name in it has an anchor, what a chapter discusses
links to the place in the chapter, and names of other modules link to their pages.
`workshop.sphinx_ext` has Sphinx write the pages; `workshop.lines` counts what is in
them.
"""

import ast
import functools
import html
import itertools
import json
import operator
import posixpath
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pygments.token import STANDARD_TYPES

from workshop import listings, pieces
from workshop.listings import (
    Listing,
    anchor_of,
    files,
    place_of,
    reexported,
    shown_by,
    source_of,
)
from workshop.maps import code_in, first_sentence
from workshop.sources import Entry, PythonSource

FOLDER = "source"
INDEX = f"{FOLDER}/index"
TITLE = "Annotated source"

# What `workshop.listings.link_to` writes in a chapter. page.js does the same to
# outputs that are made while the reader looks on.
SOURCE_LINK = re.compile(r'href="(?:\.\./)+src/dustdevil/([^"#]+)((?:#[^"]*)?)"')


def page_of(place: str) -> str:
    """The page of a source: `source/loop/poller` of `loop/poller.py`.

    The ending of Python is left out, that of C stays: `speedups/_speedups.c`.
    """
    return f"{FOLDER}/{place.removesuffix('.py')}"


def link_to_sources(text: str, docname: str) -> str:
    """Point a chapter's links to files of the stack at the pages made of them."""
    up = "../" * docname.count("/")

    def link(found: re.Match[str]) -> str:
        return f'href="{up}{page_of(found[1])}.html{found[2]}"'

    return SOURCE_LINK.sub(link, text)


# --- what the chapters discuss -------------------------------------------------------


@dataclass(frozen=True)
class Telling:
    """The place in the book where a listing stands."""

    docname: str
    cell: str
    chapter: str
    section: str
    listing: Listing


def tellings(book: Path) -> list[Telling]:
    """Every listing in a folder of chapters, in their order."""
    return [
        telling
        for notebook in sorted(book.glob("*.ipynb"))
        for telling in _tellings_in(notebook)
    ]


def _tellings_in(notebook: Path) -> Iterator[Telling]:
    shown = {cell["id"]: asked for cell, asked in shown_by(notebook)}
    docname, chapter, section = f"book/{notebook.stem}", notebook.stem, ""
    for cell in json.loads(notebook.read_text("utf-8"))["cells"]:
        if cell["cell_type"] == "markdown":
            for sharps, words in _headings("".join(cell["source"])):
                if len(sharps) == 1:
                    chapter = _numbered(notebook.stem, words)
                else:
                    section = words
        for listing in shown.get(cell.get("id"), ()):
            yield Telling(docname, cell["id"], chapter, section, listing)


def _headings(text: str) -> list[tuple[str, str]]:
    """The headings in a cell: sharps, and words without their marks."""
    outside = re.sub(r"^```.*?^```", "", text, flags=re.MULTILINE | re.DOTALL)
    found = re.findall(r"^(#{1,4}) +(.+?) *#*$", outside, re.MULTILINE)
    return [(sharps, re.sub(r"\{\w+\}|[`*]", "", words)) for sharps, words in found]


def _numbered(stem: str, title: str) -> str:
    for piece in pieces.load():
        if piece.name == stem:
            return f"Chapter {piece.number}, {piece.title}"
    return title


def discussed(told: Iterable[Telling]) -> dict[str, frozenset[str]]:
    """The functions that the book discusses, by the file in which they stand.

    It does where a listing that asks for it has the line in which it begins.
    """
    asked: dict[str, set[int]] = defaultdict(set)
    for each in told:
        asked[each.listing.file.removeprefix("src/dustdevil/")] |= each.listing.asked
    return {
        place_of(file): frozenset(
            entry.name
            for entry in functions(file)
            if entry.line in asked[place_of(file)]
        )
        for file in files()
    }


def functions(file: Path) -> list[Entry]:
    """The functions and methods of a source."""
    return [each for each in source_of(file).entries if each.kind == "function"]


# --- names that lead elsewhere -------------------------------------------------------


class Names:
    """Which names in a module of Python lead where, as far as that is certain.

    It is for a name that is bound once in the whole module: by an import from the
    stack, or as something defined at the margin.
    """

    def __init__(self, file: Path) -> None:
        self.file, self.place = file, place_of(file)
        source = source_of(file)
        self.lines = source.lines
        self.links: dict[tuple[int, int], str] = {}
        if isinstance(source, PythonSource):
            self._read(source)

    def _read(self, source: PythonSource) -> None:
        tree = source.tree
        bound = Counter(name for node in ast.walk(tree) for name in _bound(node))
        homes: dict[str, tuple[str, str]] = {
            each.name: (self.place, anchor_of(each.name))
            for each in source.entries
            if not each.depth
        }
        for node in ast.walk(tree):
            if isinstance(node, ast.Import):
                for alias in node.names:
                    self._mark_module(alias.lineno, alias.name)
            elif isinstance(node, ast.ImportFrom) and _is_ours(node.module):
                self._mark_module(node.lineno, node.module)
                for alias in node.names:
                    if home := home_of(node.module, alias.name):
                        self._mark(alias, alias.name, *home)
                        homes[alias.asname or alias.name] = home
        for node in ast.walk(tree):
            match node:
                case ast.Name(id=name, ctx=ast.Load()) if name in homes:
                    if bound[name] == 1:
                        self._mark(node, name, *homes[name])

    def _mark(self, node: Any, name: str, place: str, anchor: str) -> None:
        line = self.lines[node.lineno - 1].encode()
        column = len(line[: node.col_offset].decode())
        if self.lines[node.lineno - 1].startswith(name, column):
            self.links[node.lineno, column] = _to(self.place, place, anchor)

    def _mark_module(self, line: int, module: str) -> None:
        """The whole of a dotted name that stands in a line once leads to a module."""
        file = module_file(module) if _is_ours(module) else None
        found = list(
            re.finditer(rf"(?<=\s){re.escape(module)}\b", self.lines[line - 1])
        )
        if file and len(found) == 1:
            link = _to(self.place, place_of(file), "")
            for column in range(*found[0].span()):
                self.links[line, column] = link


def _is_ours(module: str | None) -> bool:
    return (module or "").partition(".")[0] == "dustdevil"


def _bound(node: ast.AST) -> Iterator[str]:
    """The names that this node binds, in whichever scope."""
    match node:
        case ast.Name(id=name, ctx=ast.Store() | ast.Del()):
            yield name
        case ast.arg(arg=name):
            yield name
        case ast.alias(name=name, asname=other):
            yield other or name.partition(".")[0]
        case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name):
            yield name
        case ast.ClassDef(name=name):
            yield name
        case ast.ExceptHandler(name=str(name)) | ast.MatchAs(name=str(name)):
            yield name
        case ast.MatchStar(name=str(name)) | ast.MatchMapping(rest=str(name)):
            yield name


def module_file(dotted: str) -> Path | None:
    """The file of `dustdevil.loop.poller` or `dustdevil.loop`."""
    base = listings.package_folder().joinpath(*dotted.split(".")[1:])
    for file in (base / "__init__.py", base.with_name(f"{base.name}.py")):
        if file.is_file():
            return file
    return None


def home_of(module: str, name: str) -> tuple[str, str] | None:
    """Where a name stands that is imported from a module: the file, and the anchor."""
    file = module_file(module)
    if file is None:
        return None
    if file.name == "__init__.py" and (home := reexported(file).get(name)):
        inside = module_file(f"{module}.{home}")
        if inside and inside.name == "__init__.py":
            return home_of(f"{module}.{home}", name)
        file = inside or file
    if any(each.name == name for each in source_of(file).entries):
        return place_of(file), anchor_of(name)
    part = module_file(f"{module}.{name}")
    return (place_of(part), "") if part else None


def _to(page: str, place: str, anchor: str) -> str:
    """A link from the page of one source to a place in that of another."""
    link = f"#{anchor}" if anchor else ""
    if page == place:
        return link
    return _relative(page_of(page), f"{page_of(place)}.html") + link


def _relative(page: str, target: str) -> str:
    return posixpath.relpath(target, posixpath.dirname(page))


# --- the pages -----------------------------------------------------------------------


def rendered(file: Path) -> list[str]:
    """The lines of a source as HTML: coloured, and with links in them."""
    links = Names(file).links
    source = source_of(file)
    lines: list[list[tuple[str, str]]] = [[]]  # of each line, links and what is in them
    column = 0
    for kind, value in source.lexer.get_tokens("\n".join(source.lines)):
        for number, text in enumerate(value.split("\n")):
            if number:
                lines.append([])
                column = 0
            if text:
                link = links.get((len(lines), column), "")
                lines[-1].append((link, _piece(kind, text)))
                column += len(text)
    return [_linked(pieces) for pieces in lines[: len(source.lines)]]


def _linked(pieces: list[tuple[str, str]]) -> str:
    """A line as HTML; neighbours that lead to the same place are one link."""
    line = ""
    for link, group in itertools.groupby(pieces, operator.itemgetter(0)):
        inside = "".join(piece for _, piece in group)
        line += f'<a href="{html.escape(link)}">{inside}</a>' if link else inside
    return line


def _piece(kind: Any, text: str) -> str:
    shown, style = html.escape(text, quote=False), _style(kind)
    return f'<span class="{style}">{shown}</span>' if style else shown


@functools.cache
def _style(kind: Any) -> str:
    """The class that pygments gives to a kind of token."""
    while kind not in STANDARD_TYPES:
        kind = kind.parent
    return STANDARD_TYPES[kind]


@dataclass(frozen=True)
class Page:
    """A page for the build: its name, what the template wants, and what to search."""

    name: str
    context: dict[str, Any]
    words: list[tuple[str, str, str]]  # heading, anchor, text below it


def pages(root: Path) -> Iterator[Page]:
    """All pages of the annotated source: the index first."""
    told = tellings(root / "book")
    spoken = discussed(told)
    by_file: dict[str, list[Telling]] = defaultdict(list)
    for telling in told:
        by_file[telling.listing.file.removeprefix("src/dustdevil/")].append(telling)
    order = in_order(files())
    names = [INDEX, *(page_of(place_of(file)) for file in order)]
    titles = [TITLE, *(place_of(file) for file in order)]
    made = [
        _index_page(order, spoken),
        *(_source_page(file, by_file[place_of(file)], spoken) for file in order),
    ]
    for number, page in enumerate(made):
        turn = {}
        for key, other in (("prev", number - 1), ("next", number + 1)):
            if 0 <= other < len(names):
                link = _relative(names[number], f"{names[other]}.html")
                turn[key] = {"link": link, "title": titles[other]}
        yield Page(page.name, turn | page.context, page.words)


def in_order(sources: list[Path]) -> list[Path]:
    """The sources from the ground up, as the layers of the stack are."""
    layers = pieces.layers()

    def rank(file: Path) -> tuple:
        place = place_of(file)
        top = place.partition("/")[0].removesuffix(".py")
        height = (
            layers.index(top)
            if top in layers
            else (len(layers) * (top == "__main__") - (top == "__init__"))
        )
        return height, top, not place.endswith("__init__.py"), place

    return sorted(sources, key=rank)


def _source_page(file: Path, told: list[Telling], spoken: dict) -> Page:
    place, source = place_of(file), source_of(file)
    entries = source.entries
    says = first_sentence(source.doc)
    some = f"{len(source.lines):,} lines"
    if count := len(functions(file)):
        some += f"; the book discusses {len(spoken[place])} of its {count} functions"
        some = some.replace("of its 1 functions", "of its one function")
    body = (
        f"<h1><code>{_breakable(place)}</code></h1>"
        f"<p>{code_in(says)}</p>"
        f'<p class="source-facts">{some}.</p>'
        f"{_code(file, entries, told)}"
    )
    outline = [each for each in entries if each.kind != "constant"]
    context = {
        "title": place,
        "body": body,
        "description": says,
        "display_toc": bool(outline),
        "toc": _outline(outline),
    }
    words = [(place, "", says)]
    for entry in outline:
        words.append((entry.name, anchor_of(entry.name), first_sentence(entry.says)))
    return Page(page_of(place), context, words)


def lines_in_page(file: Path) -> int:
    """How many lines of a source its page has, with the text that they have there."""
    texts = [
        html.unescape(re.sub(r"<[^>]*>", "", line)).rstrip() for line in rendered(file)
    ]
    return sum(map(operator.eq, texts, source_of(file).lines))


def _breakable(place: str) -> str:
    return html.escape(place).replace("/", "/<wbr>")


def _code(file: Path, entries: list[Entry], told: list[Telling]) -> str:
    """The source: a number, anchors and, above what a chapter discusses, the link."""
    anchors: dict[int, list[str]] = defaultdict(list)
    for entry in entries:
        anchors[entry.line].append(anchor_of(entry.name))
    notes = _notes(file, entries, told)
    lines = []
    for number, line in enumerate(rendered(file), 1):
        if number in notes:
            lines.append(_note(notes[number]))
        # The line stands in its anchor: the search shows what an anchor holds.
        for anchor in anchors[number]:
            line = f'<span id="{html.escape(anchor)}">{line}</span>'
        lines.append(
            f'<a class="line-number" id="L{number}" href="#L{number}" tabindex="-1" '
            f'aria-label="Line {number}" data-n="{number}"></a>{line}\n'
        )
    return (
        '<div class="annotated-source highlight">'
        f'<pre tabindex="0">{"".join(lines)}</pre></div>'
    )


def _notes(
    file: Path, entries: list[Entry], told: list[Telling]
) -> dict[int, list[str]]:
    """Links to chapters, by the line above which they stand."""
    first = {anchor_of(entry.name): entry.first for entry in entries}
    notes: dict[int, list[str]] = defaultdict(list)
    page = page_of(place_of(file))
    for telling in told:
        target = _relative(page, f"{telling.docname}.html#{telling.cell}")
        words = telling.chapter + (f": {telling.section}" if telling.section else "")
        link = f'<a href="{target}">{html.escape(words, quote=False)}</a>'
        for _, anchor in telling.listing.names:
            line = first.get(anchor) or int(anchor.removeprefix("L"))
            if link not in notes[line]:
                notes[line].append(link)
    return notes


def _note(links: list[str]) -> str:
    """A line that belongs to the page and not to the source: no copy has it."""
    return f'<span class="told" data-no-copy>{"; ".join(links)}</span>'


def _outline(entries: list[Entry]) -> str:
    """`On this page`: classes and functions, methods below their class."""
    items = "".join(
        f'<li class="depth-{min(entry.depth, 2)}">'
        f'<a href="#{html.escape(anchor_of(entry.name))}">'
        f"<code>{html.escape(entry.name.rpartition('.')[2])}</code></a></li>"
        for entry in entries
    )
    return f'<ul class="source-outline">{items}</ul>'


def _index_page(order: list[Path], spoken: dict[str, frozenset[str]]) -> Page:
    rows, lines, said, all_functions = [], 0, 0, 0
    for file in order:
        place, source = place_of(file), source_of(file)
        some, count = len(spoken[place]), len(functions(file))
        lines += len(source.lines)
        said += some
        all_functions += count
        inside = " class='inside'" if "/" in place and not _is_door(place) else ""
        link = f'<a href="{_relative(INDEX, page_of(place))}.html">'
        rows.append(
            f"<tr{inside}><th scope='row'>{link}<code>{_breakable(place)}</code></a>"
            f"<span>{code_in(first_sentence(source.doc))}</span></th>"
            f"<td>{len(source.lines):,}</td>"
            f"<td>{f'{some} of {count}' if count else '–'}</td></tr>"
        )
    body = (
        f"<h1>{TITLE}</h1>"
        "<p>This is the whole server, every line of it, in the order in which it is "
        "built: a module imports only from those further up. A chapter shows the parts "
        "that it discusses. On a module’s page, a note above a definition leads to the "
        "chapter that discusses it.</p>"
        '<div class="table-scroll"><table class="source-index"><thead><tr>'
        '<th scope="col">Module</th><th scope="col">Lines</th>'
        '<th scope="col">Functions a chapter discusses</th></tr></thead>'
        f"<tbody>{''.join(rows)}<tr><th scope='row'>All {len(order)} modules</th>"
        f"<td>{lines:,}</td><td>{said} of {all_functions}</td></tr></tbody>"
        "</table></div>"
    )
    context = {"title": TITLE, "body": body, "display_toc": False, "toc": ""}
    words = [(TITLE, "", "All modules of the server, line by line.")]
    return Page(INDEX, context, words)


def _is_door(place: str) -> bool:
    return place.endswith("__init__.py")
