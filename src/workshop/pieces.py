"""The table of pieces, read from `book/pieces.toml`.

Each piece of the server is told four times: chapter, module, lab, tests. The index
page, the table in the README and the list of labs are made from this one file, so
that they cannot tell different stories.
"""

import html
import re
import sys
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from workshop.checkout import PACKAGE, ROOT

_HOME = ROOT / "book" / "pieces.toml"
PIECES = _HOME if _HOME.is_file() else PACKAGE / "pieces.toml"  # a wheel's copy

# The README holds the table between these two lines; a test compares it.
BEGIN = "<!-- pieces: begin (python -m workshop.pieces) -->"
END = "<!-- pieces: end -->"


@dataclass(frozen=True)
class Piece:
    """One row of the table."""

    number: int
    slug: str
    title: str
    package: str
    question: str
    does: str
    note: str
    status: str

    @property
    def ready(self) -> bool:
        """Whether chapter and lab are finished."""
        return self.status == "ready"

    @property
    def name(self) -> str:
        """`05-epoll`: the name of the chapter's file and of the lab's folder."""
        return f"{self.number:02}-{self.slug}"

    @property
    def chapter(self) -> str:
        """The chapter, as a path in the repository."""
        return f"book/{self.name}.ipynb"

    @property
    def lab(self) -> str:
        """The lab's guide, as a path in the repository."""
        return f"labs/{self.name}/lab.ipynb"

    @property
    def source(self) -> str:
        """The package or module, as a path in the repository.

        `routing` stands in the stack; `workshop.livebook` says where it stands.
        """
        name = self.package if "." in self.package else f"dustdevil.{self.package}"
        path = name.replace(".", "/")
        ending = "" if (PACKAGE.parent / path).is_dir() else ".py"
        return f"src/{path}{ending}"

    @property
    def modules(self) -> list[str]:
        """What a lab, a listing or a test calls its modules: `loop.poller`."""
        if self.source.endswith(".py"):
            return [self.package]
        files = sorted((ROOT / self.source).glob("*.py"))
        return [f"{self.package}.{f.stem}" for f in files if f.stem != "__init__"]


def load(path: Path = PIECES) -> list[Piece]:
    """Read the table; raises ValueError on a row that breaks its rules."""
    pieces = [Piece(**row) for row in _home(path)["piece"]]
    for expected, piece in enumerate(pieces, start=1):
        if piece.number != expected:
            raise ValueError(f"piece {piece.slug!r}: number {piece.number} is not next")
        if piece.status not in {"ready", "planned"}:
            raise ValueError(f"piece {piece.slug!r}: unknown status {piece.status!r}")
    if len({piece.slug for piece in pieces}) != len(pieces):
        raise ValueError("two pieces have the same slug")
    return pieces


def layers(path: Path = PIECES) -> list[str]:
    """Packages and modules of the stack, from the ground up."""
    return _home(path)["layers"]


def _home(path: Path) -> dict[str, Any]:
    return tomllib.loads(path.read_text("utf-8"))


def find(name: str) -> Piece:
    """The piece with this slug, `NN-slug`, package or module; raises LookupError."""
    for piece in load():
        if name in {piece.slug, piece.name, piece.package, *piece.modules}:
            return piece
    raise LookupError(f"no piece is called {name!r}")


def markdown(pieces: list[Piece]) -> str:
    """The table as Markdown, with links from the repository's root."""
    lines = [
        "| | chapter | package | what the piece does in the server | lab |",
        "|--:|---|---|---|---|",
    ]
    return "\n".join(lines + [_markdown_row(piece) for piece in pieces]) + "\n"


def _markdown_row(piece: Piece) -> str:
    if piece.ready:
        title = f"[{piece.title}]({piece.chapter})"
        lab = f"[lab]({piece.lab})"
    else:
        title, lab = piece.title, "planned"
    package = f"[`{piece.package}`]({piece.source})"
    return f"| {piece.number} | {title} | {package} | {piece.does} | {lab} |"


def in_readme(text: str) -> str | None:
    """The table that stands between the markers of a README, if it has them."""
    found = re.search(f"{re.escape(BEGIN)}\n(.*?){re.escape(END)}", text, re.DOTALL)
    return found.group(1) if found else None


class PieceTable:
    """The table for a notebook: HTML for the page, Markdown text elsewhere."""

    def __init__(self, pieces: list[Piece]) -> None:
        self._pieces = pieces

    def _repr_html_(self) -> str:
        head = "".join(
            f'<th scope="col">{name}</th>'
            for name in ("No.", "Chapter", "Package", "What the piece does", "Lab")
        )
        rows = "".join(_html_row(piece) for piece in self._pieces)
        return (
            f'<table class="pieces"><thead><tr>{head}</tr></thead>'
            f"<tbody>{rows}</tbody></table>"
        )

    def __repr__(self) -> str:
        return markdown(self._pieces)


def _html_row(piece: Piece) -> str:
    """A row with links to the notebooks; the build points them at the pages."""
    title = html.escape(piece.title)
    lab = '<span class="planned">planned</span>'
    if piece.ready:
        title = f'<a href="{piece.name}.ipynb">{title}</a>'
        lab = f'<a href="../labs/{piece.name}/lab.ipynb">Lab {piece.number}</a>'
    question = _code(piece.question)
    return (
        f'<tr class="{piece.status}"><td>{piece.number}</td>'
        f'<th scope="row">{title}<br><span class="question">{question}</span></th>'
        f"<td><code>{html.escape(piece.package)}</code></td>"
        f"<td>{_code(piece.does)}</td><td>{lab}</td></tr>"
    )


def _code(text: str) -> str:
    """Escape for HTML; `name` between backquotes becomes code."""
    return re.sub(r"`(.+?)`", r"<code>\1</code>", html.escape(text))


def table() -> PieceTable:
    """What the index page shows."""
    return PieceTable(load())


if __name__ == "__main__":
    sys.stdout.write(f"{BEGIN}\n{markdown(load())}{END}\n")
