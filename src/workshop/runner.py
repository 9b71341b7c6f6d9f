"""`workshop run`: execute notebooks in place and store them so that diffs are small.

What a run leaves behind and nobody reads (times, versions, random cell ids) is taken
out, and a run that would store a path of this machine is refused.
"""

import argparse
import os
import pathlib
import re
import tempfile
import time

import nbformat
from nbclient import NotebookClient

from workshop.checkout import ROOT
from workshop.labs.lab import VARIABLE as STACK
from workshop.quotes import STORING

# A cell's tags are ours; everything else in its metadata is some front end's.
KEPT_CELL_METADATA = {"tags"}
METADATA = {
    "kernelspec": {
        "display_name": "Python 3",
        "language": "python",
        "name": "python3",
    },
    "language_info": {"name": "python"},
}
TIMEOUT = 120
# The cell that asks for an installation, the same in every notebook: no page has it,
# and so no stored output may depend on it.
SETUP = "setup"
LEFT_OUT = "remove-cell"


class LeakError(Exception):
    """An output holds a path of this machine."""


def execute(path: pathlib.Path) -> float:
    """Run all cells of the notebook at `path` and store the outputs; seconds taken.

    Raises nbclient's CellExecutionError when a cell fails that is not tagged
    `raises-exception`, and LeakError when an output holds a path of this machine.
    """
    notebook = nbformat.read(path, as_version=4)
    began = time.monotonic()
    NotebookClient(
        notebook,
        timeout=TIMEOUT,
        kernel_name="python3",
        skip_cells_with_tag=LEFT_OUT,
        resources={"metadata": {"path": str(path.parent)}},
    ).execute()
    took = time.monotonic() - began
    normalise(notebook)
    refuse_leaks(notebook, path)
    nbformat.write(notebook, path)
    return took


def normalise(notebook: nbformat.NotebookNode) -> None:
    """Make what is stored depend on the chapter only, not on who ran it and when."""
    notebook.metadata = nbformat.from_dict(METADATA)
    notebook.nbformat, notebook.nbformat_minor = 4, 5
    count = 0
    for cell in notebook.cells:
        cell.metadata = nbformat.from_dict(
            {key: cell.metadata[key] for key in KEPT_CELL_METADATA & set(cell.metadata)}
        )
    numbered = [cell for cell in notebook.cells if cell.id != SETUP]
    for number, cell in enumerate(numbered, 1):
        cell.id = f"cell-{number:03}"
        if cell.cell_type == "code":
            count += 1
            cell.execution_count = count if cell.outputs or cell.source else None
            cell.outputs = _merged(cell.outputs)
            for output in cell.outputs:
                if "execution_count" in output:
                    output.execution_count = count
                output.pop("transient", None)


def _merged(outputs: list) -> list:
    """Neighbouring pieces of one stream as one: where it was cut is chance."""
    merged: list = []
    for output in outputs:
        before = merged[-1] if merged else None
        if (
            before is not None
            and output.output_type == before.output_type == "stream"
            and output.name == before.name
        ):
            before.text += output.text
        else:
            merged.append(output)
    return merged


def refuse_leaks(notebook: nbformat.NotebookNode, path: pathlib.Path) -> None:
    """Raise LeakError if an output names the checkout, the home or a scratch folder."""
    places = {
        str(ROOT),
        str(path.resolve().parent.parent),
        str(pathlib.Path.home()),
        tempfile.gettempdir() + "/",
    }
    leak = re.compile("|".join(re.escape(p) for p in sorted(places) if len(p) > 2))
    for cell in notebook.cells:
        text = str(cell.get("outputs", ""))
        if found := leak.search(text):
            around = text[max(0, found.start() - 60) : found.end() + 60]
            raise LeakError(f"{path.name}, {cell.id}: …{around}…")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of `workshop run`."""
    parser.add_argument("notebooks", nargs="+", type=pathlib.Path)


def run(args: argparse.Namespace) -> int:
    """Execute each notebook in place; print the seconds each took."""
    os.environ[STORING] = "1"  # what the prose quotes must be exact now
    with tempfile.TemporaryDirectory() as empty:
        # The guide of a lab shows what it says to a reader who has not begun.
        os.environ[STACK] = f"{empty}/mystack"
        for path in args.notebooks:
            print(f"{path}: {execute(path):.1f} s")
    return 0
