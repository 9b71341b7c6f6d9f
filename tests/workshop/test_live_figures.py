"""A figure drawn in the live page is the page's own: SVG, in its colours."""

from support.live_reader import expect, needs_chromium

pytestmark = needs_chromium

DRAWN = """
from workshop.notebook import Drawing, player
drawing = Drawing("A box", "A box that turns another colour", height=60)
drawing.rect(10, 10, 80, 40, fill="a", key="box")
drawing.text(100, 35, "a word")
"""


def test_a_figure_takes_the_page_s_colours(reader):
    cell = reader.cell(1)
    cell.do(DRAWN + "drawing")
    expect(cell.output.locator("figcaption")).to_have_text("A box")
    expect(cell.output.locator("img")).to_have_count(0)
    box = cell.output.locator("[data-k=box]")
    shade = "node => getComputedStyle(node).fill"
    before = box.evaluate(shade)
    box.evaluate("node => node.closest('svg').style.setProperty('--dd-a', 'red')")
    assert box.evaluate(shade) != before


def test_a_figure_with_steps_can_be_played(reader):
    cell = reader.cell(1)
    cell.do(DRAWN + "player(drawing, [('It turns.', {'box': {'fill': 'b'}})])")
    cell.output.get_by_label("Step forward").click()
    expect(cell.output.locator(".dd-say")).to_have_text("1 of 1. It turns.")
    assert "--dd-b" in cell.output.locator("[data-k=box]").get_attribute("fill")
