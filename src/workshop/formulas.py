"""Formulas, set when the book is built instead of in the reader's browser.

MathJax and its fonts weigh more than everything else on a page together. So the
build asks a Node.js process for each formula and puts what MathJax drew, SVG for the
eye and MathML for screen readers, into the page.
"""

import json
import subprocess
from pathlib import Path
from typing import Any

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.util import logging

from workshop import npm

SCRIPT = Path(__file__).with_name("formulas.js")
RENDERER = "mathjax_svg"
log = logging.getLogger(__name__)


class FormulaError(Exception):
    """The TeX of a formula is wrong; the message is MathJax's."""


class Setter:
    """A running MathJax. Use it as a context manager, or call `close`."""

    def __init__(self, mathjax: Path) -> None:
        self._process = subprocess.Popen(
            [npm.node(), str(SCRIPT), str(mathjax)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            encoding="utf-8",
        )

    def set(self, tex: str, display: bool = False) -> str:
        """One formula as HTML. Raises FormulaError."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps({"tex": tex, "display": display}) + "\n")
        self._process.stdin.flush()
        answer = self._process.stdout.readline()
        if not answer:
            raise npm.NpmError("MathJax ended early; its own words are above")
        result = json.loads(answer)
        if "error" in result:
            raise FormulaError(result["error"])
        return result["html"]

    def close(self) -> None:
        """End the process."""
        self._process.communicate()

    def __enter__(self) -> "Setter":
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()


def connect(app: Sphinx) -> None:
    """Make this Sphinx set formulas so."""
    app.add_config_value("mathjax_package", "", "html")
    app.add_html_math_renderer(RENDERER, (_visit_inline, None), (_visit_block, None))
    app.connect("builder-inited", _prepare)
    app.connect("build-finished", _end)


def _prepare(app: Sphinx) -> None:
    app.builder.formulas = None


def _end(app: Sphinx, exception: Exception | None) -> None:
    if app.builder.formulas is not None:
        app.builder.formulas.close()


def _set(translator: Any, node: nodes.Element, display: bool) -> str:
    """Start MathJax for the first formula of the book; most books have few."""
    builder = translator.builder
    if builder.formulas is None:
        builder.formulas = Setter(Path(builder.config.mathjax_package))
    try:
        return builder.formulas.set(node.astext(), display)
    except FormulaError as error:
        log.warning("a formula is wrong: %s", error, location=node)
        return ""


def _visit_inline(translator: Any, node: nodes.math) -> None:
    translator.body.append(f'<span class="math">{_set(translator, node, False)}</span>')
    raise nodes.SkipNode


def _visit_block(translator: Any, node: nodes.math_block) -> None:
    translator.body.append(translator.starttag(node, "div", CLASS="math"))
    translator.body.append(_set(translator, node, True) + "</div>\n")
    raise nodes.SkipNode
