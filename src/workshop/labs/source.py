"""Edit Python source by function: empty some for a starter, plant others.

`ast` says where a function begins and ends; the text itself is cut and put together
by lines, so that every comment and blank line outside stays as it was written.
"""

import ast
import io
import textwrap
import tokenize
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

FunctionNode = ast.FunctionDef | ast.AsyncFunctionDef
YOUR_TURN = "your turn: "


@dataclass(frozen=True)
class Empty:
    """A function of the learner's file that nobody has written yet."""

    name: str
    line: int | None  # None: the file has no such function
    how: str


def functions(tree: ast.Module) -> dict[str, FunctionNode]:
    """Functions and methods by qualified name: "layer", "Router.match"."""
    found: dict[str, FunctionNode] = {}
    for node in tree.body:
        if isinstance(node, FunctionNode):
            found[node.name] = node
        elif isinstance(node, ast.ClassDef):
            methods = (child for child in node.body if isinstance(child, FunctionNode))
            found.update({f"{node.name}.{method.name}": method for method in methods})
    return found


def empty(source: str, steps: Mapping[str, int]) -> str:
    """Return `source` with the functions of `steps` emptied.

    Signature, decorators, docstring and the comments of the body stay; the body
    becomes one line that raises NotImplementedError with the name and the step.
    Raises LookupError for a name that the source does not have.
    """
    found = functions(ast.parse(source))
    missing = steps.keys() - found.keys()
    if missing:
        raise LookupError(f"no such function: {', '.join(sorted(missing))}")
    comments = _comment_lines(source)
    lines = source.splitlines()
    # From the end, so that the line numbers of what is still to do stay right.
    for name in sorted(steps, key=lambda name: found[name].lineno, reverse=True):
        first, last, column = _body(found[name])
        indent = " " * column
        kept = []
        for n in range(first, last + 1):
            if n in comments:
                if kept and n - 1 not in comments:
                    kept.append("")  # these were about other lines
                kept.append(indent + comments[n])
        turn = f"{YOUR_TURN}{name} (step {steps[name]})"
        lines[first - 1 : last] = [
            *kept,
            f'{indent}raise NotImplementedError("{turn}")',
        ]
    return "\n".join(lines) + "\n"


def _body(node: FunctionNode) -> tuple[int, int, int]:
    """First and last line of the body after the docstring, and its indentation."""
    first, last = node.body[0], node.end_lineno or node.lineno
    if ast.get_docstring(node, clean=False) is None:
        return _start(first), last, first.col_offset
    return (first.end_lineno or first.lineno) + 1, last, first.col_offset


def _comment_lines(source: str) -> dict[int, str]:
    """Comments that have a line to themselves, by line number."""
    tokens = tokenize.generate_tokens(io.StringIO(source).readline)
    return {
        token.start[0]: token.string
        for token in tokens
        if token.type == tokenize.COMMENT and token.line.strip() == token.string
    }


def not_written(source: str, names: Iterable[str]) -> list[Empty]:
    """Which of the functions `names` are missing from `source`, or have no body.

    Raises SyntaxError when the source can't be read at all.
    """
    found = functions(ast.parse(source))
    report = []
    for name in names:
        node = found.get(name)
        if node is None:
            report.append(Empty(name, None, "is not there any more"))
        elif how := _emptiness(node):
            report.append(Empty(name, node.lineno, how))
    return report


def _emptiness(node: FunctionNode) -> str:
    """How a function says that nobody has written it; "" if somebody has."""
    body = [statement for statement in node.body if not _is_constant(statement)]
    if not body:
        return "has no body yet"
    if all(isinstance(statement, ast.Pass) for statement in body):
        return "does nothing but pass"
    if len(body) == 1 and isinstance(body[0], ast.Raise):
        raised = body[0].exc
        name = raised.func if isinstance(raised, ast.Call) else raised
        if isinstance(name, ast.Name) and name.id == "NotImplementedError":
            return "is still as the starter has it"
    return ""


def _is_constant(statement: ast.stmt) -> bool:
    """A docstring, an ellipsis, or another value that stands alone."""
    return isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant)


def plant(source: str, patch: str) -> str:
    """Return `source` with the functions of `patch` in the place of its own.

    What the source does not have yet is added: imports at the top, methods at the
    end of their class, functions and classes at the end. Anything else in the patch
    is left out: it describes the patch (see `workshop.labs.mistakes`).
    """
    tree = ast.parse(source)
    there = functions(tree)
    classes = {node.name: node for node in tree.body if isinstance(node, ast.ClassDef)}
    lines, patch_lines = source.splitlines(), patch.splitlines()
    # (first line, last line, what stands there then); an empty range is an insertion.
    edits: list[tuple[int, int, list[str]]] = []

    def put(name: str, node: ast.stmt, after: int) -> None:
        text = patch_lines[_start(node) - 1 : node.end_lineno]
        if name in there:
            old = there[name]
            edits.append((_start(old), old.end_lineno or 0, text))
        else:
            edits.append((after + 1, after, ["", *text]))

    for node in ast.parse(patch).body:
        if isinstance(node, ast.ClassDef) and node.name in classes:
            end = classes[node.name].end_lineno or len(lines)
            for method in node.body:
                if isinstance(method, FunctionNode):
                    put(f"{node.name}.{method.name}", method, end)
        elif isinstance(node, ast.ClassDef | FunctionNode):
            put(node.name, node, len(lines))
        elif isinstance(node, ast.Import | ast.ImportFrom):
            first_import = next(n for n in tree.body if isinstance(n, type(node)))
            put("", node, first_import.lineno - 1)
    # From the end, so that line numbers above stay right; of several insertions at
    # one place, the last goes in first.
    edits.sort(key=lambda edit: edit[:2])
    for first, last, text in reversed(edits):
        lines[first - 1 : last] = text
    return "\n".join(lines) + "\n"


def _start(node: ast.stmt) -> int:
    decorators = getattr(node, "decorator_list", [])
    return min([node.lineno, *(decorator.lineno for decorator in decorators)])


def text_of(source: str, name: str) -> str:
    """The text of one function, without its indentation."""
    node = functions(ast.parse(source))[name]
    lines = source.splitlines()[_start(node) - 1 : node.end_lineno]
    return textwrap.dedent("\n".join(lines))
