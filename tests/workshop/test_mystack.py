"""A learner's stack serves: the modules of every lab, made and solved as in the lab."""

import os
import re
import signal
import subprocess
import sys
from textwrap import dedent

import httpx
import nbformat
import pytest

from support.live_book import COMMAND, PAGE, TOKEN, Page, open_socket
from support.places import ROOT
from workshop import overlay
from workshop.labs import engine
from workshop.labs.lab import all_labs, find
from workshop.labs.source import plant

HEADERS = {"Authorization": f"token {TOKEN}"}

# At the end of each module: whoever calls one of its functions is told by a file.
SIGNS = """

def _sign(space, name):
    function = space[name]
    if not isinstance(function, type(_sign)):
        return function  # a property, say

    def signed(*args, **kwargs):
        if signed.at_first:
            signed.at_first = False
            with open({told!r}, "a") as told:
                told.write(f"{{__name__}} {{function.__qualname__}}\\n")
        return function(*args, **kwargs)

    signed.at_first = True
    return signed

for _name in {names!r}:
    _class, _, _method = _name.rpartition(".")
    if _class:
        _class = globals()[_class]
        setattr(_class, _method, _sign(vars(_class), _method))
    else:
        globals()[_name] = _sign(globals(), _name)
"""


class MyStack:
    """The folder of a learner who has done some labs; it tells what is called."""

    def __init__(self, folder, *labs):
        self.folder = folder
        self.told = folder / "told.txt"
        for lab in labs:
            engine.start(lab, folder)
            for module in lab.modules:
                self.solve(
                    module, [f.name for f in lab.functions if f.module == module]
                )

    def solve(self, module, names):
        """Write the functions of the lab into the file that `start` has made."""
        file = self.folder / overlay.path_of(module)
        solved = plant(file.read_text(), overlay.reference(module).read_text())
        file.write_text(solved + SIGNS.format(told=str(self.told), names=names))

    def called(self):
        """Functions of the learner's that were called: "coroutine Task.step"."""
        lines = self.told.read_text().splitlines() if self.told.exists() else []
        return {line.removeprefix("dustdevil.") for line in lines}


@pytest.fixture
def started():
    """Start processes; what is left of them in the end is ended."""
    processes = []

    def start(command, **options):
        process = subprocess.Popen(
            [sys.executable, *map(str, command)],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            **options,
        )
        processes.append(process)
        return process

    yield start
    for process in processes:
        process.kill()
        process.communicate()


@pytest.fixture
def pages(tmp_path):
    folder = tmp_path / "html"
    folder.mkdir()
    (folder / "index.html").write_text(PAGE)
    return folder


def until_address(process):
    """What the process says before its address, and the address without its path."""
    said = ""
    for line in process.stdout:
        if found := re.match(r"http://[\d.]+:\d+", line):
            return said, found[0]
        said += line
    raise AssertionError(f"no address: {said}")


def serve_the_book(started, pages, stack):
    """`workshop serve --stack`; returns the process, the modules it names, its URL."""
    options = "--port", 0, "--token", TOKEN, "--stack", stack.folder
    process = started(["-c", COMMAND, pages, *options])
    said, url = until_address(process)
    names = re.search(r"^These modules are yours, from \S+: (.+)\.$", said, re.M)[1]
    assert httpx.get(f"{url}/index.html", headers=HEADERS).text == PAGE
    return process, names.split(", "), url


def end(process):
    process.send_signal(signal.SIGTERM)
    out, _ = process.communicate(timeout=20)
    assert process.returncode == 0, out


# What a page asks of the labs' modules. The book's server has no blocking calls, and
# the chapter on memory shows that it is better off without blocks: the guides of
# these two labs bring servers of their own, which are tried below.
FOR_A_PAGE = {
    1: {"routing Router.route", "routing Router.match", "routing layer"},
    2: {"coroutine Scheduler.call_soon", "coroutine Scheduler.run_ready"},
    3: {"fields Settings.__init__", "fields lazy.__get__"},
    5: {"loop.eventloop Loop.turn", "loop.poller EpollPoller.poll"},
    9: set(),
    10: set(),
    11: {"collector.policy Collector.due"},
}


@pytest.mark.parametrize("lab", all_labs(), ids=lambda lab: lab.slug)
def test_what_was_built_in_a_lab_serves_the_book(started, pages, tmp_path, lab):
    stack = MyStack(tmp_path / "mystack", lab)
    process, names, _ = serve_the_book(started, pages, stack)
    assert names == sorted(lab.modules)
    end(process)
    assert FOR_A_PAGE[lab.number] <= stack.called()


def test_all_of_it_together_serves_the_book_and_runs_its_cells(
    started, pages, tmp_path
):
    labs = all_labs()
    stack = MyStack(tmp_path / "mystack", *labs)
    process, names, url = serve_the_book(started, pages, stack)
    assert names == sorted({module for lab in labs for module in lab.modules})
    kernel = httpx.post(f"{url}/api/kernels", headers=HEADERS).json()["id"]
    with open_socket(f"{url}/api/kernels/{kernel}/channels") as socket:
        # The cells run on the book's own modules: what a chapter says holds for those.
        code = "from dustdevil.loop import eventloop; print(eventloop.__file__)"
        file = overlay.reference("loop.eventloop")
        assert Page(socket).execute(code)[1] == f"{file}\n"
    end(process)
    assert {"coroutine Task.step", "coroutine Task._wake"} <= stack.called()


def code_of(lab, language, containing):
    """A block of code in the guide of a lab, for the reader to take."""
    cells = nbformat.read(lab.folder / "lab.ipynb", as_version=4).cells
    text = "\n".join(cell.source for cell in cells if cell.cell_type == "markdown")
    blocks = re.findall(r"^```(\w*)\n(.*?)^```$", text, re.M | re.S)
    (block,) = (
        code for name, code in blocks if name == language and containing in code
    )
    return block


def test_lab_9_ends_with_a_server_whose_blocking_calls_are_in_my_threads(
    started, tmp_path
):
    lab = find(9)
    stack = MyStack(tmp_path / "mystack", lab)
    program = code_of(lab, "python", "run_in_thread")
    assert "sleep, 5" in program
    (tmp_path / "blocking.py").write_text(program.replace("sleep, 5", "sleep, 0.01"))
    line = code_of(lab, "", "-m dustdevil blocking:app")
    variables = dict(pair.split("=") for pair in line.split()[:2])
    paths = [str(ROOT / path) for path in variables["PYTHONPATH"].split(":")]
    environment = {
        "PYTHONPATH": os.pathsep.join([*paths, str(tmp_path)]),
        overlay.VARIABLE: str(stack.folder),
    }
    assert variables.keys() == environment.keys()
    process = started(
        ["-m", "dustdevil", "blocking:app", "--port", 0],
        env={**os.environ, **environment},
    )
    said = process.stdout.readline()
    url = re.search(r"http://[\d.]+:\d+", said)[0]
    assert httpx.get(f"{url}/slow").text == "at last"
    assert httpx.get(f"{url}/quick").text == "at once"
    assert {
        "threads.pool ThreadPool.run",
        "threads.pool ThreadPool._finish",
    } <= stack.called()


def test_lab_10_ends_with_a_server_that_receives_into_my_blocks(started, tmp_path):
    lab = find(10)
    stack = MyStack(tmp_path / "mystack", lab)
    program = code_of(lab, "python", "a_day")
    few = dedent(program).replace("visitors=400", "visitors=20")
    few = few.replace("time.sleep(0.5)", "time.sleep(0.05)").replace(
        'a_day("bytearrays")\n', ""
    )
    folder = tmp_path / "labs" / lab.slug  # where a cell of the guide runs
    folder.mkdir(parents=True)
    out, _ = started(["-c", few], cwd=folder).communicate(timeout=20)
    assert re.fullmatch(r"blocks before, with the crowd, after:( \d+ MiB){3}\n", out)
    assert "memory Allocator.allocate" in stack.called()
