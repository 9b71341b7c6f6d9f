"""The page *Then and now* collects what the chapters hold."""

import json

import pytest

from workshop import pieces, then_and_now

READY = [piece for piece in pieces.load() if piece.ready]


def claim_cells(piece: pieces.Piece) -> int:
    notebook = json.loads((pieces.ROOT / piece.chapter).read_text("utf-8"))
    return sum(
        "claim" in cell["metadata"].get("tags", []) for cell in notebook["cells"]
    )


@pytest.mark.parametrize("piece", READY, ids=lambda piece: piece.slug)
def test_every_claim_of_a_chapter_has_its_card_and_a_link_to_the_probe(piece):
    cards = then_and_now.cards(piece.slug)
    assert len(cards.claims) == claim_cells(piece) > 0
    page = cards._repr_html_()
    for claim in cards.claims:
        assert f'href="{piece.name}.ipynb#claim-{claim.id}"' in page


def test_the_summary_counts_every_card():
    rows = then_and_now.summary()._lines()
    assert [name for name, _ in rows] == [
        *(f"{piece.number} {piece.title}" for piece in READY),
        "All",
    ]
    assert sum(rows[-1][1]) == sum(map(claim_cells, READY))


def test_no_claim_is_told_twice():
    ids = [c.id for piece in READY for c in then_and_now.cards(piece.slug).claims]
    assert len(ids) == len(set(ids))


@pytest.mark.parametrize("piece", READY, ids=lambda piece: piece.slug)
def test_the_page_shows_every_finished_chapter(piece):
    page = (pieces.ROOT / "book" / "then-and-now.ipynb").read_text("utf-8")
    assert f'cards(\\"{piece.slug}\\")' in page


def test_an_unknown_chapter_is_refused():
    with pytest.raises(LookupError, match="nowhere"):
        then_and_now.cards("nowhere")
