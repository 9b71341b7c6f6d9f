"""How long the stack is, and how much of it the book tells: `make lines`.

There are two shares. The lines of a module that its page in the annotated source has:
all of them, or the build has a fault. And the functions that a chapter discusses, which
are those that it prints with `show`; the others are one click away.

The minimal server is what `dustdevil.http.server` needs: the modules that it imports,
those that these import, and so on. It is an evening's reading.
"""

import argparse
import ast
import pathlib
from collections.abc import Iterator
from dataclasses import dataclass

from workshop import annotated, checkout
from workshop.listings import files, module_of, place_of

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
    parser.add_argument(
        "--missing", action="store_true", help="list what no chapter discusses"
    )


@dataclass(frozen=True)
class Share:
    """Of one module: its lines, those in its page, its functions, those discussed."""

    module: str
    lines: int
    in_page: int
    functions: tuple[str, ...]
    discussed: frozenset[str]


def shares(book: pathlib.Path) -> list[Share]:
    """The shares of each module, for the chapters in a folder."""
    spoken = annotated.discussed(annotated.tellings(book))
    return [
        Share(
            module_of(file) or "__init__",
            count(file),
            annotated.lines_in_page(file),
            tuple(each.name for each in annotated.functions(file)),
            spoken[place_of(file)],
        )
        for file in files()
    ]


def run(args: argparse.Namespace) -> int:
    """Print both shares, by module, and what it takes to serve."""
    rows = shares(pathlib.Path(args.book))
    print(f"{'':24}{'lines in the':>21}{'functions that':>20}")
    print(f"{'':24}{'annotated source':>21}{'a chapter discusses':>20}")
    for row in rows:
        told = len(row.discussed)
        _print(row.module, row.in_page, row.lines, told, len(row.functions))
        missing = [name for name in row.functions if name not in row.discussed]
        if missing and args.missing:
            print(f"{'':24}not discussed: {', '.join(missing)}")
    counts = [
        (row.in_page, row.lines, len(row.discussed), len(row.functions)) for row in rows
    ]
    _print("all", *map(sum, zip(*counts, strict=True)))
    server = minimal_server()
    total = sum(map(count, server))
    print(f"\nThe minimal server, {len(server)} modules, {total:,} lines:")
    for file in server:
        print(f"{module_of(file) or '__init__':24}{count(file):>6,}")
    return 0


def _print(name: str, in_page: int, lines: int, told: int, functions: int) -> None:
    of = f"{told}/{functions}{told / functions:7.0%}" if functions else ""
    print(f"{name:24}{f'{in_page}/{lines}{in_page / max(lines, 1):7.0%}':>21}{of:>20}")
