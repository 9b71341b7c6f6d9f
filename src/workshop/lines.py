"""How long the stack is, and how much of it the book shows: `make lines`.

The minimal server is what `dustdevil.http.server` needs: the modules that it imports,
those that these import, and so on. It is an evening's reading.
"""

import argparse
import ast
import pathlib
from collections.abc import Iterator

from workshop import checkout
from workshop.listings import Coverage, coverage, files, module_of, ranges

SERVER = "http.server"


def minimal_server() -> list[pathlib.Path]:
    """The sources of the HTTP server and of all that it imports, in file order."""
    sources = {module_of(file): file for file in files() if file.suffix == ".py"}
    seen: set[str] = set()
    coming = [SERVER]
    while coming:
        module = coming.pop()
        if module not in seen:
            seen.add(module)
            coming += _needs(sources[module], sources.keys())
    return [file for module, file in sources.items() if module in seen]


def _needs(file: pathlib.Path, modules: set[str]) -> Iterator[str]:
    """Modules of the stack that are imported when this one is, its package's too."""
    package, dot, _ = module_of(file).rpartition(".")
    if dot:
        yield package
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        match node:
            case ast.ImportFrom(module=str(module), names=names):
                inside = module.partition(".")[2]
                named = [f"{inside}.{alias.name}".strip(".") for alias in names]
                if module.partition(".")[0] == "dustdevil":
                    yield from modules & {inside, *named}


def count(file: pathlib.Path) -> int:
    """The lines of a file, with docstrings and comments."""
    return len(file.read_text(encoding="utf-8").splitlines())


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of `workshop lines`."""
    book = checkout.ROOT / "book"
    parser.add_argument("book", nargs="?", default=book, help="folder of chapters")
    parser.add_argument("--missing", action="store_true", help="list unshown lines")


def run(args: argparse.Namespace) -> int:
    """Print the share that the book shows, by module, and what it takes to serve."""
    rows = coverage(sorted(pathlib.Path(args.book).glob("*.ipynb")))
    for row in rows:
        _print(row.module or "__init__", len(row.code & row.shown), len(row.code))
        if row.missing and args.missing:
            print(f"{'':24}not shown: {ranges(row.missing)}")
    _print("all", *map(sum, zip(*map(_counts, rows), strict=True)))
    server = minimal_server()
    total = sum(map(count, server))
    print(f"\nThe minimal server, {len(server)} modules, {total:,} lines:")
    for file in server:
        print(f"{module_of(file) or '__init__':24}{count(file):>6,}")
    return 0


def _counts(row: Coverage) -> tuple[int, int]:
    return len(row.code & row.shown), len(row.code)


def _print(name: str, shown: int, code: int) -> None:
    print(f"{name:24}{f'{shown}/{code}':>10}{shown / max(code, 1):8.0%}")
