"""The notes of 2013: all their claims are told, tried and listed."""

import json
from collections import Counter
from itertools import pairwise

import pytest

from workshop import claims, pieces, then_and_now
from workshop.listings import calls_of

BOOK = pieces.ROOT / "book"
NOTES = claims.notes()
READY = [piece for piece in pieces.load() if piece.ready]


@pytest.fixture(params=NOTES, ids=[note.name for note in NOTES])
def note(request):
    return request.param


def cells(path):
    return json.loads(path.read_text("utf-8"))["cells"]


def test_there_are_thirteen_notes_and_128_claims():
    assert [note.number for note in NOTES] == list(range(1, 14))
    found = Counter(claim.verdict for note in NOTES for claim in note.claims)
    assert found == {"still true": 46, "changed": 34, "nuance": 33, "never": 15}


def test_every_claim_has_its_card_once_and_in_order(note):
    shown = list(claims.shown_in(BOOK / note.page))
    assert shown == [claim.id for claim in note.claims]


def test_every_claim_is_told(note):
    assert all((note.title, note.date, note.about))
    for claim in note.claims:
        assert all((claim.said, claim.then, claim.now)), claim.id
        assert claim.since or claim.verdict != "changed", claim.id
        assert not claim.chapter or pieces.find(claim.chapter).name == claim.chapter


def test_every_probe_prints_something_and_can_fail(note):
    code = [cell for cell in cells(BOOK / note.page) if cell["cell_type"] == "code"]
    for before, cell in pairwise(code):
        if "claim" not in cell["metadata"].get("tags", ()):
            continue
        ((_, words),) = calls_of("claim", "".join(cell["source"]))
        assert before["outputs"], f"the probe of {cell['id']} prints nothing"
        assert words["proof"] is not True


def test_a_claim_with_a_chapter_links_to_it(note):
    text = "".join("".join(cell["source"]) for cell in cells(BOOK / note.page))
    for claim in note.claims:
        assert f"../{claim.chapter}.ipynb" in text or not claim.chapter, claim.id


@pytest.mark.parametrize("piece", READY, ids=lambda piece: piece.slug)
def test_a_chapter_shows_claims_that_say_so(piece):
    for id in claims.shown_in(pieces.ROOT / piece.chapter):
        assert claims.find(id).chapter == piece.name


def test_the_summary_counts_every_claim():
    *lines, (name, _, total) = then_and_now.summary().lines()
    assert name == "All"
    assert len(lines) == 13
    assert sum(total) == sum(sum(counts) for *_, counts in lines) == 128


def test_the_index_leads_to_every_probe():
    page = then_and_now.index()._repr_html_()
    for note in NOTES:
        for claim in note.claims:
            assert f'href="2013/{note.name}.ipynb#claim-{claim.id}"' in page


def test_nothing_is_missing():
    assert list(then_and_now.missing()) == []


def test_a_card_has_what_was_printed_and_the_version():
    card = claims.Claim(
        "x", "A `b`.", "changed", "It was.", "It is.", "3.8", printed="<A instance>\n"
    )
    assert "true then, changed since (3.8)" in repr(card)
    assert '<pre tabindex="0">&lt;A instance&gt;</pre>' in card._repr_html_()


def test_a_wrong_name_or_a_probe_that_fails_is_told():
    with pytest.raises(claims.ClaimError, match="no note of 2013 has a claim 'x'"):
        claims.claim("x", proof=True)
    with pytest.raises(claims.ClaimError, match="does not bear out 'still true'"):
        claims.claim("set-hashable", proof=False)
