"""The labs: what their engine tells apart, and that each keeps its promises."""

import ast
import contextlib
import fcntl
import io
import json
import os
import pty
import select
import shutil
import subprocess
import sys
import termios
import time
import tokenize

import pytest

from support.places import ROOT, file_of_tests
from workshop import overlay
from workshop.labs import engine, mistakes
from workshop.labs.lab import VARIABLE, LabError, all_labs, find
from workshop.labs.progress import Progress
from workshop.labs.source import empty, functions, not_written, plant

LABS = all_labs()


def each_lab(pairs):
    """Parametrize over (lab, something) pairs, with readable names."""
    pairs = list(pairs)
    return [
        pytest.param(lab, thing, id=f"{lab.number}-{getattr(thing, 'stem', thing)}")
        for lab, thing in pairs
    ]


every_lab = pytest.mark.parametrize("lab", LABS, ids=lambda lab: lab.slug)


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "mystack"


def run(lab, folder, **options):
    return list(engine.run(lab, folder, **options))


def tell(verdicts):
    return "\n".join(str(verdict) for verdict in verdicts if not verdict.passed)


# The starter


@every_lab
def test_the_untouched_starter_fails_every_check_with_a_sentence(lab, folder):
    engine.start(lab, folder)
    verdicts = run(lab, folder)
    assert [v.check for v in verdicts] == [check.name for check in lab.checks]
    assert {v.status for v in verdicts} == {"not attempted"}
    assert all(v.message for v in verdicts)


def comments(source):
    tokens = tokenize.generate_tokens(io.StringIO(source).readline)
    return [
        token.string
        for token in tokens
        if token.type == tokenize.COMMENT and token.line.strip() == token.string
    ]


@every_lab
def test_the_starter_keeps_signatures_docstrings_and_comments(lab):
    for module, text in engine.starter(lab).items():
        reference = overlay.reference(module).read_text()
        before, after = functions(ast.parse(reference)), functions(ast.parse(text))
        assert list(before) == list(after)
        for name in before:
            assert ast.unparse(before[name].args) == ast.unparse(after[name].args)
            assert ast.get_docstring(before[name]) == ast.get_docstring(after[name])
        assert comments(text) == comments(reference)
        emptied = [f.name for f in lab.functions if f.module == module]
        assert [e.name for e in not_written(text, emptied)] == emptied


def test_emptying_leaves_decorators_and_comments():
    source = '''
class Router:
    @property
    def size(self):
        """Docstring,
        of two lines."""
        # why
        total = 0

        for route in self.routes:  # beside code
            # inside
            total += 1
        return total

    @cached
    async def last(
        self,
    ): return 1
'''.replace(": return 1", ":\n        return 1")
    assert (
        empty(source, {"Router.size": 2, "Router.last": 3})
        == '''
class Router:
    @property
    def size(self):
        """Docstring,
        of two lines."""
        # why

        # inside
        raise NotImplementedError("your turn: Router.size (step 2)")

    @cached
    async def last(
        self,
    ):
        raise NotImplementedError("your turn: Router.last (step 3)")
'''
    )
    with pytest.raises(LookupError, match=r"Router\.nosuch"):
        empty(source, {"Router.nosuch": 1})


def rewritten(lab, folder, body):
    """Reference modules with the text of every function of the lab changed."""
    mistakes.write(lab, folder)
    for module in lab.modules:
        file = folder / overlay.path_of(module)
        names = [f.name for f in lab.functions if f.module == module]
        lines = file.read_text().splitlines()
        nodes = functions(ast.parse(file.read_text()))
        for name in sorted(names, key=lambda n: nodes[n].lineno, reverse=True):
            node = nodes[name]
            first = node.body[0].lineno
            if ast.get_docstring(node) is not None:
                first = node.body[0].end_lineno + 1
            if body == "# commented out":
                first = min([node.lineno, *(d.lineno for d in node.decorator_list)])
                new = [f"# {line}" for line in lines[first - 1 : node.end_lineno]]
                new.append(" " * node.col_offset + "pass")
            else:
                new = [" " * node.body[0].col_offset + body] if body else []
                if not body and ast.get_docstring(node) is None:
                    new = [" " * node.body[0].col_offset + '"""Nothing."""']
            lines[first - 1 : node.end_lineno] = new
        file.write_text("\n".join(lines) + "\n")


@every_lab
@pytest.mark.parametrize("body", ["", "pass", "...", "# commented out"])
def test_what_nobody_has_written_is_not_attempted(lab, folder, body):
    rewritten(lab, folder, body)
    verdicts = run(lab, folder, limit=1)
    assert {v.status for v in verdicts} == {"not attempted"}, tell(verdicts)


@every_lab
@pytest.mark.parametrize("answer", ["None", "lambda *_, **__: 1"])
def test_answers_that_never_change_fail_every_check(lab, folder, answer):
    rewritten(lab, folder, f"return {answer}")
    verdicts = run(lab, folder, limit=1)
    assert not any(v.passed for v in verdicts)


@pytest.mark.parametrize(
    ("lab", "name"), each_lab((lab, f.name) for lab in LABS for f in lab.functions)
)
def test_no_function_can_be_left_empty(lab, folder, name):
    """Everything else as in the reference: the checks still miss this one."""
    mistakes.write(lab, folder)
    (function,) = (f for f in lab.functions if f.name == name)
    file = folder / overlay.path_of(function.module)
    reference = file.read_text()
    file.write_text(empty(reference, {name: function.step}))
    verdicts = run(lab, folder, step=function.step, limit=1)
    assert "not attempted" in {v.status for v in verdicts}
    file.write_text(
        file.read_text().replace("raise NotImplementedError(", "return None  # (")
    )
    verdicts = run(lab, folder, step=function.step, limit=1)
    assert not all(v.passed for v in verdicts)


def test_start_never_overwrites_without_being_told(folder):
    lab = LABS[0]
    engine.start(lab, folder)
    file = folder / overlay.path_of(lab.modules[0])
    file.write_text("mine = 1\n")
    assert "stays as it is" in engine.start(lab, folder)[0]
    assert file.read_text() == "mine = 1\n"
    for kept in ("1", "2"):
        engine.start(lab, folder, force=True)
        assert file.with_name(f"{file.name}.{kept}.bak").is_file()
    assert file.with_name(f"{file.name}.1.bak").read_text() == "mine = 1\n"
    assert file.read_text() == engine.starter(lab)[lab.modules[0]]


# Right answers, wrong answers


@every_lab
def test_the_reference_passes_with_twenty_seeds(lab, folder):
    mistakes.write(lab, folder)
    began = time.perf_counter()
    for seed in range(20):
        verdicts = run(lab, folder, seed=seed)
        assert len(verdicts) == len(lab.checks)
        assert all(v.passed for v in verdicts), tell(verdicts)
    seconds = (time.perf_counter() - began) / 20
    print(f"\nlab {lab.number}: {seconds:.2f} s for all {len(lab.checks)} checks")


@pytest.mark.parametrize(
    ("lab", "file"), each_lab((lab, f) for lab in LABS for f in mistakes.others(lab))
)
def test_other_right_answers_pass(lab, file, folder):
    mistakes.write(lab, folder, file.read_text())
    for seed in range(3):
        verdicts = run(lab, folder, seed=seed)
        assert all(v.passed for v in verdicts), tell(verdicts)


@pytest.mark.parametrize(
    ("lab", "file"), each_lab((lab, f) for lab in LABS for f in mistakes.others(lab))
)
def test_other_right_answers_keep_the_whole_contract(lab, file, folder):
    mistakes.write(lab, folder, file.read_text())
    tests = [file_of_tests(module) for module in lab.modules]
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"]
    done = subprocess.run(
        [*command, "--stack", str(folder), *tests],
        capture_output=True,
        text=True,
        cwd=ROOT,
    )
    assert done.returncode == 0, done.stdout


@every_lab
def test_there_are_enough_mistakes_answers_checks_and_hints(lab):
    assert len(mistakes.mistakes(lab)) >= 3
    assert len(mistakes.others(lab)) >= 2
    assert 5 <= len(lab.checks) <= 15
    assert all(len(check.hints) == 3 for check in lab.checks)
    assert {check.step for check in lab.checks} == {step.number for step in lab.steps}


@pytest.mark.parametrize(
    ("lab", "file"),
    each_lab((lab, m.file) for lab in LABS for m in mistakes.mistakes(lab)),
)
def test_each_typical_mistake_is_caught_and_told(lab, file, folder):
    (mistake,) = (m for m in mistakes.mistakes(lab) if m.file == file)
    mistakes.write(lab, folder, file.read_text())
    verdicts = run(lab, folder, seed=mistakes.SEED, go_on=False)
    first = verdicts[-1]
    assert (first.check, mistakes.told(first)) == (
        mistake.caught_by,
        mistake.message.rstrip("\n"),
    )


@pytest.mark.parametrize(
    ("lab", "file"),
    each_lab((lab, m.file) for lab in LABS for m in mistakes.mistakes(lab)),
)
def test_each_typical_mistake_is_caught_with_another_seed(lab, file, folder):
    mistakes.write(lab, folder, file.read_text())
    (mistake,) = (m for m in mistakes.mistakes(lab) if m.file == file)
    (verdict,) = run(lab, folder, names=[mistake.caught_by], seed=100)
    assert not verdict.passed


def test_a_failing_network_check_shows_what_went_over_the_wire(folder):
    lab = find(5)
    (mistake,) = (
        m for m in mistakes.mistakes(lab) if m.file.stem == "takes_watch_for_one_shot"
    )
    mistakes.write(lab, folder, mistake.file.read_text())
    (verdict,) = run(lab, folder, names=[mistake.caught_by])
    sent, received, by_hand = verdict.wire
    assert sent.startswith("client 2 sent: b'")
    assert received == "client 2 received: b' [nothing more in 1 s]'"
    assert "curl" in by_hand


@every_lab
def test_each_check_names_a_heading_of_its_chapter(lab):
    chapter = ROOT / "book" / f"{lab.chapter}.ipynb"
    headings = {
        line.lstrip("# ").strip()
        for line in cells_text(chapter).splitlines()
        if line.startswith("#")
    }
    assert {check.read for check in lab.checks} <= headings


def cells_text(notebook):
    cells = json.loads(notebook.read_text())["cells"]
    return "\n".join(
        "".join(c["source"]) for c in cells if c["cell_type"] == "markdown"
    )


# What the engine tells apart, on lab 1


@pytest.fixture
def lab():
    return find(1)


def planted(lab, folder, patch, **options):
    mistakes.write(lab, folder, patch)
    return run(lab, folder, names=["onion"], limit=0.5, **options)[0]


def wrap_with(body):
    lines = "\n".join(f"        {line}" for line in body.splitlines())
    return f"class Router:\n    def wrap(self, handler):\n{lines}\n"


@pytest.mark.parametrize(
    ("body", "where"),
    [
        ("import time\ntime.sleep(60)", "in wrap: time.sleep(60)"),
        ("def inner():\n    while True:\n        pass\ninner()", "in inner: "),
        (
            "import socket\na, b = socket.socketpair()\na.recv(1)",
            "in wrap: a.recv(1)",
        ),
    ],
)
def test_a_hang_is_reported_with_its_line(lab, folder, body, where):
    verdict = planted(lab, folder, wrap_with(body))
    assert verdict.status == "hang"
    assert where in verdict.where
    place, _, rest = verdict.where.partition(", line ")
    number, _, code = rest.partition(", in ")
    lines = (folder / "routing.py").read_text().splitlines()
    assert place == "mystack/routing.py"
    assert lines[int(number) - 1].strip() == code.partition(": ")[2]


def test_a_check_that_cannot_be_ended_gently_is_killed(lab, folder):
    body = "import faulthandler\nfaulthandler.cancel_dump_traceback_later()\n"
    verdict = planted(lab, folder, wrap_with(body + "while True: pass"))
    assert verdict.status == "hang"


def test_an_error_is_reported_with_the_learners_line(lab, folder):
    verdict = planted(lab, folder, wrap_with("x = 1\nreturn x.nosuch"))
    assert verdict.status == "error"
    assert "AttributeError: 'int' object has no attribute 'nosuch'" in verdict.message
    assert verdict.where.endswith("in wrap: return x.nosuch")


@pytest.mark.parametrize(
    ("body", "status", "words"),
    [
        ("import os\nos._exit(3)", "crash", "exit code 3"),
        ("import os, signal\nos.kill(os.getpid(), signal.SIGTERM)", "crash", "SIGTERM"),
        ("import ctypes\nctypes.string_at(0)", "crash", "SIGSEGV"),
        ("import sys\nsys.exit()", "error", "it ended the program"),
        ("x = []\nwhile True: x.append([0] * (1 << 28))", "error", "MemoryError"),
    ],
)
def test_what_ends_the_process_does_not_end_the_session(
    lab, folder, body, status, words
):
    verdict = planted(lab, folder, wrap_with(body))
    assert verdict.status == status
    assert words in verdict.message


def test_a_module_that_fails_while_it_is_imported_is_told_before_what_is_unwritten(
    lab, folder
):
    folder.mkdir(exist_ok=True)
    starter = engine.starter(lab)["routing"]
    (folder / "routing.py").write_text(starter + "\n1 / 0\n")
    verdict = run(lab, folder, go_on=False)[0]
    assert verdict.status == "error"
    assert "ZeroDivisionError" in verdict.message


@pytest.mark.parametrize(
    ("line", "status", "words"),
    [
        ("while True: pass", "hang", "in <module>: while True: pass"),
        ("import os; os._exit(3)", "crash", "exit code 3"),
    ],
)
def test_a_module_that_does_not_get_to_its_functions_is_not_told_they_are_missing(
    lab, folder, line, status, words
):
    folder.mkdir(exist_ok=True)
    (folder / "routing.py").write_text(f"{line}\n")
    (verdict,) = run(lab, folder, go_on=False, limit=0.5)
    assert verdict.status == status
    assert words in "\n".join(verdict.details())


def test_a_module_without_a_function_is_told_that_it_is_missing(lab, folder):
    folder.mkdir(exist_ok=True)
    (folder / "routing.py").write_text("")
    (verdict,) = run(lab, folder, go_on=False)
    assert verdict.status == "not attempted"
    assert "Router.route is not there any more" in verdict.message


def test_an_error_in_the_place_of_an_answer_has_its_line(lab, folder):
    patch = "class Route:\n    def handler(self, method):\n        {}[method]\n"
    mistakes.write(lab, folder, patch)
    (verdict,) = run(lab, folder, names=["finds"])
    assert verdict.status == "wrong"
    assert "got:      KeyError: 'GET'" in verdict.message
    assert verdict.where.endswith("in handler: {}[method]")


def test_an_error_in_the_check_says_that_the_answer_caused_it(lab, folder):
    mistakes.write(lab, folder, wrap_with("return 5"))
    (verdict,) = run(lab, folder, names=["onion"])
    assert verdict.status == "error"
    assert "'int' object is not callable" in verdict.message
    assert "in the check, which can't go on with what your code gave it: answer = " in (
        verdict.message
    )


def test_a_module_that_cannot_be_read_is_one_sentence(lab, folder):
    mistakes.write(lab, folder)
    (folder / "routing.py").write_text("def broken(:\n")
    verdict = run(lab, folder, go_on=False)[0]
    assert verdict.status == "error"
    assert verdict.message == (
        "mystack/routing.py, line 1: SyntaxError: invalid syntax"
    )


def test_what_the_learner_prints_is_shown_when_it_fails(lab, folder):
    verdict = planted(lab, folder, wrap_with("print('here I am')\nreturn handler"))
    assert verdict.status == "wrong"
    assert verdict.printed == "here I am"


def test_the_same_seed_makes_the_same_inputs(lab, folder):
    patch = wrap_with("return handler")
    told = [str(planted(lab, folder, patch, seed=seed)) for seed in (5, 5, 6)]
    assert told[0] == told[1] != told[2]


def test_a_lab_that_was_not_started_says_so(lab, folder):
    with pytest.raises(LabError, match=r"\.venv/bin/workshop lab start 1"):
        run(lab, folder)


def test_only_the_modules_of_the_lab_are_taken_from_the_folder(lab, folder):
    mistakes.write(lab, folder)
    (folder / "coroutine.py").write_text("1 / 0\n")
    assert all(v.passed for v in run(lab, folder))


def test_planting_adds_what_the_source_does_not_have():
    source = "import re\n\n\nclass A:\n    def f(self):\n        return 1\n"
    patch = (
        'NOTE = "x"\nimport os\n\nclass A:\n    def f(self):\n        return g()\n'
        "    def h(self):\n        return 3\n\ndef g():\n    return 2\n"
        "class B:\n    x = 4\n"
    )
    space = {}
    exec(plant(source, patch), space)
    assert (space["A"]().f(), space["A"]().h(), space["B"].x) == (2, 3, 4)
    assert "os" in space
    assert "NOTE" not in space


# Progress and the command line


def test_progress_follows_the_last_run(lab, folder):
    engine.start(lab, folder)
    mistakes.write(lab, folder)
    Progress(folder).note(lab, run(lab, folder))
    assert len(Progress(folder).passed(lab)) == len(lab.checks)
    verdict = planted(lab, folder, wrap_with("return None"))
    Progress(folder).note(lab, [verdict])
    assert "onion" not in Progress(folder).passed(lab)
    assert f"{len(lab.checks) - 1} of {len(lab.checks)}" in Progress(folder).bar(lab)


def test_hints_come_one_by_one_and_the_last_stays(lab, folder):
    folder.mkdir()
    numbers = [Progress(folder).next_hint(lab, "onion")[0] for _ in range(4)]
    assert numbers == [1, 2, 3, 3]


def command(folder, *args):
    """Run `workshop lab …` without a terminal; return exit code and output."""
    done = subprocess.run(
        [sys.executable, "-m", "workshop", "lab", *args],
        capture_output=True,
        text=True,
        env={**os.environ, VARIABLE: str(folder)},
    )
    return done.returncode, done.stdout + done.stderr


def test_the_command_line_from_start_to_solution(lab, folder):
    assert command(folder, "check", "1") == (
        2,
        "there is no mystack/routing.py yet: .venv/bin/workshop lab start 1 makes it\n",
    )
    status, output = command(folder, "start", "1")
    assert status == 0
    assert "mystack/routing.py is ready: 11 functions" in output
    status, output = command(folder, "check", "1")
    assert status == 1
    assert "not attempted" in output
    assert "0 of 10" in output
    assert "\x1b" not in output
    first, second = (command(folder, "hint", "1")[1] for _ in range(2))
    assert "hint 1 of 3" in first
    assert "hint 2 of 3" in second
    assert "return handler" in command(folder, "solution", "1", "--step", "1")[1]
    assert "return handler" in command(folder, "diff", "1")[1]
    shutil.copy(overlay.reference("routing"), folder / "routing.py")
    status, output = command(folder, "check", "1", "--all")
    assert status == 0
    assert "10 of 10" in output
    assert "10 of 10" in command(folder, "progress")[1]
    assert lab.title in command(folder, "list")[1]
    assert command(folder, "check", "77")[0] == 2
    assert command(folder, "check", "1", "--step", "9")[0] == 2


def test_watch_without_a_terminal_answers_every_save(lab, folder):
    engine.start(lab, folder)
    process = subprocess.Popen(
        [sys.executable, "-u", "-m", "workshop", "lab", "watch", "1"],
        stdout=subprocess.PIPE,
        stdin=subprocess.DEVNULL,
        text=True,
        env={**os.environ, VARIABLE: str(folder)},
    )
    try:
        assert "not attempted" in until(process.stdout, " of 10")
        shutil.copy(overlay.reference("routing"), folder / "routing.py")
        saved = time.perf_counter()
        assert "Lab 1 is done" in until(process.stdout, " of 10")
        print(f"\nsave to verdict: {time.perf_counter() - saved:.2f} s")
    finally:
        process.terminate()
        process.stdout.close()
        process.wait()


def until(stream, text):
    lines = []
    for line in stream:
        lines.append(line)
        if text in line:
            return "".join(lines)
    raise AssertionError(f"the end came before {text!r}: {lines}")


def test_watch_in_a_terminal_gives_hints_on_a_key(lab, folder):
    engine.start(lab, folder)
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "workshop", "lab", "watch", "1"],
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        env={**os.environ, VARIABLE: str(folder), "TERM": "xterm"},
    )
    os.close(theirs)
    try:
        shown = read_until(ours, "q quit")
        assert "not attempted" in shown
        os.write(ours, b"h")
        read_until(ours, "hint 1 of 3")
        os.write(ours, b"h")
        read_until(ours, "hint 2 of 3")
        os.write(ours, b"q")
        assert process.wait(timeout=20) == 1
    finally:
        process.kill()
        process.wait()
        os.close(ours)


@pytest.mark.parametrize("busy", [False, True])
def test_ctrl_c_ends_watch_without_a_word(lab, folder, busy):
    engine.start(lab, folder)
    if busy:
        (folder / "routing.py").write_text("print('here')\nwhile True: pass\n")
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "workshop", "lab", "watch", "1"],
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        start_new_session=True,
        preexec_fn=lambda: fcntl.ioctl(theirs, termios.TIOCSCTTY, 0),
        env={**os.environ, VARIABLE: str(folder), "TERM": "xterm"},
    )
    try:
        if not busy:
            read_until(ours, "q quit")
        else:
            until_single_keys(theirs)
        os.write(ours, b"\x03")
        assert process.wait(timeout=20) == 1
        os.close(theirs)
        shown = ""
        with contextlib.suppress(OSError):
            while piece := os.read(ours, 4096):
                shown += piece.decode()
        assert shown.replace("^C", "").strip() == ""
    finally:
        process.kill()
        process.wait()
        os.close(ours)


def until_single_keys(fd, seconds=30):
    """Wait until the terminal is set to hand over each key: watch has begun."""
    deadline = time.monotonic() + seconds
    while termios.tcgetattr(fd)[3] & termios.ICANON:
        assert time.monotonic() < deadline
        time.sleep(0.01)


def read_until(fd, text, seconds=30):
    shown, deadline = "", time.monotonic() + seconds
    while text not in shown:
        ready, _, _ = select.select([fd], [], [], deadline - time.monotonic())
        assert ready, f"no {text!r} in {shown!r}"
        with contextlib.suppress(OSError):
            shown += os.read(fd, 4096).decode(errors="replace")
    return shown
