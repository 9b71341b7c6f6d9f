"""`workshop run` stores what a chapter says, and nothing of who ran it and when."""

import pathlib

import nbformat
import pytest
from nbclient.exceptions import CellExecutionError
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

from workshop import runner
from workshop.runner import METADATA, LeakError, execute, normalise, refuse_leaks


def write(path: pathlib.Path, *sources: str) -> pathlib.Path:
    notebook = new_notebook(
        cells=[new_markdown_cell("# Title"), *map(new_code_cell, sources)],
        metadata={"jupytext": {"main_language": "python"}},
    )
    notebook.cells[1].metadata = {"tags": ["claim"], "scrolled": True}
    nbformat.write(notebook, path)
    return path


def test_a_run_stores_outputs_and_running_again_changes_nothing(tmp_path):
    path = write(tmp_path / "n.ipynb", "import sys\nprint(1)\nprint(2)", "6 * 7")
    assert execute(path) > 0
    first = path.read_bytes()
    notebook = nbformat.read(path, as_version=4)
    (printed,) = notebook.cells[1].outputs
    assert printed.text == "1\n2\n"
    assert notebook.cells[2].outputs[0].data["text/plain"] == "42"
    assert notebook.metadata == METADATA
    assert notebook.cells[1].metadata == {"tags": ["claim"]}
    execute(path)
    assert path.read_bytes() == first


def test_a_failing_cell_fails_the_run_and_leaves_the_file(tmp_path):
    path = write(tmp_path / "n.ipynb", "1 / 0")
    before = path.read_bytes()
    with pytest.raises(CellExecutionError, match="ZeroDivisionError"):
        execute(path)
    assert path.read_bytes() == before


def test_pieces_of_a_stream_are_joined_and_cells_counted():
    streams = [
        new_output("stream", name="stdout", text="a"),
        new_output("stream", name="stdout", text="b"),
        new_output("stream", name="stderr", text="c"),
    ]
    result = new_output("execute_result", {"text/plain": "1"}, execution_count=17)
    cells = [
        new_code_cell("x", outputs=streams, execution_count=9),
        new_markdown_cell("text"),
        new_code_cell("1", outputs=[result], execution_count=17),
    ]
    notebook = new_notebook(cells=cells)
    normalise(notebook)
    assert [o.text for o in notebook.cells[0].outputs] == ["ab", "c"]
    assert notebook.cells[2].execution_count == 2
    assert notebook.cells[2].outputs[0].execution_count == 2
    assert [cell.id for cell in notebook.cells] == ["cell-001", "cell-002", "cell-003"]


@pytest.mark.parametrize("place", ["checkout", "home", "scratch"])
def test_a_path_of_this_machine_is_refused(tmp_path, monkeypatch, place):
    chapter = tmp_path / "checkout" / "book" / "n.ipynb"
    monkeypatch.setattr(runner.pathlib.Path, "home", lambda: tmp_path / "home")
    monkeypatch.setattr(runner.tempfile, "gettempdir", lambda: f"{tmp_path}/scratch")
    text = f"File {tmp_path}/{place}/thing.py"
    output = new_output("stream", name="stdout", text=text)
    notebook = new_notebook(cells=[new_code_cell("x", outputs=[output])])
    with pytest.raises(LeakError, match="thing"):
        refuse_leaks(notebook, chapter)
    output.text = "File src/dustdevil/thing.py"
    refuse_leaks(notebook, chapter)
