"""Figures are sound SVG in the page's colours, and steps do what frames say.

Outside the book's pages a figure is its PNG, which must be readable on any page.
"""

import base64
import html
import io
import itertools
import json
import re
import textwrap
from xml.etree import ElementTree

import pytest
from fontTools.ttLib import TTFont
from IPython.core.formatters import DisplayFormatter
from PIL import Image, ImageChops, ImageColor, ImageFont, ImageStat

from support.places import ROOT
from workshop import pieces
from workshop.figures import (
    PALETTE,
    SMALL,
    STEP_COLUMNS,
    TITLE_COLUMNS,
    WIDTH,
    Axis,
    Drawing,
    Lane,
    bar_chart,
    line_chart,
    number,
    player,
    timeline,
)
from workshop.pictures import FIGURE, FONTS, SCALE, font_files, for_the_page

STATIC = ROOT / "book" / "_static"
NAMES = {"title": "A title <b>", "alt": "What is & to be seen"}
SVG = "{http://www.w3.org/2000/svg}"


def drawing():
    d = Drawing(**NAMES, height=100)
    d.rect(1, 2, 30, 40, fill="a-soft", stroke="a", key="box")
    d.circle(50, 50, 5)
    d.line(0, 0, 10, 10)
    d.arrow(0, 0, 10, 10)
    d.path([(0, 0), (5, 5.25)])
    d.text(5, 20, "x < y", key="label", bold=True, mono=True)
    return d


def charts():
    yield drawing()
    yield bar_chart({"poll": 310.5, "epoll": 0.7}, unit="µs", log=True, **NAMES)
    yield bar_chart({"none": 0, "some": 3}, **NAMES)
    points = {"a": [(10, 1.0), (1000, 250.0)], "b": [(10, 0.5), (1000, 0.6)]}
    yield line_chart(points, x="sockets", y="µs", log="xy", **NAMES)
    yield line_chart(points, x="sockets", y="µs", **NAMES)
    lanes = [Lane("one", [(0, 0.5, "waits")]), Lane("two", marks=[(0.4, "answer")])]
    yield timeline(lanes, unit="s", **NAMES)


FIGURES = list(charts())


@pytest.mark.parametrize("figure", FIGURES, ids=range(6))
def test_every_figure_is_sound_and_says_what_it_shows(figure):
    svg = figure.svg().replace("<svg ", '<svg xmlns="http://www.w3.org/2000/svg" ')
    root = ElementTree.fromstring(svg)
    assert root.get("role") == "img"
    title, description = root.find(f"{SVG}title"), root.find(f"{SVG}desc")
    assert root.get("aria-labelledby") == f"{title.get('id')} {description.get('id')}"
    assert title.text == NAMES["title"]
    assert description.text == NAMES["alt"]
    assert repr(figure) == f"{NAMES['title']}. {NAMES['alt']}"


@pytest.mark.parametrize("figure", FIGURES, ids=range(6))
def test_every_figure_can_be_read_on_a_phone_in_any_theme(figure):
    svg = figure.svg()
    width = int(re.search(r'viewBox="0 0 (\d+) ', svg)[1])
    assert width <= WIDTH
    assert all(float(size) >= 12 for size in re.findall(r'font-size="([\d.]+)"', svg))
    for colour in re.findall(r' (?:fill|stroke)="([^"]*)"', svg):
        assert colour == "none" or colour.startswith("var(--dd-")


@pytest.mark.parametrize("figure", FIGURES, ids=range(6))
def test_nothing_is_drawn_outside(figure):
    _, _, width, height = map(
        float, re.search(r'viewBox="([^"]+)"', figure.svg())[1].split()
    )
    for x, y in re.findall(r' c?x="(-?[\d.]+)" c?y="(-?[\d.]+)"', figure.svg()):
        assert 0 <= float(x) <= width
        assert 0 <= float(y) <= height


def test_a_figure_without_alt_text_is_refused():
    with pytest.raises(ValueError, match="alt text"):
        Drawing("title", " ")


def test_the_same_figure_gives_the_same_page():
    assert drawing()._repr_mimebundle_() == drawing()._repr_mimebundle_()


def test_colours_are_names_of_the_palette():
    with pytest.raises(KeyError):
        drawing().rect(0, 0, 1, 1, fill="#ff0000")


def test_the_style_sheet_defines_the_palette():
    css = (STATIC / "kit.css").read_text()
    for name in PALETTE.keys() - {"none"}:
        assert f"--dd-{name}:" in css, name


def test_axes_put_values_and_ticks_in_their_places():
    linear = Axis(0, 10, 100, 0)
    assert [linear(v) for v in (0, 5, 10)] == [100, 50, 0]
    assert linear.ticks() == [0, 2, 4, 6, 8, 10]
    log = Axis(10, 10_000, 0, 300, log=True)
    assert log(100) == pytest.approx(100)
    assert log.ticks() == [10, 100, 1000, 10_000]
    assert Axis(7, 450, 0, 1, log=True).ticks((1, 2, 5)) == [10, 20, 50, 100, 200]
    assert Axis(94, 956, 0, 1).ticks() == [200, 400, 600, 800], "none outside"
    assert Axis(0, 0.53, 0, 1).ticks() == pytest.approx([0, 0.1, 0.2, 0.3, 0.4, 0.5])


def test_numbers_are_written_for_readers():
    assert [number(n) for n in (0, 0.05, 0.5, 1, 2.5, 20, 1000, 1e6)] == [
        "0", "0.05", "0.5", "1", "2.5", "20", "1,000", "1,000,000",
    ]  # fmt: skip


# --- pictures --------------------------------------------------------------------


def shown(figure):
    """The data and metadata that a kernel sends for a figure."""
    return DisplayFormatter().format(figure)


def picture(data):
    return Image.open(io.BytesIO(base64.b64decode(data["image/png"])))


def contrast(one, other):
    """As WCAG 2 defines it: 1 for equal colours, 21 for black on white."""

    def light(name):
        shares = [part / 255 for part in ImageColor.getrgb(PALETTE[name])]
        linear = [
            share / 12.92 if share <= 0.04045 else ((share + 0.055) / 1.055) ** 2.4
            for share in shares
        ]
        return sum(map(float.__mul__, linear, (0.2126, 0.7152, 0.0722)))

    dark, bright = sorted((light(one), light(other)))
    return (bright + 0.05) / (dark + 0.05)


@pytest.mark.parametrize("figure", FIGURES, ids=range(6))
def test_viewers_find_nothing_that_they_prefer_to_the_picture(figure):
    data, metadata = shown(figure)
    # JupyterLab, VS Code and GitHub all prefer text/html and change it afterwards.
    assert data.keys() == {FIGURE, "image/png", "text/plain"}
    assert data["text/plain"] == repr(figure)
    assert "<svg" in data[FIGURE]
    assert metadata["image/png"]["width"] < picture(data).width, "sharp when enlarged"


@pytest.mark.parametrize("figure", FIGURES, ids=range(6))
def test_a_picture_brings_its_own_paper_and_fixed_colours(figure):
    made = picture(shown(figure)[0])
    assert "transparency" not in made.info
    made = made.convert("RGB")
    width, height = made.size
    corners = itertools.product((0, width - 1), (0, height - 1))
    paper = ImageColor.getrgb(PALETTE["paper"])
    assert {made.getpixel(corner) for corner in corners} == {paper}
    used = set(re.findall(r"(?:fill|stroke)=\"var\(--dd-([a-z-]+)", figure.svg()))
    there = [colour for _, colour in made.getcolors(width * height)]
    for name in used | {"ink"}:
        wanted = ImageColor.getrgb(PALETTE[name])
        nearest = min(
            max(abs(a - b) for a, b in zip(wanted, colour, strict=True))
            for colour in there
        )
        assert nearest <= 12, name


@pytest.mark.parametrize("tone", ["ink", "soft", "a", "b", "c", "d"])
def test_letters_stand_out_from_the_paper(tone):
    assert contrast(tone, "paper") >= 4.5
    for area in "abcd":
        assert contrast("ink", f"{area}-soft") >= 4.5


def test_a_picture_says_the_title_and_the_steps_below_the_drawing():
    still, moving = picture(shown(drawing())[0]), picture(shown(walk())[0])
    below = 100 * SCALE
    assert still.height > below + 14 * SCALE
    assert moving.height - still.height >= len(FRAMES) * SMALL * SCALE
    for made, end in ((still, still.height), (moving, moving.height)):
        lightest, _ = made.convert("L").crop((0, below, made.width, end)).getextrema()
        assert lightest < 60, "letters in ink"


def test_the_book_s_build_takes_the_other_form():
    data, _ = shown(drawing())
    output = {"output_type": "execute_result", "data": dict(data)}
    cells = [{"cell_type": "markdown"}, {"cell_type": "code", "outputs": [output]}]
    for_the_page({"cells": cells})
    assert output["data"] == {
        "text/html": data[FIGURE],
        "text/plain": data["text/plain"],
    }


def stored():
    """What every notebook holds for each of its figures."""
    folders = (pieces.ROOT / "book", pieces.ROOT / "labs")
    for path in sorted(file for top in folders for file in top.rglob("*.ipynb")):
        for cell in json.loads(path.read_text("utf-8"))["cells"]:
            for output in cell.get("outputs", ()):
                if "dd-figure" in json.dumps(output):
                    yield pytest.param(output, id=f"{path.stem}-{cell['id']}")


STORED = list(stored())
assert STORED, "pytest would skip the tests of none"


def redrawn(page):
    """The drawing and the steps that a stored figure shows in the book's pages."""
    width, height = map(int, re.search(r'viewBox="0 0 (\d+) (\d+)"', page).groups())
    title, alt, shapes = re.search(
        r"<title[^>]*>(.*?)</title><desc[^>]*>(.*?)</desc>(.*)</svg>", page, re.DOTALL
    ).groups()
    drawing = Drawing(html.unescape(title), html.unescape(alt), width, height)
    drawing._shapes = [shapes]
    frames = re.search(r'json">(.*?)</script>', page, re.DOTALL)
    said = [frame["say"] for frame in json.loads(frames[1])] if frames else []
    return drawing, said


@pytest.mark.parametrize("output", STORED)
def test_a_stored_figure_has_the_picture_of_what_the_page_shows(output):
    data = {kind: "".join(text) for kind, text in output["data"].items()}
    assert data.keys() == {FIGURE, "image/png", "text/plain"}
    figure, steps = redrawn(data[FIGURE])
    kept = picture(data).convert("RGB")
    wanted = Image.open(io.BytesIO(figure.picture(steps))).convert("RGB")
    assert kept.size == wanted.size
    difference = ImageStat.Stat(ImageChops.difference(kept, wanted))
    assert max(difference.mean) < 1, "store the outputs again: workshop run"


@pytest.mark.parametrize("output", STORED)
def test_the_words_of_a_stored_picture_fit_and_have_their_letters(output):
    figure, steps = redrawn("".join(output["data"][FIGURE]))
    sans = font_files(["DejaVuSans"])[0]
    lines = [(14, WIDTH, textwrap.wrap(figure.title, TITLE_COLUMNS))]
    lines += [(SMALL, WIDTH - 24, textwrap.wrap(say, STEP_COLUMNS)) for say in steps]
    for size, room, broken in lines:
        font = ImageFont.truetype(sans, size)
        assert all(font.getlength(line) <= room for line in broken), broken
    letters = set("".join(ElementTree.fromstring(figure.svg()).itertext()))
    known = TTFont(sans).getBestCmap()
    assert not {c for c in letters - {"\n"} if ord(c) not in known}


def test_the_fonts_of_pictures_are_there():
    for file in font_files(FONTS.values()):
        assert file.is_file(), file


# --- moving figures --------------------------------------------------------------

FRAMES = [
    ("The box turns.", {"box": {"fill": "b", "x": 7}}),
    ("It </script> speaks.", {"label": {"text": "seven"}}),
    ("It comes back.", {"box": {"x": 1}}),
]


def walk():
    return player(drawing(), FRAMES)


def test_frames_are_data_and_a_list_of_sentences():
    page = walk().html()
    data = re.search(r"json\">(.*?)</script>", page)[1]
    frames = json.loads(data)
    assert [frame["say"] for frame in frames] == [say for say, _ in FRAMES]
    assert frames[0]["set"]["box"] == {"fill": "var(--dd-b, #a84a05)", "x": 7}
    assert page.count("<li>") == 3
    assert "It &lt;/script&gt; speaks." in page


def test_a_frame_for_a_shape_that_is_not_there_is_refused():
    with pytest.raises(KeyError, match="cox"):
        player(drawing(), [("?", {"cox": {"x": 1}})])


def test_the_scripts_are_small():
    assert (STATIC / "player.js").stat().st_size <= 15 * 1024
    assert (STATIC / "quiz.js").stat().st_size <= 6 * 1024


@pytest.fixture(scope="module")
def page(tmp_path_factory, browser):
    from workshop.quiz import predict

    quiz = predict("1 + 2?", code="1 + 2", choices={"12": "Text.", "3": "Numbers."})
    folder = tmp_path_factory.mktemp("page")
    (folder / "index.html").write_text(
        '<!DOCTYPE html><html><head><meta charset="utf-8">'
        + "".join(
            f"<script defer>{(STATIC / name).read_text()}</script>"
            for name in ("player.js", "quiz.js")
        )
        + f"</head><body>{walk().html()}"
        f"{quiz._repr_html_()}</body></html>"
    )
    tab = browser.new_page()
    tab.goto((folder / "index.html").as_uri())
    return tab


def test_the_player_steps_forth_and_back(page):
    page.reload()
    box, label = page.locator("[data-k=box]"), page.locator("[data-k=label]")
    said = page.locator(".dd-say")
    still = box.get_attribute("fill")
    page.get_by_label("Step forward").click()
    assert said.text_content() == "1 of 3. The box turns."
    assert box.get_attribute("x") == "7"
    assert "--dd-b" in box.get_attribute("fill")
    page.keyboard.press("ArrowRight")
    assert label.text_content() == "seven"
    page.keyboard.press("End")
    assert box.get_attribute("x") == "1"
    assert page.get_by_label("Step forward").is_disabled()
    page.get_by_label("Step", exact=True).focus()
    page.keyboard.press("ArrowLeft")
    assert box.get_attribute("x") == "7"
    page.keyboard.press("Home")
    assert box.get_attribute("fill") == still
    assert label.text_content() == "x < y"


def test_the_player_plays_and_stops_at_the_end(page):
    page.clock.install()
    page.reload()
    page.get_by_label("Play").click()
    assert page.locator(".dd-say").text_content().startswith("1 of 3")
    page.clock.run_for(20_000)
    assert page.locator(".dd-say").text_content().startswith("3 of 3")
    assert page.get_by_label("Play").count() == 1
    page.get_by_label("Play").click()
    assert page.locator(".dd-say").text_content().startswith("1 of 3")
    page.get_by_label("Pause").click()
    page.clock.run_for(20_000)
    assert page.locator(".dd-say").text_content().startswith("1 of 3")


def test_a_prediction_answers_after_the_choice_and_not_before(page):
    page.reload()
    assert not page.locator(".dd-quiz details").is_visible()
    page.get_by_role("button", name="prediction").click()
    assert "Choose one" in page.locator(".dd-feedback").text_content()
    page.locator(".dd-quiz input").first.focus()
    page.keyboard.press("Space")
    page.keyboard.press("Enter")
    assert "No. Text." in page.locator(".dd-feedback").text_content()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    assert "Yes. Numbers." in page.locator(".dd-feedback").text_content()
    assert page.locator(".dd-quiz details").is_visible()


def test_what_a_cell_displays_later_works_as_well(page):
    page.reload()
    for kind in (".dd-player", ".dd-quiz"):
        page.evaluate(
            """kind => {
                const old = document.querySelector(kind).cloneNode(true);
                delete old.dataset.ready;
                old.querySelectorAll(".dd-controls, .dd-say, button, .dd-feedback")
                  .forEach(part => part.remove());
                const made = document.createElement("div");
                made.innerHTML = old.outerHTML;
                document.body.append(made);
            }""",
            kind,
        )
    page.locator(".dd-controls").nth(1).wait_for()
    page.locator(".dd-quiz button").nth(1).wait_for()
    page.get_by_label("Step forward").nth(1).click()
    assert page.locator(".dd-say").nth(1).text_content().startswith("1 of 3")
    assert page.locator(".dd-say").nth(0).text_content().startswith("Press play")
