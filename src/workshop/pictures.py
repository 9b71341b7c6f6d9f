"""Figures as pictures, for viewers that don't have the book's style sheet.

JupyterLab, VS Code and GitHub each remove a different part of a figure's HTML: its SVG,
its styles, its scripts. What is left is a heap of labels, and in a dark theme dark
letters on a dark page. A PNG that brings its own paper and fixed colours passes all of
them, trusted or not. So a figure's output holds two forms: FIGURE, which only the
book's pages know and prefer, and a PNG for all other viewers. There is no text/html in
it, because viewers prefer that to a PNG, even if they then remove half of it.
"""

import base64
import io
import re
from collections.abc import Iterable
from importlib.util import find_spec
from pathlib import Path

import resvg_py
from PIL import Image

FIGURE = "application/vnd.dustdevil.figure+html"

SCALE = 2  # pixels for each unit of the drawing
SHOWN = 4 / 3  # CSS pixels for each unit, where the window is wide enough
COLOURS = 48  # enough for a figure's tones and the edges of its letters
# matplotlib brings these fonts: with them a figure looks the same on every machine.
FONTS = {"DejaVu Sans": "DejaVuSans", "DejaVu Sans Mono": "DejaVuSansMono"}


def bundle(page: str, picture: bytes) -> tuple[dict[str, str], dict[str, dict]]:
    """A figure's output, data and metadata: HTML for the book's pages, and a PNG."""
    width = Image.open(io.BytesIO(picture)).width
    data = {FIGURE: page, "image/png": base64.b64encode(picture).decode("ascii")}
    return data, {"image/png": {"width": round(width / SCALE * SHOWN)}}


def for_the_page(notebook: dict) -> dict:
    """The notebook with each figure as text/html, as the book's build wants it."""
    for cell in notebook["cells"]:
        for output in cell.get("outputs", ()):
            if page := output.get("data", {}).get(FIGURE):
                output["data"]["text/html"] = page
                del output["data"][FIGURE], output["data"]["image/png"]
    return notebook


def png(svg: str) -> bytes:
    """The SVG as a PNG: variables have the colours that stand behind them."""
    sans, mono = FONTS
    drawn = resvg_py.svg_to_bytes(
        svg_string=re.sub(r"var\(--dd-[a-z-]+, (#[0-9a-f]+)\)", r"\1", svg),
        zoom=SCALE,
        skip_system_fonts=True,
        font_files=[str(file) for file in font_files(FONTS.values())],
        font_family=sans,
        sans_serif_family=sans,
        monospace_family=mono,
    )
    picture = Image.open(io.BytesIO(drawn)).convert("RGB")
    small = io.BytesIO()
    picture.quantize(COLOURS, dither=Image.Dither.NONE).save(
        small, "png", optimize=True
    )
    return small.getvalue()


def font_files(names: Iterable[str]) -> list[Path]:
    """Regular and bold of each font. It does not import matplotlib, which is slow."""
    package = Path(find_spec("matplotlib").origin).parent
    folder = package / "mpl-data" / "fonts" / "ttf"
    return [folder / f"{name}{bold}.ttf" for name in names for bold in ("", "-Bold")]
