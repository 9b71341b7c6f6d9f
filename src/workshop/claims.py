"""The claims of the 2013 notes: a card for each, with a verdict and its proof.

A cell that calls `claim` is tagged `claim`; the page *Then and now* collects the
cards of all chapters by reading those cells.
"""

import json
import pathlib
from collections.abc import Iterator
from dataclasses import dataclass

from workshop.listings import calls_of
from workshop.quiz import inline

VERDICTS = {
    "still true": "still true",
    "changed": "true then, changed since",
    "nuance": "needs nuance",
    "never": "never quite right",
}


class ClaimError(Exception):
    """A verdict without a known word, or one that its probe does not bear out."""


@dataclass(frozen=True)
class Claim:
    """One sentence of the notes, and what became of it."""

    id: str
    said: str
    verdict: str
    then: str
    now: str

    @property
    def words(self) -> str:
        """The verdict in words."""
        return VERDICTS[self.verdict]

    def __repr__(self) -> str:
        return (
            f"2013: {self.said}\nVerdict: {self.words}\n"
            f"Then: {self.then}\nNow: {self.now}"
        ).replace("`", "")

    def _repr_html_(self) -> str:
        kind = self.verdict.replace(" ", "-")
        return (
            f'<section class="dd-claim dd-{kind}" id="claim-{self.id}">'
            f'<p class="dd-said"><span>2013:</span> {inline(self.said)}</p>'
            f'<p class="dd-verdict"><strong>{self.words}</strong></p>'
            f"<dl><dt>Then</dt><dd>{inline(self.then)}</dd>"
            f"<dt>Now</dt><dd>{inline(self.now)}</dd></dl></section>"
        )


def claim(
    id: str, *, said: str, verdict: str, then: str, now: str, proof: bool
) -> Claim:
    """A card for one claim of the notes.

    `id` is the claim's short name, `said` the note's sentence in English, `verdict`
    one of "still true", "changed", "nuance", "never"; `then` and `now` say what held
    in 2013 and what holds today. `proof` is computed by the probe in the cell above:
    the condition under which the verdict stands.

    Raises ClaimError for an unknown verdict, or when `proof` is false.
    """
    if verdict not in VERDICTS:
        raise ClaimError(f"{id}: the verdict is one of {', '.join(VERDICTS)}")
    if not proof:
        raise ClaimError(f"{id}: the probe does not bear out {verdict!r}")
    return Claim(id, said, verdict, then, now)


def collect(notebook: pathlib.Path) -> Iterator[Claim]:
    """The claims of one chapter, read from its cells tagged `claim`."""
    for cell in json.loads(notebook.read_text(encoding="utf-8"))["cells"]:
        if "claim" not in cell["metadata"].get("tags", ()):
            continue
        for (id,), words in calls_of("claim", "".join(cell["source"])):
            words.pop("proof")
            yield Claim(id, **words)
