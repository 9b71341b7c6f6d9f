"""Listings: the real source of `dustdevil`, printed in a chapter and never retyped.

`show("routing.Router.match")` reads the file, cuts out the lines of that name and
displays them. A chapter stores that output. When the source changes, the stored
listing no longer equals the new one and the notebook's test fails, so that text and
code cannot drift apart.

The same names tell which lines the whole book has printed: `workshop lines` reads
every `show(...)` call in the notebooks, without running them, and counts.
"""

import argparse
import ast
import functools
import html
import importlib.util
import io
import json
import pathlib
import re
import tokenize
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from pygments import highlight
from pygments.formatters import HtmlFormatter
from pygments.lexers import PythonLexer

GAP = "⋮"
PARTS = ("doc", "imports", "constants", "top", "head")

_DEFINITIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)


@dataclass(frozen=True)
class Listing:
    """Lines of one source file, with the name under which a chapter asked for them.

    `lines` are (number, text) pairs, numbers from 1. Where numbers jump, lines were
    left out, and the display puts a `⋮`.
    """

    file: str
    name: str
    lines: tuple[tuple[int, str], ...]

    @property
    def caption(self) -> str:
        """The file, the name in it, and the line numbers shown."""
        first, last = self.lines[0][0], self.lines[-1][0]
        span = f"line {first}" if first == last else f"lines {first}–{last}"
        name = f" · {self.name}" if self.name else ""
        return f"{self.file}{name} · {span}"

    @property
    def source(self) -> str:
        """The lines as text, moved to the left margin, gaps marked."""
        indent = min(_indent(text) for _, text in self.lines if text)
        pieces, before = [], self.lines[0][0] - 1
        for number, text in self.lines:
            if number != before + 1:
                pieces.append(" " * (_indent(text) - indent) + GAP)
            pieces.append(text[indent:])
            before = number
        return "\n".join(pieces)

    def __repr__(self) -> str:
        return f"# {self.caption}\n{self.source}"

    def _repr_html_(self) -> str:
        return (
            '<figure class="dd-listing">'
            f"<figcaption>{html.escape(self.caption)}</figcaption>"
            f"{highlighted(self.source)}</figure>"
        )


@dataclass(frozen=True)
class Listings:
    """Several listings under one cell."""

    parts: tuple[Listing, ...]

    def __repr__(self) -> str:
        return "\n\n".join(map(repr, self.parts))

    def _repr_html_(self) -> str:
        return "".join(part._repr_html_() for part in self.parts)


def highlighted(code: str) -> str:
    """`code` as HTML with pygments' classes, so that the page's theme colours it."""
    inner = highlight(code, PythonLexer(stripnl=False), HtmlFormatter(nowrap=True))
    return f'<div class="highlight"><pre tabindex="0">{inner}</pre></div>'


def show(*names: str, only: str | None = None) -> Listing | Listings:
    """The source of `names`, each `module`, `module.name` or `module.Class.name`.

    A name is a class, a function, a method or an assigned constant. `only` narrows:

    - of a class, `"head"`: everything except its methods;
    - of a function, `"head"`: signature and docstring;
    - of a module, `"doc"`, `"imports"`, `"constants"` (what else stands outside
      classes and functions) or `"top"` (these three together).

    Raises LookupError for a name that the source does not have.
    """
    parts = tuple(select(name, only) for name in names)
    return parts[0] if len(parts) == 1 else Listings(parts)


def select(name: str, only: str | None = None) -> Listing:
    """The listing that `show(name, only=only)` displays."""
    if only not in (None, *PARTS):
        raise LookupError(f"only={only!r}: it is one of {', '.join(PARTS)}")
    module, *path = name.split(".")
    source = _source(module)
    node = source.find(path)
    numbers = source.part(node, only) if only else source.span(node)
    lines = tuple(
        (number, source.lines[number - 1]) for number in _trim(numbers, source.lines)
    )
    if not lines:
        raise LookupError(f"{name} has no {only}")
    label = ".".join(path) + (f" ({only})" if only else "")
    return Listing(f"src/dustdevil/{module}.py", label.strip(), lines)


class _Source:
    """One parsed source file and the line numbers of its parts."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.lines = [line.rstrip() for line in text.splitlines()]
        self.tree = ast.parse(text)

    def find(self, path: list[str]) -> ast.AST:
        """The node that the dotted `path` names; the module for an empty path."""
        node: ast.AST = self.tree
        for depth, name in enumerate(path):
            for child in _statements(node):
                if name in _names(child):
                    node = child
                    break
            else:
                raise LookupError(f"no {'.'.join(path[: depth + 1])} in the source")
        return node

    def span(self, node: ast.AST) -> list[int]:
        """All lines of `node`, its decorators and the comment right above it."""
        if isinstance(node, ast.Module):
            return list(range(1, len(self.lines) + 1))
        first = min(
            [node.lineno, *(d.lineno for d in getattr(node, "decorator_list", ()))]
        )
        while first > 1 and self.lines[first - 2].lstrip().startswith("#"):
            first -= 1
        return list(range(first, node.end_lineno + 1))

    def part(self, node: ast.AST, only: str) -> list[int]:
        """The lines of `node` that `only` asks for."""
        if isinstance(node, _FUNCTIONS):
            if only != "head":
                raise LookupError(f"a function has no part {only!r}")
            return self._function_head(node)
        if isinstance(node, ast.ClassDef) and only != "head":
            raise LookupError(f"a class has no part {only!r}")
        inner = _FUNCTIONS if isinstance(node, ast.ClassDef) else _DEFINITIONS
        hidden = {
            line
            for child in _statements(node)
            if isinstance(child, inner)
            for line in self.span(child)
        }
        outside = [line for line in self.span(node) if line not in hidden]
        if only in ("head", "top"):
            return outside
        doc = self._docstring(node)
        imports = {
            line
            for child in _statements(node)
            if isinstance(child, ast.Import | ast.ImportFrom)
            for line in range(child.lineno, child.end_lineno + 1)
        }
        if only == "doc":
            return sorted(doc)
        if only == "imports":
            return _with_blanks(imports, self.lines)
        return [line for line in outside if line not in doc | imports]

    def _docstring(self, node: ast.AST) -> set[int]:
        if ast.get_docstring(node) is None:
            return set()
        string = node.body[0]
        return set(range(string.lineno, string.end_lineno + 1))

    def _function_head(self, node: ast.AST) -> list[int]:
        body = node.body[0]
        has_doc = ast.get_docstring(node) is not None
        end = body.end_lineno if has_doc else body.lineno - 1
        return [line for line in self.span(node) if line <= end]


def _statements(node: ast.AST) -> Iterator[ast.AST]:
    """The statements of a body, looking through `if`, `try` and `with`."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.If | ast.Try | ast.With | ast.ExceptHandler):
            yield from _statements(child)
        elif isinstance(child, ast.stmt):
            yield child


def _names(node: ast.AST) -> set[str]:
    """The names that a statement binds."""
    if isinstance(node, _DEFINITIONS):
        return {node.name}
    if isinstance(node, ast.AnnAssign | ast.AugAssign):
        targets = [node.target]
    else:
        targets = getattr(node, "targets", [])
    return {
        leaf.id
        for target in targets
        for leaf in ast.walk(target)
        if isinstance(leaf, ast.Name)
    }


def _indent(text: str) -> int:
    return len(text) - len(text.lstrip())


def _with_blanks(numbers: set[int], lines: list[str]) -> list[int]:
    """`numbers`, with the blank lines that separate them."""
    if not numbers:
        return []
    span = range(min(numbers), max(numbers) + 1)
    return [n for n in span if n in numbers or not lines[n - 1]]


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


def package_folder() -> pathlib.Path:
    """The folder of the reference `dustdevil`, whatever overlay is installed."""
    spec = importlib.util.find_spec("dustdevil")
    if spec is None or spec.origin is None:
        raise LookupError("the package dustdevil is not installed")
    return pathlib.Path(spec.origin).parent


@functools.cache
def _parsed(path: pathlib.Path, changed: int) -> _Source:
    return _Source(path.read_text(encoding="utf-8"))


def _source(module: str) -> _Source:
    path = package_folder() / f"{module}.py"
    if not path.is_file():
        raise LookupError(f"dustdevil has no module {module!r}")
    return _parsed(path, path.stat().st_mtime_ns)


# --- what the book has shown -----------------------------------------------------


@dataclass(frozen=True)
class Coverage:
    """The code lines of one module, and those that some chapter shows."""

    module: str
    code: frozenset[int]
    shown: frozenset[int]

    @property
    def missing(self) -> list[int]:
        """Code lines that no chapter shows."""
        return sorted(self.code - self.shown)

    @property
    def share(self) -> float:
        """Shown code lines over all code lines, 0 to 1."""
        return len(self.code & self.shown) / len(self.code) if self.code else 1.0


def code_lines(text: str) -> frozenset[int]:
    """The lines that hold code or a docstring; blank and comment lines don't count."""
    skip = {
        tokenize.COMMENT,
        tokenize.NL,
        tokenize.NEWLINE,
        tokenize.INDENT,
        tokenize.DEDENT,
        tokenize.ENCODING,
        tokenize.ENDMARKER,
    }
    found: set[int] = set()
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type not in skip:
            found.update(range(token.start[0], token.end[0] + 1))
    blank = {n for n, line in enumerate(text.splitlines(), 1) if not line.strip()}
    return frozenset(found - blank)


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
            asked += [select(name, **words) for name in names]
        if asked:
            yield cell, asked


def coverage(notebooks: Iterable[pathlib.Path]) -> list[Coverage]:
    """For every module of the stack, which of its code lines the notebooks show."""
    shown: dict[str, set[int]] = {}
    for notebook in notebooks:
        for _, listings in shown_by(notebook):
            for listing in listings:
                numbers = {number for number, _ in listing.lines}
                shown.setdefault(pathlib.Path(listing.file).stem, set()).update(numbers)
    return [
        Coverage(
            path.stem,
            code_lines(path.read_text(encoding="utf-8")),
            frozenset(shown.get(path.stem, ())),
        )
        for path in sorted(package_folder().glob("*.py"))
    ]


def ranges(numbers: list[int]) -> str:
    """Line numbers as text: `[3, 4, 5, 9]` is `3–5, 9`."""
    runs: list[list[int]] = []
    for number in numbers:
        if runs and number == runs[-1][1] + 1:
            runs[-1][1] = number
        else:
            runs.append([number, number])
    return ", ".join(str(a) if a == b else f"{a}–{b}" for a, b in runs)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of `workshop lines`."""
    parser.add_argument("book", nargs="?", default="book", help="folder of chapters")
    parser.add_argument("--missing", action="store_true", help="list unshown lines")
    parser.add_argument("--module", action="append", help="only these; must be whole")


def run(args: argparse.Namespace) -> int:
    """Print the share shown, by module; 1 if a module of `--module` has a gap."""
    rows = coverage(sorted(pathlib.Path(args.book).glob("*.ipynb")))
    if args.module:
        rows = [row for row in rows if row.module in args.module]
    for row in rows:
        count = f"{len(row.code & row.shown)}/{len(row.code)}"
        print(f"{row.module:14}{count:>10}{row.share:8.0%}")
        if row.missing and (args.missing or args.module):
            print(f"{'':14}not shown: {ranges(row.missing)}")
    code = sum(len(row.code) for row in rows)
    shown = sum(len(row.code & row.shown) for row in rows)
    print(f"{'all':14}{f'{shown}/{code}':>10}{shown / max(code, 1):8.0%}")
    return int(bool(args.module) and any(row.missing for row in rows))
