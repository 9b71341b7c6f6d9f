"""Figures: small SVG drawings and charts in one visual language.

In the book's pages a figure is inline SVG, so that its colours are the page's CSS
variables (light and dark) and its text stays text. Every other viewer shows the PNG
that goes with it (see `workshop.pictures`). Each figure must have an alt text, which
is also its plain-text form. The default width is 420 units: on a phone 390 pixels wide
a 14-unit letter is still about 12 pixels high.
"""

import hashlib
import html
import json
import math
import textwrap
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from workshop import pictures

# Names of the palette, each with the colour that it has in the light theme and in
# pictures. The dark theme's are in style.css.
# a, b, c, d tell series apart; each has a "-soft" twin for areas behind text.
PALETTE = {
    "ink": "#1c2733",
    "soft": "#566573",
    "line": "#c3ccd5",
    "paper": "#ffffff",
    "a": "#1f5fae",
    "b": "#a84a05",
    "c": "#1a7446",
    "d": "#96296a",
    "a-soft": "#dbe8f8",
    "b-soft": "#fae3d0",
    "c-soft": "#d6efe1",
    "d-soft": "#f6dcea",
    "none": "none",
}
SERIES = "abcd"
DASHES = ("", "6 3", "2 3", "8 3 2 3")
WIDTH = 420
FONT = 14
SMALL = 12


def colour(name: str) -> str:
    """The CSS value of a palette name: a variable with a fallback."""
    if name == "none":
        return name
    return f"var(--dd-{name}, {PALETTE[name]})"


def _attributes(values: Mapping[str, object]) -> str:
    parts = []
    for key, value in values.items():
        if value is None or value == "":
            continue
        if key in ("fill", "stroke"):
            value = colour(str(value))
        if isinstance(value, float):
            value = f"{value:.1f}".removesuffix(".0")
        name = {"key": "data-k"}.get(key, key.replace("_", "-"))
        parts.append(f' {name}="{html.escape(str(value))}"')
    return "".join(parts)


@dataclass
class Drawing:
    """An SVG drawing: call its methods, then let the cell display it.

    Lengths are in SVG units (see the module's docstring). Colours are names of
    PALETTE. Any shape takes `key=`, a name under which a player's frames change it,
    and further SVG attributes as keywords (`stroke_width=2`).
    Raises ValueError without a title and an alt text.
    """

    title: str
    alt: str
    width: int = WIDTH
    height: int = 200
    _shapes: list[str] = field(default_factory=list, repr=False)
    _keys: set[str] = field(default_factory=set, repr=False)

    def __post_init__(self) -> None:
        if not self.title.strip() or not self.alt.strip():
            raise ValueError("a figure needs a title and an alt text")

    def _add(self, tag: str, inner: str = "", **attributes: object) -> None:
        if key := attributes.get("key"):
            self._keys.add(str(key))
        close = f">{inner}</{tag}>" if inner or tag == "text" else "/>"
        self._shapes.append(f"<{tag}{_attributes(attributes)}{close}")

    def rect(
        self,
        x: float,
        y: float,
        width: float,
        height: float,
        *,
        fill: str = "none",
        stroke: str = "line",
        rx: float = 4,
        **more: object,
    ) -> None:
        """A rectangle from its upper left corner."""
        self._add(
            "rect",
            x=x,
            y=y,
            width=width,
            height=height,
            fill=fill,
            stroke=stroke,
            rx=rx,
            **more,
        )

    def circle(
        self,
        x: float,
        y: float,
        r: float,
        *,
        fill: str = "a",
        stroke: str = "none",
        **more: object,
    ) -> None:
        """A circle around (x, y)."""
        self._add("circle", cx=x, cy=y, r=r, fill=fill, stroke=stroke, **more)

    def line(
        self,
        x1: float,
        y1: float,
        x2: float,
        y2: float,
        *,
        stroke: str = "soft",
        stroke_width: float = 1.5,
        **more: object,
    ) -> None:
        """A straight line."""
        self._add(
            "line",
            x1=x1,
            y1=y1,
            x2=x2,
            y2=y2,
            stroke=stroke,
            stroke_width=stroke_width,
            **more,
        )

    def path(
        self,
        points: Iterable[tuple[float, float]],
        *,
        stroke: str = "a",
        stroke_width: float = 2,
        **more: object,
    ) -> None:
        """A line through `points`."""
        d = "M" + "L".join(f"{x:.1f} {y:.1f}" for x, y in points)
        self._add(
            "path",
            d=d,
            fill="none",
            stroke=stroke,
            stroke_width=stroke_width,
            stroke_linejoin="round",
            **more,
        )

    def arrow(
        self,
        x1: float,
        y1: float,
        x2: float,
        y2: float,
        *,
        stroke: str = "soft",
        stroke_width: float = 1.5,
        **more: object,
    ) -> None:
        """A line with a head at its second end."""
        angle = math.atan2(y2 - y1, x2 - x1)
        wings = [
            (x2 - 7 * math.cos(angle + turn), y2 - 7 * math.sin(angle + turn))
            for turn in (0.45, -0.45)
        ]
        (ax, ay), (bx, by) = wings
        d = (
            f"M{x1:.1f} {y1:.1f}L{x2:.1f} {y2:.1f}"
            f"M{ax:.1f} {ay:.1f}L{x2:.1f} {y2:.1f}L{bx:.1f} {by:.1f}"
        )
        self._add(
            "path",
            d=d,
            fill="none",
            stroke=stroke,
            stroke_width=stroke_width,
            stroke_linecap="round",
            **more,
        )

    def text(
        self,
        x: float,
        y: float,
        text: object,
        *,
        fill: str = "ink",
        size: float = FONT,
        anchor: str = "start",
        bold: bool = False,
        mono: bool = False,
        **more: object,
    ) -> None:
        """Text on the baseline y; `anchor` is start, middle or end."""
        self._add(
            "text",
            html.escape(str(text)),
            x=x,
            y=y,
            fill=fill,
            font_size=size,
            text_anchor="" if anchor == "start" else anchor,
            font_weight="600" if bold else "",
            font_family="monospace" if mono else "",
            **more,
        )

    def svg(self) -> str:
        """The drawing as an <svg> element with role, title and description."""
        body = "".join(self._shapes)
        name = hashlib.sha256((self.title + self.alt + body).encode()).hexdigest()[:8]
        return (
            f'<svg viewBox="0 0 {self.width} {self.height}" role="img" '
            f'aria-labelledby="t{name} d{name}" font-family="system-ui, sans-serif">'
            f'<title id="t{name}">{html.escape(self.title)}</title>'
            f'<desc id="d{name}">{html.escape(self.alt)}</desc>{body}</svg>'
        )

    def __repr__(self) -> str:
        return f"{self.title}. {self.alt}"

    def html(self) -> str:
        """The figure as the book's pages show it."""
        return (
            f'<figure class="dd-figure">{self.svg()}'
            f"<figcaption>{html.escape(self.title)}</figcaption></figure>"
        )

    def picture(self, steps: Sequence[str] = ()) -> bytes:
        """The figure as a PNG, with its title and these steps in words."""
        return pictures.png(_card(self, steps))

    def _repr_mimebundle_(self, include: object = None, exclude: object = None):
        return pictures.bundle(self.html(), self.picture())


# --- pictures --------------------------------------------------------------------

MARGIN = 12
TITLE_COLUMNS, STEP_COLUMNS = 54, 60  # characters that fit into a line


def _card(drawing: Drawing, steps: Sequence[str]) -> str:
    """An SVG that explains itself on any page: the drawing on paper, words below."""
    words = Drawing(drawing.title, drawing.alt)
    bottom = drawing.height + 8
    for line in textwrap.wrap(drawing.title, TITLE_COLUMNS):
        bottom += 20
        words.text(0, bottom, line)
    for number, step in enumerate(steps, 1):
        bottom += 6
        words.text(0, bottom + 16, f"{number}.", fill="soft", size=SMALL)
        for line in textwrap.wrap(step, STEP_COLUMNS):
            bottom += 16
            words.text(24, bottom, line, fill="soft", size=SMALL)
    width, height = drawing.width + 2 * MARGIN, bottom + 2 * MARGIN
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}">'
        f'<rect width="{width}" height="{height}" fill="{colour("paper")}"/>'
        f'<g transform="translate({MARGIN} {MARGIN})">'
        f"{''.join(drawing._shapes + words._shapes)}</g></svg>"
    )


# --- charts ----------------------------------------------------------------------


@dataclass(frozen=True)
class Axis:
    """Maps values to places between two ends of a drawing."""

    low: float
    high: float
    start: float
    end: float
    log: bool = False

    def __call__(self, value: float) -> float:
        """The place of `value`."""
        low, high = self.low, self.high
        if self.log:
            value, low, high = math.log10(value), math.log10(low), math.log10(high)
        share = (value - low) / ((high - low) or 1)
        return self.start + share * (self.end - self.start)

    def ticks(self, digits: Sequence[int] = (1,)) -> list[float]:
        """Round values within the axis: four to six steps, or, where it is logarithmic,
        these digits, each with every power of ten."""
        if self.log:
            first = math.floor(math.log10(self.low) + 1e-9)
            last = math.floor(math.log10(self.high) + 1e-9)
            values = (n * 10.0**p for p in range(first, last + 1) for n in digits)
            low, high = self.low * (1 - 1e-9), self.high * (1 + 1e-9)
            return [value for value in values if low <= value <= high]
        step = _step((self.high - self.low) / 4)
        first = math.ceil(self.low / step - 1e-9) * step
        count = math.floor((self.high + step * 1e-9 - first) / step)
        return [first + step * n for n in range(count + 1)]


def _step(rough: float) -> float:
    """The nearest of 1, 2, 5 times a power of ten, not above `rough`."""
    if rough <= 0:
        return 1.0
    power = 10 ** math.floor(math.log10(rough))
    return max(power * k for k in (1, 2, 5) if power * k <= rough * (1 + 1e-9))


def number(value: float) -> str:
    """A number as a reader writes it: 1,000 and 0.5 and 20."""
    if value >= 1 or value == 0:
        return f"{value:,.10g}" if value % 1 else f"{value:,.0f}"
    return f"{value:.2g}"


def line_chart(
    series: Mapping[str, Sequence[tuple[float, float]]],
    *,
    title: str,
    alt: str,
    x: str,
    y: str,
    log: str = "",
    height: int = 260,
    marks: bool = True,
) -> Drawing:
    """Lines through (x, y) points, one per series; `log` names axes, as in "xy".

    Up to four series; each has its colour and its dash. `x` and `y` are the labels of
    the axes, with their units.
    """
    drawing = Drawing(title, alt, height=height)
    xs = [point[0] for points in series.values() for point in points]
    ys = [point[1] for points in series.values() for point in points]
    log_x, log_y = "x" in log, "y" in log
    low = 10 ** math.floor(math.log10(min(ys))) if log_y else min(0, *ys)
    high = 10 ** math.ceil(math.log10(max(ys))) if log_y else max(ys) * 1.05
    across = Axis(min(xs), max(xs), 52, WIDTH - 20, log_x)
    up = Axis(low, high, height - 44, 46, log_y)
    _grid(drawing, across, up, x, y)
    place = 52.0
    for (name, points), tone, dash in zip(series.items(), SERIES, DASHES, strict=False):
        at = [(across(px), up(py)) for px, py in points]
        drawing.path(at, stroke=tone, stroke_dasharray=dash)
        for px, py in at if marks else ():
            drawing.circle(px, py, 3, fill=tone)
        drawing.line(
            place,
            12,
            place + 22,
            12,
            stroke=tone,
            stroke_width=2.5,
            stroke_dasharray=dash,
        )
        drawing.text(place + 27, 17, name, fill=tone, bold=True)
        place += 44 + 8 * len(name)
    return drawing


def _grid(drawing: Drawing, across: Axis, up: Axis, x: str, y: str) -> None:
    bottom = up.start
    for tick in up.ticks():
        drawing.line(
            across.start, up(tick), across.end, up(tick), stroke="line", stroke_width=1
        )
        drawing.text(
            across.start - 6,
            up(tick) + 4,
            number(tick),
            anchor="end",
            size=SMALL,
            fill="soft",
        )
    for tick in across.ticks():
        drawing.line(across(tick), bottom, across(tick), bottom + 4, stroke="soft")
        drawing.text(
            across(tick),
            bottom + 18,
            number(tick),
            anchor="middle",
            size=SMALL,
            fill="soft",
        )
    drawing.line(across.start, bottom, across.end, bottom, stroke="soft")
    drawing.text(
        (across.start + across.end) / 2,
        bottom + 37,
        x,
        anchor="middle",
        size=SMALL,
        fill="soft",
    )
    drawing.text(2, 36, y, size=SMALL, fill="soft")


def bar_chart(
    bars: Mapping[str, float],
    *,
    title: str,
    alt: str,
    unit: str = "",
    log: bool = False,
    tones: Mapping[str, str] | None = None,
) -> Drawing:
    """Horizontal bars, one a line, each under its label; `tones` colours some."""
    row = 42
    drawing = Drawing(title, alt, height=row * len(bars) + 8)
    values = list(bars.values())
    low = 10 ** math.floor(math.log10(min(v for v in values if v > 0))) if log else 0
    across = Axis(low, max(values) or 1, 4, WIDTH - 4, log)
    for n, (name, value) in enumerate(bars.items()):
        y = n * row + 18
        tone = (tones or {}).get(name, "a")
        length = max(2, across(max(value, low)) - 4)
        drawing.text(4, y - 4, name)
        drawing.text(
            WIDTH - 4,
            y - 4,
            f"{number(value)} {unit}".strip(),
            anchor="end",
            bold=True,
            fill=tone,
        )
        drawing.rect(4, y + 2, length, 13, fill=tone, stroke="none", rx=2)
    return drawing


@dataclass(frozen=True)
class Lane:
    """One line of a timeline.

    `spans` are (begin, end, label), drawn as bars; `marks` are (time, label), drawn
    as dots with a word. `tone` is a palette name.
    """

    name: str
    spans: Sequence[tuple[float, float, str]] = ()
    marks: Sequence[tuple[float, str]] = ()
    tone: str = "a"


def timeline(
    lanes: Sequence[Lane],
    *,
    title: str,
    alt: str,
    unit: str,
    end: float | None = None,
) -> Drawing:
    """What happened when, a lane for each party, over one axis of time."""
    row = 62
    drawing = Drawing(title, alt, height=row * len(lanes) + 40)
    times = [t for lane in lanes for t, _ in lane.marks]
    times += [s[1] for lane in lanes for s in lane.spans]
    across = Axis(0, end or max(times), 12, WIDTH - 20)
    for n, lane in enumerate(lanes):
        y = n * row + 40
        drawing.text(across.start, y - 18, lane.name, bold=True, fill=lane.tone)
        drawing.line(across.start, y, across.end, y, stroke="line")
        for begin, stop, label in lane.spans:
            left, width = across(begin), max(2, across(stop) - across(begin))
            drawing.rect(
                left,
                y - 11,
                width,
                22,
                fill=f"{lane.tone}-soft",
                stroke=lane.tone,
                rx=3,
            )
            if width > 7 * len(label):
                drawing.text(
                    left + width / 2, y + 5, label, anchor="middle", size=SMALL
                )
        for time, label in lane.marks:
            drawing.circle(across(time), y, 5, fill=lane.tone)
            drawing.text(across(time), y - 16, label, anchor="middle", size=SMALL)
    bottom = row * len(lanes) + 8
    for tick in across.ticks():
        drawing.line(across(tick), bottom, across(tick), bottom + 4, stroke="soft")
        drawing.text(
            across(tick),
            bottom + 18,
            number(tick),
            anchor="middle",
            size=SMALL,
            fill="soft",
        )
    drawing.text(across.end, bottom + 18, unit, size=SMALL, fill="soft", anchor="start")
    return drawing


# --- moving figures --------------------------------------------------------------


@dataclass
class Player:
    """A drawing and the frames that change it, stepped through by player.js.

    The drawing as it is displayed first is the complete still. Each frame says, in
    one sentence, what happens, and sets attributes of shapes by their `key`.
    """

    drawing: Drawing
    frames: list[dict] = field(default_factory=list)

    def frame(self, say: str, **changes: Mapping[str, object]) -> None:
        """Add a frame: `key={"fill": "b", "x": 40, "text": "7"}` for each change.

        Raises KeyError for a key that no shape of the drawing has.
        """
        if unknown := set(changes) - self.drawing._keys:
            raise KeyError(f"no shape has the key {', '.join(sorted(unknown))}")
        self.frames.append(
            {
                "say": say,
                "set": {key: _web(values) for key, values in changes.items()},
            }
        )

    def __repr__(self) -> str:
        steps = [f"  {n}. {frame['say']}" for n, frame in enumerate(self.frames, 1)]
        return "\n".join([repr(self.drawing), *steps])

    def html(self) -> str:
        """The figure as the book's pages show it, with its frames for player.js."""
        steps = "".join(f"<li>{html.escape(f['say'])}</li>" for f in self.frames)
        data = json.dumps(self.frames, ensure_ascii=False, separators=(",", ":"))
        data = data.replace("</", "<\\/")
        return (
            f'<figure class="dd-figure dd-player">{self.drawing.svg()}'
            f"<figcaption>{html.escape(self.drawing.title)}</figcaption>"
            f"<details><summary>All {len(self.frames)} steps in words</summary>"
            f"<ol>{steps}</ol></details>"
            f'<script type="application/json">{data}</script></figure>'
        )

    def _repr_mimebundle_(self, include: object = None, exclude: object = None):
        steps = [frame["say"] for frame in self.frames]
        return pictures.bundle(self.html(), self.drawing.picture(steps))


def _web(values: Mapping[str, object]) -> dict[str, object]:
    """A frame's changes as SVG attributes."""
    web = {}
    for key, value in values.items():
        if key in ("fill", "stroke"):
            value = colour(str(value))
        web[key.replace("_", "-")] = value
    return web


def player(drawing: Drawing, frames: Iterable[tuple[str, Mapping]]) -> Player:
    """A Player of `drawing` with (sentence, {key: {attribute: value}}) frames."""
    made = Player(drawing)
    for say, changes in frames:
        made.frame(say, **changes)
    return made
