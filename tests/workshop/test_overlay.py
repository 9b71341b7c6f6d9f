"""The overlay: a learner's module in the place of the reference one."""

import os
import subprocess
import sys

import pytest

from support.places import ROOT
from workshop import overlay


def python(code, **environment):
    """Run code in a Python of its own; return exit code, output and errors."""
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": str(ROOT / "src"), **environment},
    )
    return done.returncode, done.stdout, done.stderr


INSTALL = "from workshop import overlay; print(overlay.install({folder!r})); "


def installed(folder, code):
    return python(INSTALL.format(folder=str(folder)) + code)


@pytest.fixture
def folder(tmp_path):
    folder = tmp_path / "mystack"
    folder.mkdir()
    return folder


def test_a_module_of_the_folder_is_loaded_and_the_others_stay(folder):
    (folder / "routing.py").write_text("MINE = __name__, __file__\n")
    code = (
        "import dustdevil.routing as r, dustdevil.coroutine as c;"
        "print(r.MINE); print(c.__file__)"
    )
    status, output, errors = installed(folder, code)
    assert status == 0, errors
    names, mine, reference = output.splitlines()
    assert names == "['routing']"
    assert mine == f"('dustdevil.routing', '{folder}/routing.py')"
    assert reference == str(ROOT / "src" / "dustdevil" / "coroutine.py")


def test_the_modules_that_are_replaced_are_listed(folder):
    (folder / "loop").mkdir()
    for name in ("routing", "loop/poller", "loop/routing", "notes", "__init__"):
        (folder / f"{name}.py").write_text("")
    assert overlay.modules(folder) == ["loop.poller", "routing"]


def test_a_module_of_a_package_is_loaded_and_its_neighbours_stay(folder):
    (folder / "loop").mkdir()
    (folder / "loop" / "poller.py").write_text("MINE = READ = WRITE = 1\n")
    code = (
        "import dustdevil.loop.poller as p, dustdevil.loop as l;"
        "print(p.MINE, p.__file__, l.__file__, l.READ)"
    )
    status, output, errors = installed(folder, code)
    assert status == 0, errors
    reference = ROOT / "src" / "dustdevil" / "loop" / "__init__.py"
    assert output.splitlines() == [
        "['loop.poller']",
        f"1 {folder}/loop/poller.py {reference} 1",
    ]


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("loop.py", "loop/eventloop.py"),
        ("poller.py", "loop/poller.py"),
        ("threads.py", "threads/pool.py"),
        ("buffers.py", "memory.py"),
        ("cycles.py", "collector/cycles.py"),
    ],
)
def test_a_file_of_the_flat_folder_is_told_its_new_place(folder, old, new):
    (folder / old).write_text("")
    with pytest.raises(overlay.OverlayError) as caught:
        overlay.install(folder)
    sentence = f"mystack/{old} has a new place: move it to mystack/{new}"
    assert str(caught.value) == sentence
    (folder / new).parent.mkdir(exist_ok=True)
    (folder / old).rename(folder / new)
    overlay.check_places(folder)


def test_only_the_modules_that_are_asked_for(folder):
    for name in ("routing", "coroutine"):
        (folder / f"{name}.py").write_text("MINE = True\n")
    status, output, errors = python(
        f"from workshop import overlay; overlay.install({str(folder)!r}, ['routing']);"
        "import dustdevil.routing as r, dustdevil.coroutine as c;"
        "print(hasattr(r, 'MINE'), hasattr(c, 'MINE'))"
    )
    assert (status, output) == (0, "True False\n"), errors


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("x = 1\ndef f(:\n", "mystack/routing.py, line 2: SyntaxError: invalid syntax"),
        ("x = 1\n\ny = x / 0\n", "mystack/routing.py, line 3: ZeroDivisionError: "),
        ("import nosuch\n", "mystack/routing.py, line 1: ModuleNotFoundError: "),
    ],
)
def test_a_module_that_cannot_be_loaded_says_where(folder, text, sentence):
    (folder / "routing.py").write_text(text)
    code = (
        "\ntry: import dustdevil.routing\n"
        "except overlay.OverlayError as error: print(error)"
    )
    status, output, errors = installed(folder, code)
    assert status == 0, errors
    assert output.splitlines()[1].startswith(sentence)


def test_a_quick_second_save_of_the_same_length_is_seen(folder):
    file = folder / "routing.py"
    for value in ("1", "2"):
        file.write_text(f"VALUE = {value}\n")
        os.utime(file, (1_000_000, 1_000_000))
        _, output, _ = installed(
            folder, "import dustdevil.routing; print(dustdevil.routing.VALUE)"
        )
        assert output.splitlines()[1] == value


def test_a_folder_that_is_missing_and_a_module_that_is_loaded_are_refused(folder):
    with pytest.raises(overlay.OverlayError, match="there is no folder"):
        overlay.install(folder / "nosuch")
    (folder / "routing.py").write_text("")
    status, _, errors = python(
        "import dustdevil.routing; from workshop import overlay;"
        f"overlay.install({str(folder)!r})"
    )
    assert status == 1
    assert "dustdevil.routing is loaded already" in errors


def test_subprocesses_inherit_it_through_the_environment(folder):
    (folder / "routing.py").write_text("MINE = True\n")
    code = "import dustdevil.routing as r; print(r.MINE)"
    status, output, errors = python(code, **overlay.environment(folder))
    assert (status, output) == (0, "True\n"), errors


def contract(folder):
    """Run the contract tests of routing on the folder."""
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"]
    done = subprocess.run(
        [*command, "--stack", str(folder), "tests/routing"],
        capture_output=True,
        text=True,
        cwd=ROOT,
    )
    return done.returncode, done.stdout


def test_the_contract_tests_judge_the_folder(folder):
    reference = (ROOT / "src" / "dustdevil" / "routing.py").read_text()
    (folder / "routing.py").write_text(reference)
    status, output = contract(folder)
    assert status == 0, output
    broken = reference.replace("reversed(self.middleware)", "self.middleware")
    assert broken != reference
    (folder / "routing.py").write_text(broken)
    status, output = contract(folder)
    assert status == 1
    assert "middleware" in output
