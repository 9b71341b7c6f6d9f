"""A built wheel holds all that its modules need, and says what it lacks: the book."""

import os
import shutil
import subprocess
import sys
import sysconfig
import venv
import zipfile
from pathlib import Path

import pytest

from support.places import ROOT

SOURCES = ("pyproject.toml", "setup.py", "MANIFEST.in", "README.md", "LICENSE")
MADE = shutil.ignore_patterns("__pycache__", "*.egg-info", "*.so", "*.pyc")

IMPORT_ALL = """
import importlib, pkgutil, workshop
for found in pkgutil.walk_packages(workshop.__path__, "workshop."):
    if not found.name.endswith("__main__"):
        importlib.import_module(found.name)
"""


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    """The wheel, built from a copy: a build leaves its traces beside the sources."""
    source = tmp_path_factory.mktemp("source")
    for name in SOURCES:
        shutil.copy(ROOT / name, source)
    shutil.copytree(ROOT / "src", source / "src", ignore=MADE)
    (source / "book").mkdir()
    shutil.copy(ROOT / "book" / "pieces.toml", source / "book")
    folder = tmp_path_factory.mktemp("wheel")
    options = ["--no-deps", "--no-build-isolation", "--quiet", "--wheel-dir", folder]
    pip("wheel", *options, source)
    (made,) = folder.glob("*.whl")
    return made


@pytest.fixture(scope="module")
def installed(wheel, tmp_path_factory):
    """The Python of an environment that has the wheel, and what the book needs."""
    folder = tmp_path_factory.mktemp("env")
    venv.create(folder)
    python = folder / "bin" / "python"
    pip("--python", python, "install", "--quiet", "--no-deps", "--no-index", wheel)
    (packages,) = folder.glob("lib/*/site-packages")
    (packages / "ours.pth").write_text(sysconfig.get_path("purelib"))
    return python


def pip(*words):
    command = [sys.executable, "-m", "pip", "--disable-pip-version-check", *words]
    subprocess.run(command, check=True, timeout=110)


def run(python, *words):
    """Run that Python far from the clone, and without the paths of this one."""
    bare = {name: os.environ[name] for name in os.environ if "PYTHON" not in name}
    return subprocess.run(
        [python, *words],
        cwd=python.parent,
        env=bare,
        capture_output=True,
        text=True,
        timeout=110,
    )


def test_every_file_of_the_sources_is_in_the_wheel(wheel):
    names = set(zipfile.ZipFile(wheel).namelist())
    for package in ("dustdevil", "workshop"):
        for file in (ROOT / "src" / package).rglob("*"):
            made = "__pycache__" in file.parts or file.suffix in (".so", ".pyc")
            if file.is_file() and not made:
                assert file.relative_to(ROOT / "src").as_posix() in names


def test_the_table_of_pieces_is_a_copy_of_the_one_in_the_book(wheel):
    assert list(ROOT.rglob("src/**/pieces.toml")) == []
    copy = zipfile.ZipFile(wheel).read("workshop/pieces.toml")
    assert copy == (ROOT / "book" / "pieces.toml").read_bytes()


def test_every_module_can_be_imported_without_a_clone(installed):
    done = run(installed, "-c", IMPORT_ALL)
    assert (done.returncode, done.stderr) == (0, "")


def test_the_pieces_and_a_listing_are_there_without_a_clone(installed):
    code = (
        "from workshop import overlay, pieces; from workshop.notebook import show\n"
        "print(len(pieces.load()), show('speedups._speedups', only='top').file)\n"
        "print(overlay.environment('.')['PYTHONPATH'])"
    )
    done = run(installed, "-c", code)
    counted, folder = done.stdout.splitlines()
    assert counted == "18 src/dustdevil/speedups/_speedups.c"
    assert Path(folder, "sitecustomize.py").is_file()
    assert not Path(folder).is_relative_to(ROOT)


@pytest.mark.parametrize("command", ["dustdevil --version", "workshop serve --help"])
def test_commands_that_need_no_book_work_without_a_clone(installed, command):
    name, option = command.split(" ", 1)
    done = run(installed, "-m", name, *option.split())
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.strip()


@pytest.mark.parametrize("command", ["lab list", "serve", "build", "lines"])
def test_a_command_that_needs_the_book_says_how_to_get_it(installed, command):
    done = run(installed, "-m", "workshop", *command.split())
    assert (done.returncode, done.stdout) == (2, "")
    (sentence,) = done.stderr.splitlines()
    assert sentence.startswith(f"workshop {command.split()[0]}: the book is not part")
    assert "clone" in sentence
    assert "pip install -r requirements.txt -e ." in sentence


@pytest.mark.parametrize(
    "code",
    [
        "from workshop.labs import start; start(1)",
        "from workshop.then_and_now import summary; summary()",
        "from workshop.side_by_side import results; results('hello')",
    ],
)
def test_a_notebook_that_needs_the_book_says_so_too(installed, code):
    done = run(installed, "-c", code)
    assert "NoCheckout: the book is not part of" in done.stderr.splitlines()[-1]
