"""The page *Then and now*: all claims of the notes of 2013, counted and listed.

The words stand in `book/2013` (see `workshop.claims`); here they are only read. In the
page, `_static/notes.js` lets a reader choose a verdict and a chapter.
"""

import html
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

from workshop import checkout, claims, pieces
from workshop.quiz import inline


@dataclass(frozen=True)
class Summary:
    """How many claims of each note came to which verdict."""

    notes: tuple[claims.Note, ...]

    def lines(self) -> list[tuple[str, str, list[int]]]:
        """Name, link ("" for the sum) and the count of each verdict."""
        lines = [
            (f"{note.number} {note.title}", note.page, _counts(note.claims))
            for note in self.notes
        ]
        total = [sum(column) for column in zip(*(n for *_, n in lines), strict=True)]
        return [*lines, ("All", "", total)]

    def _repr_html_(self) -> str:
        words = claims.VERDICTS.values()
        head = "".join(f'<th scope="col">{word}</th>' for word in words)
        body = "".join(
            f'<tr><th scope="row">{_linked(name, page)}</th>'
            + "".join(f"<td>{count}</td>" for count in counts)
            + "</tr>"
            for name, page, counts in self.lines()
        )
        return (
            '<div class="table-scroll"><table class="verdicts"><thead><tr>'
            f'<th scope="col">Note</th>{head}</tr></thead>'
            f"<tbody>{body}</tbody></table></div>"
        )

    def __repr__(self) -> str:
        words = list(claims.VERDICTS.values())
        return "\n".join(
            f"{name}: "
            + ", ".join(f"{n} {word}" for n, word in zip(counts, words, strict=True))
            for name, _, counts in self.lines()
        )


@dataclass(frozen=True)
class Index:
    """Every claim with its verdict, a link to its probe and one to its chapter."""

    notes: tuple[claims.Note, ...]

    def _repr_html_(self) -> str:
        rows = "".join(
            self._row(note, claim) for note in self.notes for claim in note.claims
        )
        return f'<ul class="dd-claims">{rows}</ul>'

    def _row(self, note: claims.Note, claim: claims.Claim) -> str:
        chapter = pieces.find(claim.chapter) if claim.chapter else None
        told = f"{chapter.number} {chapter.title}" if chapter else ""
        link = (
            f' · <a href="{claim.chapter}.ipynb">chapter {html.escape(told)}</a>'
            if chapter
            else ""
        )
        return (
            f'<li data-verdict="{claims.VERDICTS[claim.verdict]}" '
            f'data-chapter="{html.escape(told, quote=True)}">'
            f'<a href="{note.page}#claim-{claim.id}">{inline(claim.said)}</a>'
            f"<p><strong>{html.escape(claim.words)}</strong> · note {note.number}"
            f"{link}</p></li>"
        )

    def __repr__(self) -> str:
        return "\n".join(
            f"{claim.said} ({claim.words}; note {note.number})".replace("`", "")
            for note in self.notes
            for claim in note.claims
        )


def _counts(found: tuple[claims.Claim, ...]) -> list[int]:
    counted = Counter(claim.verdict for claim in found)
    return [counted[verdict] for verdict in claims.VERDICTS]


def _linked(name: str, page: str) -> str:
    escaped = html.escape(name)
    return f'<a href="{page}">{escaped}</a>' if page else escaped


def summary() -> Summary:
    """The verdicts, counted by note. Raises NoCheckout."""
    checkout.need()
    return Summary(claims.notes())


def index() -> Index:
    """All claims, in the order of the notes. Raises NoCheckout."""
    checkout.need()
    return Index(claims.notes())


def missing() -> Iterator[str]:
    """The claims that no notebook of the notes shows. Raises NoCheckout."""
    checkout.need()
    for note in claims.notes():
        page = pieces.ROOT / "book" / note.page
        shown = set(claims.shown_in(page)) if page.is_file() else set()
        yield from (claim.id for claim in note.claims if claim.id not in shown)
