"""The claims of the notes of 2013: a card for each, with a verdict and its proof.

`book/2013` has a file for each of the thirteen notes with the words of its claims, and
a notebook with their probes. `claim("set-hashable", proof=…)` shows a card there or in
a chapter: the words stand once, and the proof is computed where the card is shown.
"""

import functools
import html
import json
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from workshop.checkout import ROOT
from workshop.listings import calls_of
from workshop.quiz import inline

NOTES = ROOT / "book" / "2013"

VERDICTS = {
    "still true": "still true",
    "changed": "true then, changed since",
    "nuance": "needs nuance",
    "never": "never quite right",
}


class ClaimError(Exception):
    """A claim that no note has, or a verdict that its probe does not bear out."""


@dataclass(frozen=True)
class Claim:
    """One sentence of the notes, in our words, and what became of it.

    `printed` is what Python 2.7.18 printed when the sentence was tried on it, "" where
    there was nothing to try; `since` the version or the year in which things changed,
    or ""; `chapter` the name of the chapter that tells of it, `05-epoll`, or "".
    """

    id: str
    said: str
    verdict: str
    then: str
    now: str
    since: str = ""
    chapter: str = ""
    printed: str = ""

    @property
    def words(self) -> str:
        """The verdict in words, with the version in which it changed."""
        changed = f" ({self.since})" if self.since else ""
        return VERDICTS[self.verdict] + changed

    def __repr__(self) -> str:
        lines = [
            f"2013: {self.said}",
            f"Verdict: {self.words}",
            f"Then: {self.then}",
            f"Now: {self.now}",
        ]
        if self.printed:
            lines[3:3] = ["Python 2.7.18 printed:", self.printed.rstrip()]
        return "\n".join(lines).replace("`", "")

    def _repr_html_(self) -> str:
        kind = self.verdict.replace(" ", "-")
        printed = (
            '<dt>2.7.18</dt><dd><pre tabindex="0">'
            f"{html.escape(self.printed.rstrip())}</pre></dd>"
            if self.printed
            else ""
        )
        return (
            f'<section class="dd-claim dd-{kind}" id="claim-{self.id}">'
            f'<p class="dd-said"><span>2013:</span> {inline(self.said)}</p>'
            f'<p class="dd-verdict"><strong>{html.escape(self.words)}</strong></p>'
            f"<dl><dt>Then</dt><dd>{inline(self.then)}</dd>{printed}"
            f"<dt>Now</dt><dd>{inline(self.now)}</dd></dl></section>"
        )


@dataclass(frozen=True)
class Note:
    """One of the thirteen notes, with its claims in their order."""

    name: str
    title: str
    date: str
    about: str
    claims: tuple[Claim, ...]

    @property
    def number(self) -> int:
        """1 to 13, as the ledger counts them."""
        return int(self.name.partition("-")[0])

    @property
    def page(self) -> str:
        """Its notebook, as a path from the folder of the chapters."""
        return f"2013/{self.name}.ipynb"


@functools.cache
def notes() -> tuple[Note, ...]:
    """The thirteen notes. Raises ValueError for a claim that breaks the rules."""
    found = tuple(_read(file) for file in sorted(NOTES.glob("*.toml")))
    ids = [claim.id for note in found for claim in note.claims]
    if twice := {id for id in ids if ids.count(id) > 1}:
        raise ValueError(f"two claims are called {', '.join(sorted(twice))}")
    return found


def _read(file: Path) -> Note:
    data = tomllib.loads(file.read_text("utf-8"))
    claims = tuple(Claim(**row) for row in data.pop("claim"))
    for claim in claims:
        if claim.verdict not in VERDICTS:
            words = ", ".join(VERDICTS)
            raise ValueError(f"{file.name}, {claim.id}: the verdict is one of {words}")
    return Note(name=file.stem, claims=claims, **data)


def find(id: str) -> Claim:
    """The claim of that short name. Raises ClaimError."""
    for note in notes():
        for claim in note.claims:
            if claim.id == id:
                return claim
    raise ClaimError(f"no note of 2013 has a claim {id!r}")


def claim(id: str, *, proof: bool) -> Claim:
    """The card of one claim. `proof` is computed by the probe: the condition under
    which the verdict stands.

    Raises ClaimError for a name that no note has, or when `proof` is false.
    """
    found = find(id)
    if not proof:
        raise ClaimError(f"{id}: the probe does not bear out {found.verdict!r}")
    return found


def shown_in(notebook: Path) -> Iterator[str]:
    """The short names of the claims whose cards a notebook shows, in order."""
    for cell in json.loads(notebook.read_text(encoding="utf-8"))["cells"]:
        if "claim" in cell["metadata"].get("tags", ()):
            for (id,), _ in calls_of("claim", "".join(cell["source"])):
                yield id
