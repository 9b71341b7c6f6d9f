"""Sources of `dustdevil`, in Python and in C, and which lines belong to what in them.

A source finds a node by its name and says which lines it has: all of them (`span`) or
those of a part (`part`). What a node is, the source alone knows. Both languages have
the same parts: a module its `doc`, `imports`, `constants` (what else stands outside
classes and functions) and `top`, these three together; a function its `head`. `entries`
lists what is defined in it, in the order of the file.
"""

import ast
import functools
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from pygments.lexers import CLexer, PythonLexer

_DEFINITIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)


@dataclass(frozen=True)
class Entry:
    """Something that a source defines, under its dotted `name`: `Loop.turn`.

    `kind` is "class", "function" or "constant". It stands from line `first` to `last`;
    its own line, in which its name is, is `line`. `says` is its docstring or, in C, the
    comment above it; `form` is what follows the name: bases, or a function's arguments.
    """

    name: str
    kind: str
    first: int
    line: int
    last: int
    says: str = ""
    form: str = ""

    @property
    def depth(self) -> int:
        """In how many others it stands: 1 for a method."""
        return self.name.count(".")


class PythonSource:
    """A module in Python, taken apart by its syntax tree."""

    lexer = PythonLexer(stripnl=False)

    def __init__(self, text: str) -> None:
        self.text = text
        self._raw = text.split("\n")
        self.lines = [line.rstrip() for line in self._raw]
        if not self.lines[-1]:
            self.lines.pop()
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
        first = self._first(node)
        while first > 1 and self.lines[first - 2].lstrip().startswith("#"):
            first -= 1
        return list(range(first, node.end_lineno + 1))

    def _first(self, node: ast.AST) -> int:
        """The line in which a statement begins, with its decorators."""
        decorators = getattr(node, "decorator_list", ())
        return min([node.lineno, *(each.lineno for each in decorators)])

    def around(self, path: list[str]) -> list[int]:
        """The lines that open the classes and functions in which `path` stands."""
        lines: list[int] = []
        for depth in range(1, len(path)):
            node = self.find(path[:depth])
            last = node.body[0].lineno - 1
            while not self.lines[last - 1] or self.lines[last - 1].lstrip()[0] == "#":
                last -= 1
            lines += range(self._first(node), last + 1)
        return lines

    def goes_on(self, line: int) -> bool:
        """Whether what stands at the margin around this line ends further down."""
        return any(node.lineno <= line < node.end_lineno for node in self.tree.body)

    @property
    def doc(self) -> str:
        """The module's docstring."""
        return ast.get_docstring(self.tree) or ""

    @functools.cached_property
    def entries(self) -> list[Entry]:
        """Its classes, functions, methods and constants; the first of each name."""
        found: dict[str, Entry] = {}
        for entry in self._entries(self.tree, ""):
            found.setdefault(entry.name, entry)
        return list(found.values())

    def _entries(self, node: ast.AST, prefix: str) -> Iterator[Entry]:
        for child in _statements(node):
            span = self.span(child)
            place = (span[0], child.lineno, span[-1])
            if isinstance(child, ast.ClassDef):
                bases = ", ".join(map(self._text, [*child.bases, *child.keywords]))
                form = f"({bases})" if bases else ""
                says = ast.get_docstring(child) or ""
                yield Entry(f"{prefix}{child.name}", "class", *place, says, form)
                yield from self._entries(child, f"{prefix}{child.name}.")
            elif isinstance(child, _FUNCTIONS):
                says, form = ast.get_docstring(child) or "", self._arguments(child)
                yield Entry(f"{prefix}{child.name}", "function", *place, says, form)
            else:
                for name in sorted(_names(child)):
                    yield Entry(f"{prefix}{name}", "constant", *place)

    def _arguments(self, function: ast.AST) -> str:
        """`(fd, events, edge=False)`: the names and defaults, without self."""
        of = function.args
        plain = [*of.posonlyargs, *of.args]
        defaults = [None] * (len(plain) - len(of.defaults)) + of.defaults
        names = [self._argument(*pair) for pair in zip(plain, defaults, strict=True)]
        if of.posonlyargs:
            names.insert(len(of.posonlyargs), "/")
        if plain and plain[0].arg in ("self", "cls"):
            names = names[1:]
            if names[:1] == ["/"]:
                names = names[1:]
        if of.vararg:
            names.append(f"*{of.vararg.arg}")
        elif of.kwonlyargs:
            names.append("*")
        pairs = zip(of.kwonlyargs, of.kw_defaults, strict=True)
        names += [self._argument(*pair) for pair in pairs]
        if of.kwarg:
            names.append(f"**{of.kwarg.arg}")
        return f"({', '.join(names)})"

    def _argument(self, argument: ast.arg, default: ast.AST | None) -> str:
        return argument.arg + (f"={self._text(default)}" if default else "")

    def _text(self, node: ast.AST) -> str:
        """The source of a node, in one line."""
        lines = [line.encode() for line in self._raw[node.lineno - 1 : node.end_lineno]]
        lines[-1] = lines[-1][: node.end_col_offset]
        lines[0] = lines[0][node.col_offset :]
        return " ".join(b"\n".join(lines).decode().split())

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
        if only == "head":
            return self._without_headings(outside)
        if only == "top":
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

    def _without_headings(self, numbers: list[int]) -> list[int]:
        """`numbers` without the comments between methods that are left out."""
        kept: list[int] = []
        stretch: list[int] = []
        for number, following in zip(numbers, [*numbers[1:], 0], strict=True):
            stretch.append(number)
            if following != number + 1:
                texts = (self.lines[n - 1].lstrip() for n in stretch)
                if not all(not text or text[0] == "#" for text in texts):
                    kept += stretch
                stretch = []
        return kept

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


# What has no say in the structure of C: comments, and the insides of literals.
_QUIET = re.compile(
    r"""/\*.*?\*/ | //[^\n]* | "(?:\\.|[^"\\])*" | '(?:\\.|[^'\\])*'""",
    re.DOTALL | re.VERBOSE,
)


@dataclass(frozen=True)
class Definition:
    """A definition in C, or a directive: its lines, and its code without comments."""

    first: int
    last: int
    code: str

    @property
    def names(self) -> set[str]:
        """What it gives a name to: for an enum, its members."""
        if self.code.startswith("#"):
            return set(re.findall(r"^#\s*define\s+(\w+)", self.code))
        if self.code.startswith("PyDoc_STRVAR"):
            return set(re.findall(r"\((\w+)", self.code))
        head, _, body = self.code.partition("{")
        if body and re.match(r"(?:typedef|struct|union|enum)\b[\w\s]*$", head):
            inner, _, behind = body.rpartition("}")
            tag = re.findall(r"(?:struct|union|enum)\s+(\w+)", head)
            members = re.findall(r"(\w+)[^,]*", inner) if "enum" in head else []
            return {*tag, *members, *re.findall(r"\w+", behind)}
        declared = re.split("[{=;]", self.code)[0].rstrip()
        return set(re.findall(r"(\w+)\s*(?:[(\[]|$)", declared)[:1])

    @property
    def kind(self) -> str:
        """As in `Entry`: a struct, a union or an enum with a name is a class."""
        if self.signature:
            return "function"
        record = re.match(r"(?:typedef\s+)?(?:struct|union)\b[^=(]*{", self.code)
        return "class" if record else "constant"

    @property
    def signature(self) -> str:
        """What stands before a function's body; empty if this is no function."""
        head, brace, _ = self.code.partition("{")
        called = head.rstrip().endswith(")") and not head.startswith("#")
        return head.rstrip() if brace and called else ""


class CSource:
    """A module in C, taken apart by its style.

    A definition begins in column 0, and ends with the line that closes its last brace
    or has its semicolon. So whoever counts braces needs no parser.
    """

    lexer = CLexer(stripnl=False)

    def __init__(self, text: str) -> None:
        self.lines = [line.rstrip() for line in text.splitlines()]
        self._code = [line.rstrip() for line in _QUIET.sub(_blank, text).splitlines()]
        opening = _QUIET.match(text)
        self._doc = range(1, opening[0].count("\n") + 2) if opening else range(0)
        self._definitions = list(self._cut())

    def _cut(self) -> Iterator[Definition]:
        begun: list[str] = []
        for number, line in enumerate(self._code, 1):
            if not (begun or line):
                continue
            begun.append(line)
            code = "\n".join(begun)
            if code.startswith("#"):
                over = not line.endswith("\\")
            else:
                over = code.count("{") == code.count("}") and line.endswith((";", "}"))
            if over:
                yield Definition(number - len(begun) + 1, number, code)
                begun = []

    def find(self, path: list[str]) -> Definition | None:
        """The definition that `path` names; None, the whole, for an empty path."""
        if not path:
            return None
        for definition in self._definitions:
            if path[0] in definition.names and len(path) == 1:
                return definition
        raise LookupError(f"no {'.'.join(path)} in the source")

    def span(self, node: Definition | None) -> list[int]:
        """All lines of `node` and the comment right above it."""
        if node is None:
            return list(range(1, len(self.lines) + 1))
        first = node.first
        while first > 1 and self.lines[first - 2] and not self._code[first - 2]:
            first -= 1
        return list(range(first, node.last + 1))

    def around(self, path: list[str]) -> list[int]:
        """The lines that open what `path` stands in: in C there are none."""
        return []

    def goes_on(self, line: int) -> bool:
        """Whether the definition around this line ends further down."""
        return any(each.first <= line < each.last for each in self._definitions)

    @property
    def doc(self) -> str:
        """The comment that the file begins with."""
        return _words(self.lines[n - 1] for n in self._doc)

    @functools.cached_property
    def entries(self) -> list[Entry]:
        """Its types, functions, and what else has a name; the first of each name."""
        found: dict[str, Entry] = {}
        for each in self._definitions:
            above = range(self.span(each)[0], each.first)
            says = _words(self.lines[n - 1] for n in above)
            kind, form = each.kind, " ".join(each.signature.split())
            form = form[form.find("(") :] if "(" in form else ""
            for name in sorted(each.names):
                line = self._line_of(name, each)
                place = (above.start, line, each.last)
                found.setdefault(name, Entry(name, kind, *place, says, form))
        return list(found.values())

    def _line_of(self, name: str, definition: Definition) -> int:
        for number in range(definition.first, definition.last + 1):
            if re.search(rf"\b{name}\b", self._code[number - 1]):
                return number
        return definition.first

    def part(self, node: Definition | None, only: str) -> list[int]:
        """The lines of `node` that `only` asks for."""
        if node is not None:
            if only != "head" or not node.signature:
                raise LookupError(f"there is no part {only!r} of that")
            last = node.first + node.signature.count("\n")
            return [line for line in self.span(node) if line <= last]
        if only == "doc":
            return list(self._doc)
        includes = {d.first for d in self._definitions if d.code.startswith("#include")}
        if only == "imports":
            return _with_blanks(includes, self.lines)
        hidden = {n for d in self._definitions if d.signature for n in self.span(d)}
        if only == "constants":
            hidden |= includes | set(self._doc)
        return [line for line in self.span(None) if line not in hidden]


def _blank(quiet: re.Match[str]) -> str:
    """Spaces for a comment, and for what is between the quotes of a literal."""
    text = quiet[0]
    space = re.sub(r"[^\n]", " ", text)
    return space if text.startswith("/") else text[0] + space[1:-1] + text[-1]


def _words(lines: Iterable[str]) -> str:
    """The text of a comment in C, without its marks."""
    text = "\n".join(re.sub(r"^\s*(?:/\*+|//|\*(?!/))? ?", "", line) for line in lines)
    return text.strip().removesuffix("*/").rstrip()


def _with_blanks(numbers: set[int], lines: list[str]) -> list[int]:
    """`numbers`, with the blank lines that separate them."""
    if not numbers:
        return []
    span = range(min(numbers), max(numbers) + 1)
    return [n for n in span if n in numbers or not lines[n - 1]]


# The languages of the stack, by the suffix of their files.
LANGUAGES: dict[str, type[PythonSource] | type[CSource]] = {
    ".py": PythonSource,
    ".c": CSource,
    ".h": CSource,
}
