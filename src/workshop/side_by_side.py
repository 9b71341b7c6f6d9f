"""The page *Side by side*: what the benchmarks found, and what was aimed at.

The numbers stand in benchmarks/results/ alone, where `make bench` and `make
bench-scale` put them. Here they are only read, so a new run of those and `make run
NB=book/side-by-side.ipynb` renew the page.
"""

import html
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from workshop import checkout
from workshop.figures import WIDTH, Axis, Drawing, number

RESULTS = checkout.ROOT / "benchmarks" / "results"
Results = Mapping[str, Any]


def results(name: str) -> Results:
    """What benchmarks/results/NAME.json holds. Raises NoCheckout."""
    checkout.need()
    return json.loads((RESULTS / f"{name}.json").read_text("utf-8"))


def short(value: float) -> str:
    """A number with three digits that count: 372, 26.2, 0.34."""
    if value >= 100:
        return f"{value:,.0f}"
    return f"{value:.1f}" if value >= 10 else f"{value:.2f}"


@dataclass(frozen=True)
class Table:
    """Rows of text under a head; the first column names the row.

    `text` are the columns, by number, that hold words and not numbers.
    """

    head: Sequence[str]
    rows: Sequence[Sequence[str]]
    text: tuple[int, ...] = ()

    def _repr_html_(self) -> str:
        head = "".join(
            self._cell("th", n, name, "col") for n, name in enumerate(self.head)
        )
        body = "".join(
            "<tr>"
            + "".join(
                self._cell("td" if n else "th", n, value, "" if n else "row")
                for n, value in enumerate(row)
            )
            + "</tr>"
            for row in self.rows
        )
        return (
            f'<div class="table-scroll" tabindex="0"><table class="results">'
            f"<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>"
        )

    def _cell(self, tag: str, column: int, value: str, scope: str) -> str:
        scope = f' scope="{scope}"' if scope else ""
        words = column == 0 or column in self.text
        side = "" if words else ' class="text-right"'
        return f"<{tag}{scope}{side}>{html.escape(value)}</{tag}>"

    def __repr__(self) -> str:
        return "\n".join(" | ".join(row) for row in [self.head, *self.rows])


# --- aims ------------------------------------------------------------------------

HELLO, BROWSER = "a bare request", "a browser's request"


@dataclass(frozen=True)
class Aim:
    """A number that was aimed at before anything was measured, and where it is now.

    `find(bench, scale)` raises KeyError where it was not measured.
    """

    what: str
    aim: float
    find: Callable[[Results, Results], float]
    unit: str = "×"
    most: bool = False  # the aim is "at most", not "at least"

    def reached(self, measured: float) -> bool:
        """Whether so much is enough."""
        return measured <= self.aim if self.most else measured >= self.aim


def times(scenario: str, ours: str, *peers: str) -> Callable[..., float]:
    """How often the cheapest of these peers' cost holds ours, in bench.json."""

    def find(bench: Results, scale: Results) -> float:
        costs = bench[scenario]
        return min(costs[peer]["cpu"] for peer in peers) / costs[ours]["cpu"]

    return find


def task(what: str) -> Callable[..., float]:
    """How often asyncio's cost of a switch, or a spawn, holds ours."""

    def find(bench: Results, scale: Results) -> float:
        costs = bench["tasks"][what]
        return costs["asyncio"] / costs["ours"]

    return find


def tail(ours: str) -> Callable[..., float]:
    """How often uvicorn's p99 holds ours, at the same rate."""

    def find(bench: Results, scale: Results) -> float:
        peers = bench["latency"]["peers"]
        return peers["uvicorn uvloop"]["p99"] / peers[ours]["p99"]

    return find


def beside(ours: str) -> Callable[..., float]:
    """How often the p99 without idle connections holds that beside them."""

    def find(bench: Results, scale: Results) -> float:
        p99 = scale["idle"][ours]["p99"]
        return p99["beside"] / p99["alone"]

    return find


UVICORN, GRANIAN = "uvicorn uvloop", ("granian wsgi", "granian asgi")
AIMS = (
    Aim(f"Tornado, {HELLO}", 10, times("hello", "ours", "tornado")),
    Aim(f"uvicorn, {HELLO}", 2, times("hello", "ours", UVICORN)),
    Aim(f"granian, {HELLO}", 1.2, times("hello", "ours", *GRANIAN)),
    Aim(f"nginx, {HELLO}", 0.6, times("hello", "ours", "nginx")),
    Aim(f"nginx, {HELLO}, ours + C", 0.8, times("hello", "ours + C", "nginx")),
    Aim(f"uvicorn, {BROWSER}", 1.2, times("browser", "ours", UVICORN)),
    Aim(f"uvicorn, {BROWSER}, ours + C", 2, times("browser", "ours + C", UVICORN)),
    Aim("waitress, WSGI", 2, times("hello", "ours wsgi", "waitress")),
    Aim("gunicorn gthread, WSGI", 2, times("hello", "ours wsgi", "gunicorn gthread")),
    Aim("websockets, echo", 2, times("echo", "ours", "websockets")),
    Aim("Tornado, echo", 2, times("echo", "ours", "tornado")),
    Aim("asyncio, a task's switch", 2, task("switch")),
    Aim("asyncio, a task's spawn", 3, task("spawn")),
    Aim("uvicorn, p99 at half load", 1, tail("ours")),
    Aim("uvicorn, p99 at half load, ours + C", 1, tail("ours + C")),
    Aim(
        "memory of an idle connection",
        2,
        lambda _, scale: scale["idle"]["ours"]["KiB"],
        "KiB",
        most=True,
    ),
    Aim("p99 beside idle connections, to p99 alone", 2, beside("ours"), most=True),
    Aim(
        "the same, ours + C",
        2,
        beside("ours + C"),
        most=True,
    ),
    Aim(
        "long polls that heard one message",
        10_000,
        lambda _, scale: scale["chat"]["heard"],
        "",
    ),
)


def aims(bench: Results, scale: Results) -> Table:
    """Every aim, what was measured, and whether it is reached."""
    rows = []
    for aim in AIMS:
        bound = "at most" if aim.most else "at least"
        wanted = f"{bound} {number(aim.aim)} {aim.unit}".rstrip()
        try:
            measured = aim.find(bench, scale)
        except KeyError:
            rows.append((aim.what, wanted, "not measured", "?"))
            continue
        verdict = "✓ yes" if aim.reached(measured) else "✗ no"
        found = f"{short(measured)} {aim.unit}".rstrip()
        rows.append((aim.what, wanted, found, verdict))
    return Table(("beside whom, in what", "aim", "measured", "reached"), rows, (3,))


# --- figures ---------------------------------------------------------------------


def is_ours(name: str) -> bool:
    """Whether a server is one of ours."""
    return name.startswith("ours")


def dots(
    rows: Mapping[str, Sequence[float]],
    names: Sequence[str],
    *,
    title: str,
    alt: str,
    unit: str,
) -> Drawing:
    """A row for each server, with one or two values on a logarithmic axis.

    The first is a full circle and the second a square, with a line between them: equal
    lengths are equal ratios. Ours are bold.
    """
    row, top = 30, 34
    bottom = top + row * len(rows)
    drawing = Drawing(title, alt, height=bottom + 42)
    values = [value for of in rows.values() for value in of]
    across = Axis(min(values) / 1.15, max(values) * 1.15, 148, WIDTH - 14, log=True)
    for tick in across.ticks((1, 2, 5)):
        x = across(tick)
        drawing.line(x, top - 8, x, bottom, stroke="line", stroke_width=1)
        drawing.text(
            x, bottom + 16, number(tick), anchor="middle", size=12, fill="soft"
        )
    middle = (across.start + across.end) / 2
    drawing.text(middle, bottom + 34, unit, anchor="middle", size=12, fill="soft")
    for n, name in enumerate(names):
        _mark(drawing, n, 154 + 130 * n, 12, "a")
        drawing.text(164 + 130 * n, 16, name, size=12)
    for n, (name, of) in enumerate(rows.items()):
        y = top + row * n + row / 2
        tone = "b" if is_ours(name) else "a"
        ours = is_ours(name)
        drawing.text(4, y + 5, name, bold=ours, fill=tone if ours else "ink")
        drawing.line(across(min(of)), y, across(max(of)), y, stroke=tone)
        for place, value in enumerate(of):
            _mark(drawing, place, across(value), y, tone)
    return drawing


def _mark(drawing: Drawing, kind: int, x: float, y: float, tone: str) -> None:
    if kind:
        drawing.rect(x - 4.5, y - 4.5, 9, 9, fill="paper", stroke=tone, rx=1)
    else:
        drawing.circle(x, y, 5, fill=tone)


def stacked(
    rows: Mapping[str, Sequence[float]],
    parts: Sequence[str],
    *,
    title: str,
    alt: str,
    unit: str,
) -> Drawing:
    """Bars of two parts each: the first full, the second pale with a rim."""
    row, top = 46, 34
    drawing = Drawing(title, alt, height=top + row * len(rows) + 4)
    most = max(sum(of) for of in rows.values())
    across = Axis(0, most, 4, WIDTH - 4)
    for place, part in enumerate(parts):
        x = 4 + 190 * place
        _piece(drawing, x, 6, 14, place)
        drawing.text(x + 20, 18, part, size=12)
    for n, (name, of) in enumerate(rows.items()):
        y = top + row * n
        drawing.text(4, y + 14, name, bold=is_ours(name))
        said = " + ".join(short(value) for value in of if value)
        drawing.text(WIDTH - 4, y + 14, f"{said} {unit}", anchor="end", bold=True)
        begin = 0.0
        for place, value in enumerate(of):
            if value > 0:
                left = across(begin)
                _piece(drawing, left, y + 20, across(begin + value) - left, place)
            begin += value
    return drawing


def _piece(drawing: Drawing, x: float, y: float, width: float, place: int) -> None:
    fill, rim = (("c", "c"), ("b-soft", "b"))[place]
    drawing.rect(x, y, max(2, width), 14, fill=fill, stroke=rim, rx=2)
