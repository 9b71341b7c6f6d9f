"""The page *Then and now*: the claims of all chapters, collected from their cells.

The chapters hold the cards (see `workshop.claims`); here they are only read, so that
no sentence stands in two places. Running the page again collects again, and the
notebook test fails when a chapter's claims are not those on the page.
"""

import html
from collections import Counter
from dataclasses import dataclass

from workshop import checkout, claims, pieces


@dataclass(frozen=True)
class Cards:
    """The claims of one chapter, each with a link to its probe."""

    chapter: str
    claims: tuple[claims.Claim, ...]

    def _repr_html_(self) -> str:
        return "".join(self._card(claim) for claim in self.claims)

    def _card(self, claim: claims.Claim) -> str:
        link = f"{self.chapter}#claim-{claim.id}"
        label = html.escape(f"The probe for {claim.id}", quote=True)
        return (
            f'{claim._repr_html_()}<p class="to-probe">'
            f'<a href="{link}" aria-label="{label}">The probe</a></p>'
        )

    def __repr__(self) -> str:
        return "\n\n".join(repr(claim) for claim in self.claims)


@dataclass(frozen=True)
class Summary:
    """How many claims of each finished chapter came to which verdict."""

    rows: tuple[tuple[pieces.Piece, Counter[str]], ...]

    def _repr_html_(self) -> str:
        head = "".join(f'<th scope="col">{word}</th>' for word in _VERDICTS.values())
        body = "".join(
            f'<tr><th scope="row">{html.escape(name)}</th>'
            + "".join(f"<td>{count}</td>" for count in counts)
            + "</tr>"
            for name, counts in self._lines()
        )
        return (
            '<table class="verdicts"><thead><tr><th scope="col">Chapter</th>'
            f"{head}</tr></thead><tbody>{body}</tbody></table>"
        )

    def __repr__(self) -> str:
        names = list(_VERDICTS.values())
        return "\n".join(
            f"{name}: "
            + ", ".join(f"{n} {word}" for n, word in zip(counts, names, strict=True))
            for name, counts in self._lines()
        )

    def _lines(self) -> list[tuple[str, list[int]]]:
        lines = [
            (f"{piece.number} {piece.title}", [counts[word] for word in _VERDICTS])
            for piece, counts in self.rows
        ]
        total = [sum(column) for column in zip(*(n for _, n in lines), strict=True)]
        return [*lines, ("All", total)]


_VERDICTS = claims.VERDICTS


def cards(slug: str) -> Cards:
    """The claims of the chapter with this slug. Raises LookupError, NoCheckout."""
    checkout.need()
    piece = pieces.find(slug)
    path = pieces.ROOT / piece.chapter
    return Cards(path.name, tuple(claims.collect(path)))


def summary() -> Summary:
    """The verdicts of all finished chapters, counted. Raises NoCheckout."""
    checkout.need()
    return Summary(
        tuple(
            (piece, Counter(claim.verdict for claim in cards(piece.slug).claims))
            for piece in pieces.load()
            if piece.ready and (pieces.ROOT / piece.chapter).is_file()
        )
    )
