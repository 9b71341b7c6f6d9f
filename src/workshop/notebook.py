"""What a chapter imports: `from workshop.notebook import show, predict, claim, ...`.

How an author uses it. A chapter is a notebook of ordinary cells. Write it as a
`py:percent` text if you like (`jupytext --to ipynb`), then store its outputs with
`workshop run book/NN-slug.ipynb`, which also strips times and paths.

`show("routing.Router.match")` as a cell's last line prints the real source, in place:
below the line that opens its class, with `…` for what is left out. Several names of a
module make one listing, in the order of the file. `only="head"` is a class without its
methods (or a function's signature and docstring), `only="doc" | "imports" | "constants"
| "top"` are the parts of a module outside classes and functions; a constant has its own
name, `show("loop.poller.READ")`. The caption links to the annotated source. Names must
be literals, since the book's tools read them without running the cell.

`module_map("loop.eventloop", built="Loop.watch Loop.turn", aside="Loop.close")` lists
what a module has, a line each: what the reader built, what is new, what is not needed
to understand it. Of a package, `module_map("loop")`, it lists the modules.

The pages leave out the source of a cell that is tagged `remove-input`, and nothing
there can run it: tag so the cells that only call `show` or `module_map`, or that print
nothing. No other cell may need what such a cell defines.

`predict("What is printed?", code="...", choices={"1": "why", "2": "why not"})` asks
before a run. The code runs, apart from the chapter's variables, and the choice equal
to its output (or to the repr of its last expression, or to the name of the exception)
is the right one; the cell fails unless exactly one is. For *why* and *which order*
questions give `run=`, a function whose result, as a string, is the right choice.
Tag these cells `hide-input`, for their source tells the answer.

`quote(factor, "three times", band=(1.5, 8))` ties a number in the prose to what a
cell measured: exactly when outputs are stored, within the band under the tests. Put it
behind the measurement, in a cell of its own tagged `remove-input`; its words must
stand in the prose.

`claim("et-drain", proof=condition)` is the card for one claim of the notes of 2013.
Its words stand in `book/2013`; `proof` is computed by an experiment above, which can
fail. Tag the card `claim` and `hide-input`. A chapter has three at most; all of them,
each with a probe, are in the notebooks of `book/2013`.

`line_chart`, `bar_chart` and `timeline` draw measurements, `Drawing` anything else
(rect, circle, line, path, arrow, text; colours are names such as "a" or "b-soft",
never values). All want a `title` and an `alt` text that says what is to be seen.
`player(drawing, [("what happens", {"key": {"fill": "b", "text": "7"}}), ...])` steps
through a recorded trace: shapes drawn with `key="box"` can change in each frame.

The cell below the title says what to type where the book is not installed. It is the
same in every notebook, the pages leave it out, and neither `workshop run` nor nbval
runs it: copy it with its id and its tags.

Section headings are markdown cells with these tags, in this order: `missing` (what
the server cannot do yet), `small` (build it small), `experiment`, `real` (the real
thing), `server` (in the server), `then-and-now`, `when` (to use it, and when not),
`recap`, `questions` (three, their answers folded in `<details>`), `lab`, `sources`.
Output that differs from run to run: first try to print a fact that doesn't; else tag
that one cell `nbval-ignore-output`. The tests check all of this
(tests/workshop/test_chapters.py, test_budget.py).
"""

from workshop.claims import claim
from workshop.figures import (
    Drawing,
    Lane,
    Player,
    bar_chart,
    line_chart,
    player,
    timeline,
)
from workshop.listings import show
from workshop.maps import module_map
from workshop.quiz import predict
from workshop.quotes import quote

__all__ = [
    "Drawing",
    "Lane",
    "Player",
    "bar_chart",
    "claim",
    "line_chart",
    "module_map",
    "player",
    "predict",
    "quote",
    "show",
    "timeline",
]
