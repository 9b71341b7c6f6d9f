"""Listings: the real source of `dustdevil`, printed in a chapter and never retyped.

`show("loop.Loop.turn")` reads the file in which that name stands, cuts out its lines
and displays them. A chapter stores that output. When the source changes, the stored
listing no longer equals the new one and the notebook's test fails, so that text and
code cannot drift apart.

The same names tell what the whole book discusses: `shown_by` reads every `show(...)`
call of a notebook, without running it.
"""

import ast
import functools
import html
import importlib.util
import json
import pathlib
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from pygments import highlight
from pygments.formatters import HtmlFormatter
from pygments.lexer import Lexer

from workshop.sources import LANGUAGES, CSource, PythonSource

GAP = "…"
PARTS = ("doc", "imports", "constants", "top", "head")

# From a chapter's folder to the sources. Where that is from a page, and that a page of
# the annotated source takes the file's place there, the build and page.js know.
TO_SOURCES = "../src/dustdevil/"


@dataclass(frozen=True)
class Asked:
    """What one name asks for: lines of a file, and the lines that open its classes."""

    file: pathlib.Path
    path: tuple[str, ...]
    only: str | None
    lines: tuple[int, ...]
    around: tuple[int, ...]

    @property
    def label(self) -> str:
        """What a caption calls it."""
        return (".".join(self.path) + (f" ({self.only})" if self.only else "")).strip()

    @property
    def anchor(self) -> str:
        """Its place in the page of the annotated source."""
        return anchor_of(".".join(self.path)) or f"L{self.lines[0]}"


@dataclass(frozen=True)
class Listing:
    """Lines of one source file, in the order of the file, with what was asked for.

    `asked` are the line numbers, from 1, of what the names stand for. `lines` are all
    that are shown, as (number, text): those, and the lines that open the classes in
    which they stand. `source` is the display, with a `…` for each stretch left out.
    """

    file: str
    names: tuple[tuple[str, str], ...]
    asked: frozenset[int]
    lines: tuple[tuple[int, str], ...]
    source: str

    @property
    def caption(self) -> str:
        """The file, the names in it, and the line numbers shown."""
        names = ", ".join(label for label, _ in self.names if label)
        return " · ".join(filter(None, [self.file, names, self._span]))

    @property
    def _span(self) -> str:
        kept = [
            number for number, text in self.lines if number in self.asked or not text
        ]
        numbers = ranges(kept)
        return f"{'line' if numbers.isdecimal() else 'lines'} {numbers}"

    def __repr__(self) -> str:
        return f"# {self.caption}\n{self.source}"

    def _repr_html_(self) -> str:
        place = self.file.removeprefix("src/dustdevil/")
        names = [link_to(place, anchor, label) for label, anchor in self.names if label]
        top = link_to(place, "" if names else self.names[0][1], self.file)
        caption = " · ".join(filter(None, [top, ", ".join(names), self._span]))
        lexer = LANGUAGES[pathlib.Path(self.file).suffix].lexer
        return (
            f'<figure class="dd-listing"><figcaption>{caption}</figcaption>'
            f"{highlighted(self.source, lexer)}</figure>"
        )


@dataclass(frozen=True)
class Listings:
    """Several listings under one cell."""

    parts: tuple[Listing, ...]

    def __repr__(self) -> str:
        return "\n\n".join(map(repr, self.parts))

    def _repr_html_(self) -> str:
        return "".join(part._repr_html_() for part in self.parts)


def anchor_of(name: str) -> str:
    """The anchor of a name in the annotated source: itself, unless a page has that."""
    return f"{name}()" if name == "main" else name


def link_to(place: str, anchor: str, text: str) -> str:
    """A link to a source, `loop/poller.py`, and to a name in it."""
    target = f"{TO_SOURCES}{place}{anchor and '#'}{anchor}"
    return f'<a href="{html.escape(target)}">{html.escape(text)}</a>'


def highlighted(code: str, lexer: Lexer = PythonSource.lexer) -> str:
    """`code` as HTML with pygments' classes, so that the page's theme colours it."""
    inner = highlight(code, lexer, HtmlFormatter(nowrap=True))
    # No language has this sign: pygments takes it for a mistake.
    inner = inner.replace(f'<span class="err">{GAP}</span>', GAP)
    return f'<div class="highlight"><pre tabindex="0">{inner}</pre></div>'


def show(*names: str, only: str | None = None) -> Listing | Listings:
    """The source of `names`: a module, or what stands in it.

    `loop.poller` is a module of a package, and `loop.poller.EpollPoller.poll` a method
    in it. What a package has in its face needs no module: `loop.Loop.turn`. A name is
    a class, a function, a method or an assigned constant; in C a function, a type, a
    variable or a macro. `only` narrows:

    - of a class, `"head"`: everything except its methods;
    - of a function, `"head"`: signature and docstring;
    - of a module, `"doc"` (in C: the first comment), `"imports"`, `"constants"` (what
      else stands outside classes and functions) or `"top"` (these three together).

    Lines are shown in place: indented as they are, below the line that opens their
    class, with `…` for what is left out. Names of the same module make one listing, in
    the order of the file.

    Raises LookupError for a name that the source does not have.
    """
    parts = tuple(select_all(names, only))
    return parts[0] if len(parts) == 1 else Listings(parts)


def select_all(names: Iterable[str], only: str | None = None) -> list[Listing]:
    """The listings that `show(*names, only=only)` displays, one for each module."""
    asked: dict[pathlib.Path, list[Asked]] = {}
    for name in names:
        each = ask(name, only)
        asked.setdefault(each.file, []).append(each)
    return [_listing(parts) for parts in asked.values()]


def select(name: str, only: str | None = None) -> Listing:
    """The listing that `show(name, only=only)` displays."""
    return select_all([name], only)[0]


def ask(name: str, only: str | None = None) -> Asked:
    """What `name` stands for; raises LookupError where the source does not have it."""
    if only not in (None, *PARTS):
        raise LookupError(f"only={only!r}: it is one of {', '.join(PARTS)}")
    file, path = _find(name.split("."))
    source = source_of(file)
    node = source.find(path)
    numbers = source.part(node, only) if only else source.span(node)
    lines = _trim(numbers, source.lines)
    if not lines:
        raise LookupError(f"{name} has no {only}")
    return Asked(file, tuple(path), only, tuple(lines), tuple(source.around(path)))


def _listing(parts: list[Asked]) -> Listing:
    """One listing of all that was asked of one file."""
    parts = sorted(parts, key=lambda each: each.lines)
    source = source_of(parts[0].file)
    asked = {number for each in parts for number in each.lines}
    around = {number for each in parts for number in each.around}
    numbers = _with_blanks_between(asked | around, source.lines)
    return Listing(
        f"src/dustdevil/{place_of(parts[0].file)}",
        tuple((each.label, each.anchor) for each in parts),
        frozenset(asked),
        tuple((number, source.lines[number - 1]) for number in numbers),
        "\n".join(_display(numbers, source)),
    )


def _with_blanks_between(numbers: set[int], lines: list[str]) -> list[int]:
    """The numbers in order; where only blank lines separate two, these as well."""
    shown: list[int] = []
    for number in sorted(numbers):
        between = range(shown[-1] + 1, number) if shown else range(0)
        if not any(lines[n - 1] for n in between):
            shown += between
        shown.append(number)
    return shown


def _display(numbers: list[int], source: PythonSource | CSource) -> Iterator[str]:
    """The lines as text, a `…` in each gap, indented as what it stands for.

    A blank line beside a gap stays, so that the listing breathes as the source does.
    """
    lines, before = source.lines, numbers[0] - 1
    for number in numbers:
        if number != before + 1:
            yield from _gap(lines[before : number - 1])
        yield lines[number - 1]
        before = number
    if source.goes_on(before):
        yield from _gap(lines[before:], at_end=True)


def _gap(left_out: list[str], at_end: bool = False) -> Iterator[str]:
    first = next(line for line in left_out if line)
    if not left_out[0]:
        yield ""
    yield " " * (len(first) - len(first.lstrip())) + GAP
    if not (left_out[-1] or at_end):
        yield ""


def _trim(numbers: Iterable[int], lines: list[str]) -> list[int]:
    """Drop the blank lines at both ends and beside gaps."""
    kept: list[int] = []
    for number in numbers:
        adjoins = bool(kept) and number == kept[-1] + 1
        if not adjoins:
            _drop_blank_end(kept, lines)
        if lines[number - 1] or adjoins:
            kept.append(number)
    _drop_blank_end(kept, lines)
    return kept


def _drop_blank_end(kept: list[int], lines: list[str]) -> None:
    while kept and not lines[kept[-1] - 1]:
        kept.pop()


@functools.cache
def package_folder() -> pathlib.Path:
    """The folder of the reference `dustdevil`, whatever overlay is installed."""
    spec = importlib.util.find_spec("dustdevil")
    if spec is None or spec.origin is None:
        raise LookupError("the package dustdevil is not installed")
    return pathlib.Path(spec.origin).parent


def _find(names: list[str]) -> tuple[pathlib.Path, list[str]]:
    """The file that a dotted name begins with, and what is left of the name."""
    folder, (first, *rest) = package_folder(), names
    if (folder / first).is_dir():
        folder /= first
        module = rest[0] if rest else "__init__"
        if module in (homes := reexported(folder / "__init__.py")):
            return folder / f"{homes[module]}.py", rest
        first, rest = module, rest[1:]
    for ending in LANGUAGES:
        if (file := folder / f"{first}{ending}").is_file():
            return file, rest
    raise LookupError(f"dustdevil has no {'.'.join(names)}")


def reexported(file: pathlib.Path) -> dict[str, str]:
    """In which module of a package each name of its face stands."""
    for node in ast.parse(file.read_text(encoding="utf-8")).body:
        match node:
            case ast.Assign([ast.Name("HOMES")], ast.Call(keywords=homes)):
                names = {str(k.arg): ast.literal_eval(k.value) for k in homes}
                return {name: home for home in names for name in names[home].split()}
    return {}


def files() -> list[pathlib.Path]:
    """The sources of the stack, in Python and in C."""
    return sorted(f for f in package_folder().rglob("*") if f.suffix in LANGUAGES)


def place_of(file: pathlib.Path) -> str:
    """A file as seen from the package's folder: `loop/poller.py`."""
    return file.relative_to(package_folder()).as_posix()


def module_of(file: pathlib.Path) -> str:
    """The dotted name of a source: `loop.poller`; a package's is its folder's."""
    parts = file.relative_to(package_folder()).with_suffix("").parts
    return ".".join(part for part in parts if part != "__init__")


def source_of(file: pathlib.Path) -> PythonSource | CSource:
    """A source as it is now."""
    return _parsed(file, file.stat().st_mtime_ns)


@functools.cache
def _parsed(file: pathlib.Path, changed: int) -> PythonSource | CSource:
    return LANGUAGES[file.suffix](file.read_text(encoding="utf-8"))


# --- what the book shows -----------------------------------------------------------


def calls_of(function: str, source: str) -> Iterator[tuple[tuple, dict]]:
    """Arguments of every call of `function` in a cell, where they are literals.

    Raises ValueError for an argument that is not a literal in the cases where the
    book's tools have to read it without running the cell.
    """
    python = re.sub(r"^(\s*)[%!].*$", r"\1pass", source, flags=re.MULTILINE)
    for node in ast.walk(ast.parse(python)):
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") == function:
            yield (
                tuple(_literal(arg) for arg in node.args),
                {word.arg: _literal(word.value) for word in node.keywords},
            )


def _literal(node: ast.AST) -> object:
    """The value of a literal, or the node itself."""
    try:
        return ast.literal_eval(node)
    except ValueError:
        return node


def shown_by(notebook: pathlib.Path) -> Iterator[tuple[dict, list[Listing]]]:
    """Each code cell of a notebook that calls `show`, with the listings it asks for."""
    cells = json.loads(notebook.read_text(encoding="utf-8"))["cells"]
    for cell in cells:
        source = "".join(cell["source"])
        if cell["cell_type"] != "code" or "show(" not in source:
            continue
        asked = []
        for names, words in calls_of("show", source):
            if not all(isinstance(name, str) for name in (*names, *words.values())):
                raise ValueError(f"{notebook.name}: show() takes literal names")
            asked += select_all(names, **words)
        if asked:
            yield cell, asked


def ranges(numbers: list[int]) -> str:
    """Line numbers as text: `[3, 4, 5, 9]` is `3–5, 9`."""
    runs: list[list[int]] = []
    for number in numbers:
        if runs and number == runs[-1][1] + 1:
            runs[-1][1] = number
        else:
            runs.append([number, number])
    return ", ".join(str(a) if a == b else f"{a}–{b}" for a, b in runs)
