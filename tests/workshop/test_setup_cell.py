"""Where the book is not installed, the first cell of a notebook says what to type."""

import json
import subprocess
import sys

import nbformat
import pytest

from support.places import ROOT
from workshop import book, runner

NOTEBOOKS = sorted([*ROOT.glob("book/**/*.ipynb"), *ROOT.glob("labs/*/lab.ipynb")])
every_notebook = pytest.mark.parametrize(
    "path", NOTEBOOKS, ids=lambda path: path.relative_to(ROOT).as_posix()
)


def cells(path):
    return json.loads(path.read_text("utf-8"))["cells"]


def source_of_setup():
    return "".join(cells(NOTEBOOKS[0])[1]["source"])


@every_notebook
def test_each_notebook_has_the_same_cell_below_its_title(path):
    title, setup = cells(path)[:2]
    assert "".join(title["source"]).startswith("# ")
    assert (setup["cell_type"], setup["id"]) == ("code", runner.SETUP)
    assert set(setup["metadata"]["tags"]) == {runner.LEFT_OUT, "nbval-skip"}
    assert (setup["execution_count"], setup["outputs"]) == (None, [])
    assert "".join(setup["source"]) == source_of_setup()


def test_it_says_what_to_type_where_the_book_is_missing():
    # Without the paths of an installation, and without those of the environment.
    command = [sys.executable, "-I", "-S", "-c", source_of_setup()]
    done = subprocess.run(command, capture_output=True, text=True)
    last = done.stderr.splitlines()[-1]
    assert done.returncode == 1
    assert "`pip install -r requirements.txt -e .`" in last
    assert "kernel" in last


def test_it_says_nothing_where_the_book_is_installed():
    command = [sys.executable, "-c", source_of_setup()]
    done = subprocess.run(command, capture_output=True, text=True)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


@every_notebook
def test_the_page_leaves_it_out(path):
    pages = book.ensure()
    page = pages / path.relative_to(ROOT).with_suffix(".html")
    assert "In a clone of the book" not in page.read_text("utf-8")
    copy = pages / "_sources" / path.relative_to(ROOT)
    assert cells(copy)[1]["id"] == runner.SETUP, "a reader downloads it"


def test_a_run_does_not_count_it(tmp_path):
    new = nbformat.v4
    setup = new.new_code_cell("1 / 0", id=runner.SETUP)
    setup.metadata["tags"] = [runner.LEFT_OUT]
    counted = new.new_code_cell("6 * 7")
    path = tmp_path / "n.ipynb"
    made = new.new_notebook(cells=[new.new_markdown_cell("# A"), setup, counted])
    nbformat.write(made, path)
    runner.execute(path)
    found = nbformat.read(path, as_version=4).cells
    assert [cell.id for cell in found] == ["cell-001", runner.SETUP, "cell-002"]
    assert [cell.get("execution_count") for cell in found] == [None, None, 1]
    assert found[2].outputs[0].execution_count == 1
