"""Pages and guides that read the repository find it from any working directory."""

import os
import re
import subprocess
import sys

import nbformat
import pytest
from nbclient import NotebookClient

from support.places import ROOT
from workshop.labs.lab import VARIABLE

PAGES = [ROOT / "book" / f"{name}.ipynb" for name in ("index", "side-by-side")]
NOTEBOOKS = [*PAGES, *sorted(ROOT.glob("labs/*/lab.ipynb"))]


@pytest.mark.parametrize(
    "path", NOTEBOOKS, ids=lambda path: path.relative_to(ROOT).as_posix()
)
def test_a_notebook_runs_from_another_directory(path, tmp_path, monkeypatch):
    monkeypatch.setenv(VARIABLE, str(tmp_path / "mystack"))
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    notebook = nbformat.read(path, as_version=4)
    client = NotebookClient(
        notebook, timeout=100, resources={"metadata": {"path": str(elsewhere)}}
    )
    client.execute()
    assert list(elsewhere.iterdir()) == []


def test_the_index_tells_how_to_use_ones_own_modules_from_any_directory(tmp_path):
    page = nbformat.read(ROOT / "book" / "index.ipynb", as_version=4)
    text = "\n".join(cell.source for cell in page.cells)
    (told,) = re.findall(r"```python\n(.*?overlay.*?)```", text, re.DOTALL)
    mine = tmp_path / "mystack"
    (mine / "web").mkdir(parents=True)
    (mine / "web" / "cors.py").write_text("MINE = True\n")
    done = subprocess.run(
        [sys.executable, "-c", f"{told}\nfrom dustdevil.web.cors import MINE"],
        cwd=tmp_path,
        env={**os.environ, VARIABLE: str(mine)},
        capture_output=True,
        text=True,
    )
    assert (done.returncode, done.stderr) == (0, "")
