"""The book on paper, and the tables that cells display: readable in either theme."""

import nbformat
import pytest

from support.live_reader import TOKEN, LiveServer, end_kernels, expect, needs_chromium
from support.live_reader import small_book as build_book
from workshop.notebook import predict

pytestmark = [needs_chromium, pytest.mark.timeout(240)]

PLAIN_TABLE = """<div>
<style scoped>
    .dataframe tbody tr th:only-of-type { vertical-align: middle; }
    .dataframe thead th { text-align: right; }
</style>
<table border="1" class="dataframe">
  <thead><tr style="text-align: right;"><th></th><th>city</th><th>rain</th></tr></thead>
  <tbody>
    <tr><th>0</th><td>Zireda</td><td>7.5</td></tr>
    <tr><th>1</th><td>Tasu</td><td>NaN</td></tr>
  </tbody>
</table>
</div>"""
# An ink without a ground, a ground without an ink, both, and neither.
STYLED_TABLE = """<style type="text/css">
#T_5a1f_row0_col0 { color: navy; }
#T_5a1f_row0_col1 { background-color: #ffffcc; }
#T_5a1f_row1_col0 { background-color: #023858; color: #f1f1f1; }
</style>
<table id="T_5a1f">
  <thead><tr><th class="blank">&nbsp;</th><th>a</th><th>b</th></tr></thead>
  <tbody>
    <tr><th>0</th><td id="T_5a1f_row0_col0">1</td><td id="T_5a1f_row0_col1">2</td></tr>
    <tr><th>1</th><td id="T_5a1f_row1_col0">3</td><td>4</td></tr>
  </tbody>
</table>"""
INLINE_TABLE = (
    '<table><tr><td style="color: #222">5</td><td bgcolor="yellow">6</td></tr></table>'
)
TABLES = [PLAIN_TABLE, STYLED_TABLE, INLINE_TABLE]

WIDE = "word " * 60
LONG_OUTPUT = (
    f"for number in range(120):\n    print(number, {WIDE!r})\nprint('the end')"
)
FOLDED = "<details>\n<summary>Answer</summary>\n\nwhat is folded\n\n</details>"

# Every element that shows text of its own, with its ink and the ground behind it.
# A canvas turns any way to write a colour into numbers. A printer leaves grounds out,
# unless the sheet insists on them.
SEEN = """() => {
  const canvas = new OffscreenCanvas(1, 1);
  const context = canvas.getContext("2d", { willReadFrequently: true });
  const rgba = (colour) => {
    context.clearRect(0, 0, 1, 1);
    context.fillStyle = colour;
    context.fillRect(0, 0, 1, 1);
    return [...context.getImageData(0, 0, 1, 1).data];
  };
  const ground = (element) => {
    for (let at = element; at; at = at.parentElement) {
      const style = getComputedStyle(at);
      const left = matchMedia("print").matches && style.printColorAdjust !== "exact";
      const colour = rgba(style.backgroundColor);
      if (colour[3] === 255 && !left) return colour;
    }
    return [255, 255, 255, 255];
  };
  const own = (element) => [...element.childNodes]
    .some((node) => node.nodeType === 3 && node.data.trim());
  return [...document.querySelectorAll("main *:not(svg *, script, style)")]
    .filter((element) => own(element) && element.checkVisibility())
    .map((element) => ({
      text: element.textContent.trim().slice(0, 40),
      ink: rgba(getComputedStyle(element).color),
      ground: ground(element),
    }));
}"""

# What hides a part of itself behind a scroll bar, or cuts it off.
CUT = """() => [...document.querySelectorAll("main *:not(svg, svg *)")]
  .filter((element) => {
    const { overflowX, overflowY, maxHeight } = getComputedStyle(element);
    return element.checkVisibility()
      && [overflowX, overflowY, maxHeight].join() !== "visible,visible,none";
  })
  .map((element) => `${element.localName}.${element.className}`)"""


def notebook():
    """A notebook with all that folds, asks or scrolls, and with stored tables."""
    new = nbformat.v4

    def shown(html, source="table", tags=()):
        output = new.new_output("display_data", data={"text/html": html})
        return new.new_code_cell(source, outputs=[output], metadata={"tags": [*tags]})

    question = predict(
        "What is it?", code="print(1 + 2)", choices={"3": "added", "12": "joined"}
    )
    cells = [
        new.new_markdown_cell("# On paper"),
        new.new_code_cell("print('first')"),
        new.new_markdown_cell(FOLDED),
        shown(question._repr_html_(), "hidden = 'source'", ["hide-input"]),
        *map(shown, TABLES),
    ]
    return new.new_notebook(cells=cells, metadata={"language_info": {"name": "python"}})


@pytest.fixture(scope="module")
def paper(tmp_path_factory):
    """A server of the small book that has this notebook."""
    root = tmp_path_factory.mktemp("paper")
    server = LiveServer(build_book(root, {"paper": notebook()}))
    yield server
    end_kernels(server)
    server.stop()


@pytest.fixture(params=["light", "dark"])
def reader(request, visit, paper):
    """The page, in a theme that the reader has chosen; not the system's."""
    reader = visit(f"{paper.address}book/paper.html?token={TOKEN}", mode="light")
    switch = reader.page.locator(".theme-switch")
    while reader.page.locator("html").get_attribute("data-mode") != request.param:
        switch.click()
    return reader


def contrast(one, other):
    """WCAG's ratio of two colours, from 1 to 21."""

    def luminance(colour):
        parts = [part / 255 for part in colour[:3]]
        linear = [
            p / 12.92 if p <= 0.04 else ((p + 0.055) / 1.055) ** 2.4 for p in parts
        ]
        return sum(map(float.__mul__, (0.2126, 0.7152, 0.0722), linear))

    dark, light = sorted((luminance(one), luminance(other)))
    return (light + 0.05) / (dark + 0.05)


def unreadable(reader):
    """The texts of the page that can hardly be told from what is behind them."""
    seen = reader.page.evaluate(SEEN)
    assert len(seen) > 20
    return [one for one in seen if contrast(one["ink"], one["ground"]) < 4.5]


def print_out(reader):
    """Show the page as it is printed on A4: 180 mm of text."""
    reader.page.emulate_media(media="print")
    reader.page.set_viewport_size({"width": 680, "height": 900})


def run_what_scrolls(reader):
    """In the page's only cell without a stored output."""
    cell = reader.cell(1)
    cell.do(LONG_OUTPUT)
    cell.expect_output("the end")
    reader.settle()


def test_print_is_dark_ink_on_white(reader):
    run_what_scrolls(reader)
    print_out(reader)
    assert unreadable(reader) == []
    reader.picture(f"print-{reader.page.locator('html').get_attribute('data-theme')}")
    assert reader.page.pdf(format="A4").startswith(b"%PDF")


def test_print_shows_live_outputs_and_listings_whole(reader):
    run_what_scrolls(reader)
    assert reader.page.evaluate(CUT), "the screen scrolls"
    print_out(reader)
    assert reader.page.evaluate(CUT) == []
    wide = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
    assert reader.page.evaluate(wide) <= 0


def test_print_opens_what_is_folded(reader):
    folded = [
        reader.page.get_by_text("what is folded"),
        reader.page.get_by_text("hidden = "),
        reader.page.locator(".dd-quiz [data-choice]").first,
    ]
    for part in folded:
        expect(part).not_to_be_visible()
    print_out(reader)
    for part in folded:
        expect(part).to_be_visible()


def test_print_has_nothing_to_click(reader):
    reader.run(1)
    print_out(reader)
    for name in ("button", "header", "nav", ".live-bar", ".live-note", ".headerlink"):
        expect(reader.page.locator(f"{name}:visible")).to_have_count(0)


def test_tables_are_readable_as_stored_and_as_displayed_anew(reader):
    assert unreadable(reader) == []
    reader.cell(1).do(
        f"from IPython.display import HTML, display\n"
        f"for table in {TABLES!r}: display(HTML(table))"
    )
    expect(reader.cell(1).output.locator("table")).to_have_count(len(TABLES))
    reader.settle()
    assert unreadable(reader) == []
    assert len(reader.page.evaluate(SEEN)) > 40
    reader.picture(f"tables-{reader.page.locator('html').get_attribute('data-theme')}")
