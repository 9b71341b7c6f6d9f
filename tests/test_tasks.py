"""Tasks in C: nothing shows that they are, but how long they take.

Every test of `test_coroutine` and `test_sync` is done with either kind of task. Here
the two are led through the same stories, and the C is given what it can't expect.
"""

import gc
import math
import subprocess
import sys
import traceback
import weakref

import pytest
from extension import (
    ROOT,
    compiled,
    compiled_task_factory,
    in_other_interpreters,
    load,
)
from hypothesis import given
from hypothesis import strategies as st

from dustdevil import coroutine, speedups
from dustdevil.coroutine import (
    CancelledError,
    Future,
    Scheduler,
    Task,
    current_task,
    let_others_run,
)
from dustdevil.loop import Loop


@pytest.fixture(scope="module")
def make():
    return compiled_task_factory()


@pytest.fixture(scope="module")
def library(tmp_path_factory):
    return compiled(tmp_path_factory.mktemp("c"), "_tasks")


@pytest.fixture
def scheduler(make):
    made = Scheduler()
    made.task_factory = make
    return made


async def nothing():
    pass


# What it is


def test_a_task_in_c_is_a_task(scheduler, make):
    task = scheduler.spawn(nothing())
    assert isinstance(task, Task)
    assert type(task) is not Task
    assert repr(task) == "<Task nothing pending>"
    assert not hasattr(task, "__dict__")
    python = Task(task._coroutine, scheduler)
    for name in (*Future.__slots__[1:], *Task.__slots__):
        assert getattr(task, name) == getattr(python, name)
    ref = weakref.ref(task)
    scheduler.run_ready()
    assert repr(task) == "<Task nothing done>"
    assert task.result() is None
    del task
    assert ref() is None


def test_its_steps_are_no_lines_of_a_traceback(scheduler):
    async def fails():
        raise LookupError("here")

    async def outer():
        await scheduler.spawn(fails())

    with pytest.raises(LookupError) as caught:
        scheduler.run(outer())
    names = [frame.name for frame in traceback.extract_tb(caught.tb)]
    assert names[-3:] == ["outer", "__await__", "fails"] or names[-1] == "fails"
    assert "step" not in names


def test_one_whose_class_is_called_is_made_in_python(scheduler, make):
    task = type(make(None, scheduler))(nothing(), scheduler)
    task.step()
    assert task.result() is None


# Two of a kind


class Story:
    """Coroutines that do as they are told, and a log of all that happens to them."""

    def __init__(self, factory, scripts):
        self.scheduler = Scheduler()
        self.scheduler.task_factory = factory
        self.scheduler.on_error = lambda error, where: self.note("report", error)
        self.log = []
        self.futures = [Future(self.scheduler) for _ in range(3)]
        self.tasks = [
            self.scheduler.spawn(self.follow(number, script))
            for number, script in enumerate(scripts)
        ]
        for number, task in enumerate(self.tasks):
            task.add_done_callback(lambda _, number=number: self.note("done", number))

    def note(self, *what):
        self.log.append(tuple(str(part) for part in what))

    async def follow(self, number, script):
        for step in script:
            try:
                self.note(number, step, await self.do(number, *step))
            except (Exception, CancelledError) as error:
                self.note(number, step, type(error).__name__, error)
                if step[-1] == "or end":
                    raise
        return number

    async def do(self, number, what, which=0, *_):
        if what == "pause":
            await let_others_run()
        elif what == "future":
            return await self.futures[which]
        elif what == "task":
            return await self.tasks[which]
        elif what == "who":
            return repr(await current_task())
        elif what == "cancel":
            return self.tasks[which].cancel()
        elif what == "set":
            self.futures[which].set_result(number)
        elif what == "fail":
            self.futures[which].set_exception(KeyError(number))
        elif what == "raise":
            raise ValueError(number)
        elif what == "yield":
            return await Strange(which)
        elif what == "generator":
            return await self.scheduler.spawn(self.generate(which))

    def generate(self, which):
        yield
        value = yield self.futures[which]
        return "generated", value

    def run(self):
        for _ in range(60):
            self.scheduler.run_ready()
        for future in self.futures:
            future.cancel()
        for _ in range(60):
            self.scheduler.run_ready()
        for task in self.tasks:
            self.note(task, task.cancelled(), task._waits_for, task._cancelling)
            if task.done():
                self.note(type(task._error), task._value if not task._error else "")
        del task
        self.tasks.clear()
        gc.collect()  # what failed unheard is reported by now
        return self.log


class Strange:
    """Awaits what can't be waited for."""

    def __init__(self, which):
        self.what = (7, "text", [], None)[which]

    def __await__(self):
        return (yield self.what)


which = st.integers(0, 2)
ends = st.sampled_from(["or go on", "or end"])
step = st.one_of(
    st.tuples(st.sampled_from(["pause", "who", "raise"]), which, ends),
    st.tuples(st.sampled_from(["future", "task", "generator", "yield"]), which, ends),
    st.tuples(st.sampled_from(["cancel", "set", "fail"]), which, ends),
)


@pytest.fixture(scope="module")
def little_to_collect():
    """A collection looks at what these tests have made, and not at all there is."""
    gc.collect()
    gc.freeze()
    yield
    gc.unfreeze()


@pytest.mark.usefixtures("little_to_collect")
@given(scripts=st.lists(st.lists(step, max_size=6), min_size=3, max_size=3))
def test_nothing_shows_which_kind_it_was(make, scripts):
    assert Story(make, scripts).run() == Story(None, scripts).run()


def use_everything(module):
    """Stories with all the steps there are: for valgrind to watch."""
    if not hasattr(module, "Task"):
        module.bind(Task, CancelledError)
    for end in "or go on", "or end":
        for what in "pause", "who", "raise", "future", "task", "generator", "yield":
            for other in "cancel", "set", "fail":
                told = [(what, 0, end), ("pause", 0, end), (what, 1, end)]
                Story(module.make, [[(other, 0, end)], told, told]).run()


# What is not usual


@pytest.mark.parametrize("error", [KeyboardInterrupt, SystemExit])
def test_what_ends_the_program_ends_it(scheduler, error):
    async def fails():
        raise error("now")

    task = scheduler.spawn(fails())
    with pytest.raises(error, match="now"):
        scheduler.run_ready()
    assert isinstance(task.exception(), error)


def test_a_failure_is_reported_while_another_one_passes(make):
    """Its task is freed on the way of an exception."""
    scheduler = Scheduler()
    reported = []
    scheduler.on_error = lambda error, where: reported.append((error, where))

    async def fails():
        raise LookupError("unheard")

    def failed():
        task = make(fails(), scheduler)
        task.step()
        return task

    with pytest.raises(TypeError, match="real number"):
        math.sqrt(failed())
    assert [str(error) for error, _ in reported] == ["unheard"]


class Coroutine:
    """Any object with these methods can be a coroutine."""

    def __init__(self, *answers):
        self.answers = [*answers]

    def answer(self, _):
        answer = self.answers.pop(0)
        if isinstance(answer, BaseException):
            raise answer
        return answer

    send = throw = answer


def test_a_coroutine_that_is_no_coroutine(scheduler, make):
    task = make(Coroutine(None, None, StopIteration(5)), scheduler)
    for _ in range(3):
        task.step()
    assert task.result() == 5
    task = make(Coroutine(StopIteration(6)), scheduler)
    task.step(None, KeyError())
    assert task.result() == 6
    task = make(object(), scheduler)
    task.step()
    assert isinstance(task.exception(), AttributeError)


@pytest.mark.parametrize("second", [StopIteration(2), KeyError(2), SystemExit(2)])
def test_a_step_too_many(scheduler, make, second):
    task = make(Coroutine(StopIteration(1), second), scheduler)
    task.step()
    with pytest.raises(coroutine.InvalidState):
        task.step()
    assert task.result() == 1


def test_an_attribute_that_was_deleted(make):
    for name in ("_done", "_callbacks", "_coroutine", "_cancelling", "scheduler"):
        task = make(nothing(), Scheduler())
        there = task._coroutine
        delattr(task, name)
        try:
            task.step()
        except AttributeError:
            pass
        else:
            assert task.exception() is None or name == "_coroutine"
        there.close()


def test_it_is_bound_once_and_to_classes_with_slots_only(library):
    module = load(library)

    class Bare:
        pass

    class Wrong(Task):
        _value = 1

    class Silent:
        __slots__ = (*Future.__slots__, *Task.__slots__)

    with pytest.raises(RuntimeError, match="first"):
        module.make(None, None)
    for wrong, error in (
        (Bare, AttributeError),
        (Silent, AttributeError),  # it has no __del__
        (Wrong, TypeError),
        (None, TypeError),
    ):
        with pytest.raises(error):
            module.bind(wrong, CancelledError)
    with pytest.raises(TypeError):
        module.bind(Task)
    module.bind(Task, CancelledError)
    with pytest.raises(RuntimeError, match="before"):
        module.bind(Task, CancelledError)
    for arguments in ((), (1,), (1, 2, 3)):
        with pytest.raises(TypeError, match="make"):
            module.make(*arguments)
    task = module.make(None, Scheduler())
    with pytest.raises(TypeError, match="step"):
        task.step(1, None, 3)
    with pytest.raises(TypeError, match="step"):
        task.step(value=1)


def test_a_loop_takes_them_where_they_are(monkeypatch):
    assert speedups.task_factory(Task, CancelledError) is None  # bound to the loop's
    assert Loop.task_factory.__module__ == "dustdevil.speedups._tasks"
    monkeypatch.setattr(speedups.choice, "tasks", None)
    assert speedups.task_factory(Task, CancelledError) is None


def test_somebody_elses_tasks_run_as_he_wrote_them(library, monkeypatch):
    module = load(library)
    monkeypatch.setattr(speedups.choice, "tasks", module)
    own = type(sys)("own")
    own.__file__ = str(ROOT / "mystack" / "coroutine.py")
    monkeypatch.setitem(sys.modules, "own", own)

    class Own(Task):
        __slots__ = ()

    Own.__module__ = "own"
    assert speedups.task_factory(Own, CancelledError) is None
    assert speedups.task_factory(Task, CancelledError) is module.make


def test_a_cycle_through_a_task_is_found(scheduler):
    async def holds():
        me = await current_task()
        await Future(scheduler)
        return me

    task = scheduler.spawn(holds())
    for _ in range(3):
        scheduler.run_ready()
    ref = weakref.ref(task)
    del task
    gc.collect()
    assert ref() is None


PROGRAM = """
import gc, sys, _testcapi
sys.path[:0] = {paths!r}
from extension import load
from dustdevil.coroutine import CancelledError, Future, Scheduler, Task, let_others_run
module = load({library!r})
module.bind(Task, CancelledError)
scheduler = Scheduler()
scheduler.task_factory = module.make
scheduler.on_error = lambda *_: None
waiting = Future(scheduler)

async def ends():
    return 1000 + len(scheduler.ready)

async def waits():
    await let_others_run()
    await waiting

async def fails():
    raise LookupError

async def catches():
    try:
        await scheduler.spawn(fails())
    except LookupError:
        await scheduler.spawn(ends())

async def outlives():
    try:
        await waits()
    except CancelledError:
        return 2000 + len(scheduler.ready)

def cancelled(coroutine):
    task = scheduler.spawn(coroutine)
    scheduler.run_ready()
    scheduler.run_ready()
    task.cancel()
    scheduler.run_ready()

def story():
    for coroutine in ends(), fails(), catches():
        scheduler.spawn(coroutine)
    cancelled(waits())
    cancelled(outlives())
    while scheduler.ready:
        scheduler.run_ready()
"""
LEAKS = """
def held():
    gc.collect()
    task = type(module.make(None, scheduler))
    parts = scheduler, waiting, task, CancelledError, None, True, module.make
    return sys.getallocatedblocks(), *map(sys.getrefcount, parts)

for _ in range(100):
    story()
before = held()
for _ in range(300):
    story()
print(max(after - then for then, after in zip(before, held())))
"""
NO_MEMORY = """
refused = 0
for turn in range(80):
    _testcapi.set_nomemory(turn, turn + 1)
    try:
        task = module.make(None, scheduler)
        module.make((x for x in ()), scheduler).step()
        module.make((x for x in (None,)), scheduler).step()
    except MemoryError:
        refused += 1
    finally:
        _testcapi.remove_mem_hooks()
    scheduler.ready.clear()
print(refused)
"""


def run(library, program):
    paths = [str(ROOT / "tests"), str(ROOT / "src")]
    text = PROGRAM.format(paths=paths, library=str(library)) + program
    return subprocess.run([sys.executable, "-c", text], capture_output=True, text=True)


def test_nothing_is_lost_with_a_task(library):
    """As many blocks of memory after some hundred tasks as before them, and no more
    references to what lasts."""
    done = run(library, LEAKS)
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) < 100


def test_no_memory_is_an_error_and_not_a_crash(library):
    """Every request for memory is refused once."""
    pytest.importorskip("_testcapi")
    done = run(library, NO_MEMORY)
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) > 3


USES = """
class Task:
    __slots__ = ("scheduler", "_done", "_value", "_error", "_heard", "_callbacks",
                 "_coroutine", "_cancelling", "_waits_for")
    def __del__(self):
        pass
c.bind(Task, KeyError)
task = c.make((x for x in ()), None)
task.step()
assert task._done
"""


def test_other_interpreters_load_it_too(library):
    """Each with classes of its own, and from Python 3.12 on with a GIL of its own."""
    in_other_interpreters(library, USES)
