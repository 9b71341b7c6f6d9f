"""The page *Side by side* and its aims: every number has its place in the results."""

import copy
import json
import re
import sys

import pytest

from workshop import pieces, side_by_side
from workshop.side_by_side import AIMS, Table, aims, dots, results, short, stacked

sys.path.insert(0, str(pieces.ROOT / "benchmarks"))

import peers

PAGE = pieces.ROOT / "book" / "side-by-side.ipynb"
CELLS = json.loads(PAGE.read_text("utf-8"))["cells"]
NAMES = {"title": "A title", "alt": "What is to be seen"}


@pytest.fixture
def bench():
    return copy.deepcopy(results("bench"))


@pytest.fixture
def scale():
    return copy.deepcopy(results("scale"))


@pytest.mark.parametrize("aim", AIMS, ids=lambda aim: aim.what)
def test_every_aim_finds_its_number(aim, bench, scale):
    assert aim.find(bench, scale) > 0


def test_an_aim_is_judged_by_what_was_measured(bench, scale):
    bench["hello"]["ours"]["cpu"] = 10
    for cost, verdict in ((99, "✗ no"), (100, "✓ yes"), (300, "✓ yes")):
        bench["hello"]["tornado"]["cpu"] = cost
        row = aims(bench, scale).rows[0]
        assert row == (AIMS[0].what, "at least 10 ×", f"{short(cost / 10)} ×", verdict)


def test_of_several_peers_the_cheapest_counts(bench, scale):
    bench["hello"] |= {
        "ours": {"cpu": 10},
        "granian wsgi": {"cpu": 30},
        "granian asgi": {"cpu": 11},
    }
    (row,) = [row for row in aims(bench, scale).rows if row[0].startswith("granian")]
    assert row[2:] == ("1.10 ×", "✗ no")


def test_at_most_is_the_other_way_round(bench, scale):
    for held, verdict in ((1.4, "✓ yes"), (2.0, "✓ yes"), (2.1, "✗ no")):
        scale["idle"]["ours"]["KiB"] = held
        (row,) = [row for row in aims(bench, scale).rows if "KiB" in row[1]]
        assert row[1] == "at most 2 KiB"
        assert row[3] == verdict


def test_what_a_run_left_out_is_said_to_be_not_measured(bench, scale):
    del bench["hello"]["nginx"], scale["chat"]
    rows = {row[0]: row[2:] for row in aims(bench, scale).rows}
    assert rows["nginx, a bare request"] == ("not measured", "?")
    assert rows["long polls that heard one message"] == ("not measured", "?")
    assert rows["Tornado, a bare request"] != ("not measured", "?")


def test_the_page_names_every_peer():
    text = "".join("".join(c["source"]) for c in CELLS if c["cell_type"] == "markdown")
    for peer in peers.HELLO + peers.ECHO:
        assert f"`{peer.name}`" in text or f"**{peer.name}**" in text, peer.name


def test_the_page_shows_the_results_that_stand_there(bench, scale):
    """After `make bench`, the page has to be run again: `make run NB=…`."""
    shown = "".join(
        "".join(output.get("data", {}).get("text/plain", []))
        for cell in CELLS
        for output in cell.get("outputs", [])
    )
    assert repr(aims(bench, scale)) in shown
    for name, of in bench["hello"].items():
        assert f"{name} | {of['rate']:,.0f} | {short(of['cpu'])} | " in shown


def test_no_number_of_the_results_is_typed_into_a_cell():
    costs = {
        f"{of['cpu']}"
        for scenario in ("hello", "browser", "echo")
        for of in results("bench")[scenario].values()
    }
    for cell in CELLS:
        numbers = set(re.findall(r"\d+\.\d+", "".join(cell["source"])))
        assert not numbers & costs, cell["id"]


def test_a_table_has_heads_and_escapes():
    table = Table(("a <b>", "n", "word"), [("x & y", "1", "yes")], text=(2,))
    page = table._repr_html_()
    assert '<th scope="col">a &lt;b&gt;</th>' in page
    assert '<th scope="row">x &amp; y</th>' in page
    assert '<td class="text-right">1</td><td>yes</td>' in page
    assert repr(table) == "a <b> | n | word\nx & y | 1 | yes"


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (1234.5, "1,234"),
        (372.2, "372"),
        (26.16, "26.2"),
        (1.0, "1.00"),
        (0.341, "0.34"),
    ],
)
def test_three_digits_count(value, text):
    assert short(value) == text


def test_the_dots_stand_where_equal_lengths_are_equal_ratios():
    figure = dots({"x": [1, 10], "ours": [10, 100]}, ["o", "q"], unit="µs", **NAMES)
    rows = re.findall(
        r'<line x1="([\d.]+)" y1="([\d.]+)" x2="([\d.]+)" y2="\2"', figure.svg()
    )
    lengths = {round(float(x2) - float(x1)) for x1, _, x2 in rows}
    assert len(rows) == 2
    assert len(lengths) == 1
    assert re.search(r'font-weight="600"[^>]*>ours<', figure.svg())


def test_the_parts_of_a_bar_add_up():
    figure = stacked({"a": [1, 3], "b": [2, 0]}, ["one", "two"], unit="µs", **NAMES)
    bars = re.findall(r'<rect x="[\d.]+" y="[\d.]+" width="([\d.]+)"', figure.svg())[2:]
    first, rest, second = map(float, bars)
    assert rest == pytest.approx(3 * first, rel=0.01)
    assert second == pytest.approx(2 * first, rel=0.01)
    assert "1.00 + 3.00 µs" in figure.svg()


def test_results_are_read_from_the_folder_of_the_benchmarks(tmp_path, monkeypatch):
    monkeypatch.setattr(side_by_side, "RESULTS", tmp_path)
    (tmp_path / "bench.json").write_text('{"hello": {}}')
    assert results("bench") == {"hello": {}}
