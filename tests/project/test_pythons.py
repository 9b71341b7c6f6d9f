"""What runs the stack's tests on other Pythons: what it runs, and what it deletes."""

import importlib.machinery
import importlib.util
import subprocess
import sys
from pathlib import Path

import pytest
import pythons


@pytest.fixture
def on_debian():
    """The program, as a module."""
    file = str(pythons.TESTS / "on_debian")
    loader = importlib.machinery.SourceFileLoader("on_debian", file)
    module = importlib.util.module_from_spec(
        importlib.util.spec_from_loader("on_debian", loader)
    )
    loader.exec_module(module)
    return module


def test_every_folder_of_tests_is_run_but_those_of_the_tools():
    folders = {file.parent.name for file in pythons.TESTS.rglob("test_*.py")}
    run = {Path(name).name for name in pythons.stack_tests()}
    assert run | pythons.OTHERS == folders
    assert {"http", "loop", "demos"} <= run
    assert not run & pythons.OTHERS


def test_all_that_is_needed_has_its_version_in_the_requirements():
    for line in pythons.pinned([*pythons.NEEDS, *pythons.MAYBE]):
        assert "==" in line


def test_what_the_cells_need_has_its_version_too():
    needs = pythons.for_cells()
    assert any(line.startswith("nbval==") for line in needs)
    assert not any(line.startswith("jupyter-book") for line in needs)


@pytest.mark.parametrize("passed", [True, False])
@pytest.mark.parametrize("way", ["pure", "C", "book"])
def test_a_row_is_read_as_it_is_written(passed, way):
    row = pythons.Row("3.15.0rc1", way, passed, "3 failed, 4 passed in 5 s")
    python, way, verdict, words = pythons.ROW.fullmatch(str(row)).groups()
    assert (python, way, verdict == "passed", words) == row


def test_a_python_is_known_by_its_version(monkeypatch, tmp_path):
    for version in ("3.12.9", "3.12.10"):
        place = tmp_path / "versions" / version / "bin"
        place.mkdir(parents=True)
        (place / "python").symlink_to(sys.executable)
    monkeypatch.setenv("PYENV_ROOT", str(tmp_path))
    assert pythons.find("3.12") == str(tmp_path / "versions/3.12.10/bin/python")


def test_what_is_mounted_is_seen(on_debian):
    assert "/proc" in on_debian.mounted(on_debian.Path("/"))


def test_nothing_is_deleted_below_which_something_is_mounted(
    on_debian, monkeypatch, tmp_path
):
    (tmp_path / "root" / "dev").mkdir(parents=True)
    where = str(tmp_path / "root" / "dev")
    monkeypatch.setattr(on_debian, "mounted", lambda folder: [where])
    with pytest.raises(on_debian.Missing, match="still mounted: nothing is deleted"):
        on_debian.delete(tmp_path / "root")
    assert (tmp_path / "root" / "dev").exists()
    monkeypatch.undo()
    on_debian.delete(tmp_path / "root")
    assert not (tmp_path / "root").exists()


def test_pips_settings_come_along_but_no_folders(on_debian, monkeypatch, tmp_path):
    file, folder = tmp_path / "pem", tmp_path / "wheels"
    file.write_text("a certificate")
    folder.mkdir()
    listed = f"""\
:env:.timeout='7'
global.cert='{file}'
global.extra-index-url='file://{folder} https://packages.example/simple'
global.find-links='{folder}'
global.timeout='5'
"""
    done = subprocess.CompletedProcess([], 0, stdout=listed)
    monkeypatch.setattr(on_debian.subprocess, "run", lambda *_, **__: done)
    monkeypatch.setattr(on_debian, "ROOT", tmp_path / "root")
    assert list(on_debian.pip_settings()) == [
        ("global", "cert", str(file)),
        ("global", "extra-index-url", "https://packages.example/simple"),
        ("global", "find-links", ""),
        ("global", "timeout", "5"),
        ("global", "timeout", "7"),
    ]
    copy = tmp_path / "root" / str(file).lstrip("/")
    assert copy.read_text() == "a certificate"


def test_what_is_missing_is_said_in_a_sentence(on_debian, monkeypatch, capsys):
    monkeypatch.setattr(on_debian.os, "getuid", lambda: 1000)
    monkeypatch.setattr(sys, "argv", ["on_debian"])
    assert on_debian.main() == 69
    said = "on_debian: only root can make a root file system and go into it.\n"
    assert capsys.readouterr().err == said
