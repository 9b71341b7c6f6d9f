"""The checks of lab 2: `coroutine`, rebuilt.

Nothing here waits for time or for the network. Turns are taken one by one, by the
check, and in between it looks at who has been called, and with what.
"""

import contextlib
import gc
import traceback

from workshop.labs.checks import (
    Bench,
    Wrong,
    check,
    expect,
    expect_raises,
    expect_same,
    expect_true,
)


def telling(bench: Bench):
    """A scheduler that keeps its reports in a list, as (error, where)."""

    class Telling(bench.coroutine.Scheduler):
        def __init__(self):
            super().__init__()
            self.reports = []

        def on_error(self, error, where):
            self.reports.append((error, where))

    return Telling()


def turns(scheduler, count: int = 1) -> None:
    """Take some turns."""
    for _ in range(count):
        scheduler.run_ready()


def settle(scheduler, what: str) -> None:
    """Take turns until nothing is left to do, but not for ever."""
    for _ in range(200):
        if not scheduler.ready:
            return
        scheduler.run_ready()
    raise Wrong(
        f"{what}\n  expected: after some turns, nothing is left to do\n"
        "  got:      the queue fills for ever"
    )


def frames_of(error: BaseException) -> list[str]:
    """The functions through which an exception came, as its traceback has them."""
    return [frame.name for frame in traceback.extract_tb(error.__traceback__)]


def state_of(future) -> str:
    """What a future has, in words."""
    if not future.done():
        return "no result yet"
    error = future.exception()
    if error is None:
        return f"the result {future.result()!r}"
    return f"the exception {type(error).__name__}({', '.join(map(repr, error.args))})"


@check(
    "Calls are made in their order, with their arguments",
    step=1,
    read="One turn",
    hints=[
        "self.ready is a deque: append puts something at its right end, popleft takes "
        "from the left.",
        "What is queued has to remember two things, whom to call and with what.",
        "self.ready.append((callback, args)); later callback, args = "
        "self.ready.popleft() and callback(*args).",
    ],
)
def calls_in_order(bench: Bench) -> None:
    scheduler, log = telling(bench), []
    words = [bench.word() for _ in range(4)]
    for word in words:
        scheduler.call_soon(log.append, word)
    expect("what is called by call_soon itself", log, [])
    scheduler.call_soon(lambda *args: log.append(args), *words[:2])
    turns(scheduler)
    expect(
        f"call_soon for {', '.join(words)} and for two arguments at once; one turn",
        log,
        [*words, tuple(words[:2])],
        "Whoever came first is called first.",
    )
    turns(scheduler)
    expect("calls made in the next turn, when nothing was added", len(log), 5)
    turns_end(bench)


def turns_end(bench: Bench) -> None:
    """What is added during a turn waits for the next."""
    scheduler, log = telling(bench), []
    name = bench.word()

    def again(number):
        log.append(number)
        if number < 9:
            scheduler.call_soon(again, number + 1)

    scheduler.call_soon(again, 1)
    scheduler.call_soon(log.append, name)
    turns(scheduler)
    expect(
        "a call that asks for itself again, and another; calls made in one turn",
        log,
        [1, name],
        "A call that is always ready must not keep the sockets from being looked at: "
        "what is added during a turn waits for the next one.",
    )
    turns(scheduler)
    expect("and after a second turn", log, [1, name, 2])


@check(
    "A call that fails is reported, and stops nobody",
    step=1,
    read="One turn",
    hints=[
        "One bad callback must not end the server. Where does the exception go?",
        "Around the call, not around the loop: those after it are still to be made.",
        "except Exception as error: self.on_error(error, callback)",
    ],
)
def failures_are_reported(bench: Bench) -> None:
    scheduler, log = telling(bench), []
    word = bench.word()
    failures = [ValueError(word), OSError(word), LookupError(word)]
    bench.random.shuffle(failures)

    def fail(number):
        raise failures[number]

    for number in range(3):
        scheduler.call_soon(fail, number)
    scheduler.call_soon(log.append, word)
    turns(scheduler)
    expect("the calls after three that failed", log, [word])
    expect(
        "what on_error() is told",
        scheduler.reports,
        [(failure, fail) for failure in failures],
        "The exception, and the callback that raised it.",
    )

    def interrupt():
        raise KeyboardInterrupt

    scheduler.call_soon(interrupt)
    scheduler.call_soon(log.append, "after Ctrl+C")
    try:
        turns(scheduler)
    except KeyboardInterrupt:
        pass
    else:
        raise Wrong(
            "a call that raises KeyboardInterrupt\n"
            "  expected: it comes out of run_ready()\n  got:      nothing came\n"
            "Ctrl+C is for the whole program, and so are the other exceptions that are "
            "no Exception."
        )
    turns(scheduler)
    expect("calls made in the turn after it", log[1:], ["after Ctrl+C"])


@check(
    "A future is set once, and tells by way of the queue",
    step=2,
    read="A future that can fail",
    hints=[
        "_finish is where set_result, set_exception and cancel all end. Three things "
        "are to be remembered, and some people are to be told.",
        "Told how? Not by calling them: that would run half the program inside of "
        "set_result. The scheduler has a queue.",
        "self.scheduler.call_soon(callback, self) for each; before that, the future's "
        "list becomes an empty one. If self._done: raise InvalidState.",
    ],
)
def set_once(bench: Bench) -> None:
    scheduler, log = telling(bench), []
    InvalidState = bench.coroutine.InvalidState
    value, names = bench.word(), [bench.word() for _ in range(3)]
    future = bench.coroutine.Future(scheduler)
    for name in names:
        future.add_done_callback(lambda f, name=name: log.append((name, f is future)))
    future.set_result(value)
    expect(
        "callbacks called before set_result() returns",
        log,
        [],
        "Whoever sets a result would be surprised to find half the program run "
        "before the next line of its own.",
    )
    expect("done() after set_result()", future.done(), True)
    expect("the value that the future keeps", future._result, value)
    turns(scheduler)
    expect(
        "callbacks called in the turn after it, and whether each got the future",
        log,
        [(name, True) for name in names],
    )
    for what, again in (
        ("set_result", lambda: future.set_result("another")),
        ("set_exception", lambda: future.set_exception(ValueError("another"))),
    ):
        with expect_raises(InvalidState, f"{what}() of a future that is done"):
            again()
    turns(scheduler)
    expect("the value after that", future._result, value)
    expect("callbacks called after that", len(log), 3, "Each is called once.")
    expect("callbacks that the future still holds", list(future._callbacks), [])
    expect("cancel() of a future that is done", future.cancel(), False)
    told_of_none(bench, scheduler)


def told_of_none(bench: Bench, scheduler) -> None:
    """None is a result like any other, and a failure is one too."""
    name, log = bench.word(), []
    future = bench.coroutine.Future(scheduler)
    future.set_result(None)
    with expect_raises(
        bench.coroutine.InvalidState,
        "set_result() of a future that has the result None",
        "self._done says whether it is done. The value does not: it may be None.",
    ):
        future.set_result(name)
    future.add_done_callback(lambda f: log.append(name))
    expect("add_done_callback() on a future that is done; calls made at once", log, [])
    turns(scheduler)
    expect("and in the next turn", log, [name], "It is too late to wait, not to call.")
    failed = bench.coroutine.Future(scheduler)
    failed.add_done_callback(lambda f: log.append("told"))
    error = LookupError(name)
    failed.set_exception(error)
    turns(scheduler)
    expect_same("the exception that a failed future keeps", failed._error, error)
    expect("callbacks of a failed future", log[1:], ["told"])
    failed._heard = True


@check(
    "A callback can be taken back",
    step=2,
    read="A future that can fail",
    hints=[
        "self._callbacks is a list. It says of itself whether something is in it.",
        "The answer is True if the callback was still to come, and False if it was "
        "not there: never added, called already, taken back already.",
        "if callback in self._callbacks: remove it and return True; else False.",
    ],
)
def taken_back(bench: Bench) -> None:
    scheduler, log = telling(bench), []
    future = bench.coroutine.Future(scheduler)
    names = [bench.word() for _ in range(3)]
    callbacks = {name: lambda f, name=name: log.append(name) for name in names}
    for callback in callbacks.values():
        future.add_done_callback(callback)
    gone = bench.random.choice(names)
    what = f"callbacks {', '.join(names)}; remove_done_callback({gone})"
    expect(what, future.remove_done_callback(callbacks[gone]), True)
    expect(f"{what} once more", future.remove_done_callback(callbacks[gone]), False)
    expect(
        "remove_done_callback() of one that nobody added",
        future.remove_done_callback(print),
        False,
    )
    future.set_result(None)
    turns(scheduler)
    expect(f"{what}; who is called", log, [name for name in names if name != gone])
    (other, *_) = (name for name in names if name != gone)
    expect(
        "remove_done_callback() of one that was called already",
        future.remove_done_callback(callbacks[other]),
        False,
    )


@check(
    "result() gives the value or raises; nobody's failure is lost",
    step=3,
    read="A future that can fail",
    hints=[
        "exception() is the simpler one of the two, and result() can ask it.",
        "exception(): InvalidState if it is not done; otherwise note that somebody has "
        "asked, self._heard, and return self._error.",
        "result(): if there is an error, raise it with the traceback that was kept, "
        "error.with_traceback(self._traceback); otherwise return self._result.",
    ],
)
def asks(bench: Bench) -> None:
    scheduler, word = telling(bench), bench.word()
    Future, InvalidState = bench.coroutine.Future, bench.coroutine.InvalidState
    future = Future(scheduler)
    for name in ("result", "exception"):
        with expect_raises(InvalidState, f"{name}() of a future that is not done"):
            getattr(future, name)()
    future.set_result(word)
    expect("result() after set_result()", future.result(), word)
    expect("exception() after set_result()", future.exception(), None)
    failed = Future(scheduler)

    def culprit():
        raise KeyError(word)

    try:
        culprit()
    except KeyError as raised:
        error = raised
    failed.set_exception(error)
    expect_same("exception() after set_exception()", failed.exception(), error)
    lengths = []
    for _ in range(3):
        with expect_raises(KeyError, "result() after set_exception()") as caught:
            failed.result()
        expect_same("what result() raises", caught[0], error)
        expect(
            "the last function in its traceback",
            frames_of(caught[0])[-1],
            "culprit",
            "A reader of the error wants to know where it came from.",
        )
        lengths.append(len(frames_of(caught[0])))
    expect(
        "lines in the traceback, when result() is asked three times",
        lengths,
        lengths[:1] * 3,
        "An exception collects lines each time it is raised. self._traceback keeps it "
        "as it was when the exception came: begin with that.",
    )
    reports_what_nobody_heard(bench)


def reports_what_nobody_heard(bench: Bench) -> None:
    for how in ("nothing", "result", "exception"):
        scheduler = telling(bench)
        future = bench.coroutine.Future(scheduler)
        if how == "nothing":
            with contextlib.suppress(bench.coroutine.InvalidState):
                future.exception()
        future.set_exception(ValueError(how))
        if how != "nothing":
            with contextlib.suppress(ValueError):
                getattr(future, how)()
        del future
        gc.collect()
        told = [str(error) for error, _ in scheduler.reports]
        asked = (
            "nobody asked but too early" if how == "nothing" else f"{how}() was asked"
        )
        expect(
            f"a failed future of which {asked} is thrown away; reports",
            told,
            ["nothing"] if how == "nothing" else [],
            "self._heard says whether anybody has asked.",
        )


@check(
    "await stops here, and nowhere else",
    step=3,
    read="A future that can fail",
    hints=[
        "Whoever drives the coroutine has to get hold of the future. How does anything "
        "come out of a function that goes on afterwards?",
        "If it is done, nobody has to stop. If not, the future itself is handed out; "
        "what is sent in then is the result.",
        "if not self._done: return (yield self); then return self.result()",
    ],
)
def waits(bench: Bench) -> None:
    scheduler, word = telling(bench), bench.word()
    future = bench.coroutine.Future(scheduler)

    async def native():
        return await future

    def delegating():
        return (yield from future)

    bodies = {"await": native(), "yield from": delegating()}
    for how, body in bodies.items():
        yielded = _send(f"{how} on a future that is not done", body, None)
        expect_same(f"what `{how} future` hands out to the driver", yielded, future)
    thrown = native()
    thrown.send(None)
    with expect_raises(LookupError, "await, and the driver throws a LookupError"):
        thrown.throw(LookupError(word))
    future.set_result(word)
    for how, body in bodies.items():
        expect(
            f"what `{how} future` is worth: the future is done, and the driver sends "
            f"{word!r}",
            _last(body, word),
            word,
        )
    for how, body in (("await", native()), ("yield from", delegating())):
        expect(f"`{how}` on a future that is done", _last(body, None), word)
    future = bench.coroutine.Future(scheduler)
    future.set_exception(KeyError(word))
    failing = native()
    with expect_raises(KeyError, "await on a future that has failed"):
        _last(failing, None)


def _send(what: str, body, value):
    try:
        return body.send(value)
    except StopIteration as stop:
        raise Wrong(
            f"{what}\n  expected: it stops and hands something out\n"
            f"  got:      it went on to its end, with {stop.value!r}"
        ) from None


def _last(body, value):
    """The result of a coroutine that should end with this step."""
    try:
        yielded = body.send(value)
    except StopIteration as stop:
        return stop.value
    body.close()
    return f"it stopped, and handed out a {type(yielded).__name__}"


@check(
    "A step sends or throws, and takes what comes out",
    step=4,
    read="A step with bad news",
    hints=[
        "Something goes in by send or throw, and it can come out in three ways: the "
        "coroutine returns, raises, or yields.",
        "A generator's result travels in the StopIteration: stop.value. What is raised "
        "becomes the task's exception. What is yielded goes to self.wait_for().",
        "except StopIteration as stop: self.set_result(stop.value); except (Exception, "
        "CancelledError) as raised: self.set_exception(trimmed(raised)); except "
        "BaseException: set it and raise it again; else: self.wait_for(yielded).",
    ],
)
def steps(bench: Bench) -> None:
    scheduler, word, other = telling(bench), bench.word(), bench.word()
    waited = []

    class Watched(bench.coroutine.Task):
        """A task of which we see what it is to wait for."""

        def wait_for(self, yielded):
            waited.append(yielded)

    def dialogue():
        got = []
        for number in range(3):
            try:
                got.append((yield number))
            except LookupError as error:
                got.append(str(error.args[0]))
        return got

    task = Watched(dialogue(), scheduler)
    task.step()
    expect("what wait_for() is given after the first step", waited, [0])
    task.step(word)
    task.step(None, LookupError(other))
    expect("and after two more", waited, [0, 1, 2])
    expect("done() before the last step", task.done(), False)
    task.step()
    expect(
        f"step(), step({word!r}), step(None, LookupError({other!r})), step(); what the "
        "generator got at its yields, and returned",
        state_of(task),
        f"the result {[word, other, None]!r}",
        "A value is sent, an error is thrown; a return is a StopIteration.",
    )
    expect("what wait_for() is given when the generator has returned", waited[3:], [])
    failures_of_a_step(bench, Watched, scheduler, waited)


def failures_of_a_step(bench: Bench, Watched, scheduler, waited: list) -> None:
    word = bench.word()
    Cancelled = bench.coroutine.CancelledError

    async def fail(error):
        raise error

    waited.clear()
    for error in (ValueError(word), Cancelled(word)):
        task = Watched(fail(error), scheduler)
        name = type(error).__name__
        try:
            task.step()
        except BaseException as raised:
            raise Wrong(
                f"a step in which the coroutine raises {name}\n"
                "  expected: it is kept, as the task's exception\n"
                f"  got:      step() raises {type(raised).__name__}\n"
                "The scheduler serves other tasks too."
            ) from raised
        expect_true(
            f"a step in which the coroutine raises {name}",
            task.done() and task.exception() is error,
            f"the exception {name}({word!r})",
            state_of(task),
        )
    task = Watched(fail(KeyboardInterrupt()), scheduler)
    try:
        task.step()
    except KeyboardInterrupt:
        expect(
            "what a task has that was interrupted by Ctrl+C",
            state_of(task),
            "the exception KeyboardInterrupt()",
        )
    else:
        raise Wrong(
            "a step in which the coroutine raises KeyboardInterrupt\n"
            "  expected: it comes out of step(), for the whole program\n"
            "  got:      step() went on"
        )
    expect("what wait_for() is given when the coroutine raises", waited, [])


@check(
    "A traceback begins with the user's line",
    step=4,
    read="A step with bad news",
    hints=[
        "The first entry of the traceback is the line in step() that called send. It "
        "tells the reader of an error nothing.",
        "error.__traceback__ is a chain: tb_next is the rest of it.",
        "return error.with_traceback(first.tb_next if first else None)",
    ],
)
def begins_with_the_users_line(bench: Bench) -> None:
    scheduler, word = telling(bench), bench.word()

    async def inner():
        raise ValueError(word)

    async def outer():
        await inner()

    for name, wanted in (("outer", ["outer", "inner"]), ("inner", ["inner"])):
        task = bench.coroutine.Task({"outer": outer, "inner": inner}[name](), scheduler)
        task.step()
        expect(
            f"the functions in the traceback of a failed task of {name}()",
            frames_of(task.exception()),
            wanted,
            "outer() awaits inner(), which fails.",
        )
    bare = KeyError(word)
    expect_same(
        "trimmed() of an exception that was never raised",
        bench.coroutine.trimmed(bare),
        bare,
    )


@check(
    "Five things that a coroutine may yield",
    step=5,
    read="A step with bad news",
    hints=[
        "What was yielded says when the next step is to be made: now, or when a future "
        "is done.",
        "None: call_soon(self.step). CURRENT_TASK: the same, and the step is sent the "
        "task. A future: leave self._wake with it, and keep it in self._waits_for. A "
        "coroutine: spawn it, and wait for that. Anything else: a step that throws.",
        "self.scheduler.call_soon(self.step, None, TypeError(...)) for the last; _wake "
        "sends future._result, or throws future._error with its traceback, and sets "
        "future._heard.",
    ],
)
def five_kinds(bench: Bench) -> None:
    scheduler, word = telling(bench), bench.word()
    module = bench.coroutine
    future = module.Future(scheduler)
    got: dict[str, object] = {}

    async def native():
        return word

    def plain():
        return word
        yield

    def asks():
        got["nothing"] = yield
        got["CURRENT_TASK"] = yield module.CURRENT_TASK
        got["a future"] = yield future
        got["a coroutine"] = yield native()
        got["a generator"] = yield plain()
        for nonsense in (42, [word], task):
            try:
                yield nonsense
            except TypeError as error:
                got[f"a {type(nonsense).__name__}"] = type(error).__name__
        return word

    task = module.Task(asks(), scheduler)
    scheduler.call_soon(task.step)
    turns(scheduler)
    expect(
        "steps made in the turn of a bare yield",
        got,
        {},
        "A bare yield lets everybody else have a turn first.",
    )
    settle(scheduler, "a coroutine that waits for a future that is not done")
    wanted: dict[str, object] = {"nothing": None, "CURRENT_TASK": task}
    _expect_got(got, wanted)
    expect(
        "whether the task is done, while it waits for the future", task.done(), False
    )
    future.set_result(word)
    settle(scheduler, "a coroutine that yields five kinds of things")
    wanted |= {"a future": word, "a coroutine": word, "a generator": word}
    wanted |= {"a int": "TypeError", "a list": "TypeError", "a Task": "TypeError"}
    _expect_got(got, wanted)
    expect("the task in the end", state_of(task), f"the result {word!r}")
    expect("reports of failures that nobody heard", scheduler.reports, [])


def _expect_got(got: dict, wanted: dict) -> None:
    for kind, value in wanted.items():
        why = ""
        if kind == "a Task":
            kind_told, why = "the task itself", "It would wait for ever."
        else:
            kind_told = kind.replace("a int", "an int")
        if value == "TypeError":
            why = why or "The mistake belongs at the line with the yield."
        expect_true(
            f"what a coroutine gets that yields {kind_told}",
            kind in got and got[kind] == value,
            _told(value),
            _told(got[kind]) if kind in got else "it was not gone on with",
            why,
        )


def _told(value) -> str:
    if value == "TypeError":
        return "a TypeError is raised there"
    return "the task" if type(value).__name__ == "Task" else repr(value)


@check(
    "Many take turns, and good and bad news arrives",
    step=5,
    read="A step with bad news",
    hints=[
        "Does a task that waits stay out of the queue until its future is done?",
        "Whoever waits for one that fails has heard of it; and each is to get "
        "the exception with the traceback that it came with.",
        "future._heard = True; then self.step(future._result), or self.step(None, "
        "future._error.with_traceback(future._traceback))",
    ],
)
def take_turns(bench: Bench) -> None:
    scheduler = telling(bench)
    module, log = bench.coroutine, []
    names = [bench.word() for _ in range(3)]
    questions: dict[str, object] = {}

    async def talk(name):
        for number in range(2):
            questions[name] = module.Future(scheduler)
            log.append((name, await questions[name]))
            assert number < 2
        return name

    tasks = [scheduler.spawn(talk(name)) for name in names]
    turns(scheduler, 2)
    expect("steps in the queue while everybody waits", len(scheduler.ready), 0)
    order = [*names, *names]
    bench.random.shuffle(order)
    answers = []
    for name in order:
        answers.append((name, bench.word()))
        questions[name].set_result(answers[-1][1])
        turns(scheduler, 2)
    expect(f"answers come in for {', '.join(order)}; who got what", log, answers)
    settle(scheduler, "three conversations")
    expect("results of the tasks", [t.result() for t in tasks], names)
    bad_news(bench, names)


def bad_news(bench: Bench, names: list[str]) -> None:
    scheduler, word = telling(bench), bench.word()
    lines: dict[str, list[str]] = {}

    async def fail():
        await bench.coroutine.let_others_run()
        raise ValueError(word)

    async def hear(name, task):
        try:
            await task
        except ValueError as error:
            lines[name] = frames_of(error)

    task = scheduler.spawn(fail())
    for name in names:
        scheduler.spawn(hear(name, task))
    settle(scheduler, "three tasks wait for one that fails")
    expect(
        "three wait for a task that fails; who heard of it",
        list(lines),
        names,
        "Bad news is thrown into every one who waits.",
    )
    counts = [[line.count("hear"), line.count("fail")] for line in lines.values()]
    expect(
        "how often the waiter's line and the failed one's are in each traceback",
        counts,
        [[1, 1]] * 3,
        "Each who waits adds lines of his own; the next begins with those that the "
        "exception came with.",
    )
    del task
    gc.collect()
    expect(
        "failures reported, though all three have heard of it",
        [str(error) for error, _ in scheduler.reports],
        [],
    )


@check(
    "Cancelled where it waits, and only there",
    step=6,
    read="How to stop a task",
    hints=[
        "cancel() raises nothing by itself. It leaves a note in self._cancelling, and "
        "the next step throws it. Does step() read the note, and take it off?",
        "Is the task waiting? Then its callback must be taken back from the future, or "
        "the result would wake it a second time; and a step has to be made soon.",
        "if waits_for is not None and waits_for.remove_done_callback(self._wake): "
        "self.scheduler.call_soon(self.step)",
    ],
)
def cancels(bench: Bench) -> None:
    scheduler, word = telling(bench), bench.word()
    module, log = bench.coroutine, []
    future = module.Future(scheduler)

    async def wait(name):
        try:
            log.append((name, await future))
        except module.CancelledError:
            log.append((name, "cancelled"))
            raise

    first, second = bench.word(), bench.word()
    tasks = {name: scheduler.spawn(wait(name)) for name in (first, second)}
    turns(scheduler)
    what = f"{first} and {second} wait for one future; {first} is cancelled"
    expect(f"{what}; cancel() returns", tasks[first].cancel(), True)
    expect(f"{what}; what happens inside of cancel()", log, [])
    expect(
        "cancelling() until the step",
        tasks[first].cancelling(),
        True,
        "The coroutine may have something to put in order. So cancel() only leaves a "
        "note, and the next step throws it in.",
    )
    settle(scheduler, what)
    expect(what, log, [(first, "cancelled")])
    expect("cancelled() of that task", tasks[first].cancelled(), True)
    expect("cancelling() after it", tasks[first].cancelling(), False)
    expect("cancel() of a task that is done", tasks[first].cancel(), False)
    _too_late_to_cancel(bench, scheduler)
    expect(
        "done() of the future that it waited for",
        future.done(),
        False,
        "Others may be waiting for that too.",
    )
    future.set_result(word)
    settle(scheduler, what)
    expect(f"{what}; then the future gets {word!r}", log[1:], [(second, word)])
    expect(
        f"{what}; failures reported",
        [str(error) for error, _ in scheduler.reports],
        [],
        "Was the task woken a second time, by the future that it no longer waits for?",
    )


def _too_late_to_cancel(bench: Bench, scheduler) -> None:
    async def end(value):
        return value

    for value in (None, bench.word()):
        task = scheduler.spawn(end(value))
        turns(scheduler)
        expect(f"cancel() of a task that has returned {value!r}", task.cancel(), False)
        expect(
            f"cancelling() of a task that has returned {value!r}",
            task.cancelling(),
            False,
        )


@check(
    "Cancelled early, late, by itself, and in vain",
    step=6,
    read="How to stop a task",
    hints=[
        "Think of the moments in which a task can be cancelled: before its first step, "
        "while it waits, after its future is done but before it is woken, and while it "
        "runs.",
        "A task that waits for nothing has a step in the queue already, or is in one. "
        "A second step in the queue would be one too many.",
        "step() begins: if self._cancelling: self._cancelling, error = None, the note; "
        "wait_for(): if self._cancelling is set, queue the next step at once.",
    ],
)
def cancelled_at_odd_moments(bench: Bench) -> None:
    module, word = bench.coroutine, bench.word()
    scheduler, ran = telling(bench), []

    async def body():
        ran.append("began")

    task = scheduler.spawn(body())
    ours = module.CancelledError(word)
    task.cancel(ours)
    settle(scheduler, "a task that is cancelled before its first step")
    expect("what a task does that is cancelled before its first step", ran, [])
    expect_same("the exception that was given to cancel()", task.exception(), ours)
    late = cancelled_while(bench, "set_result() and then cancel()")
    expect(
        "its future gets 'value', and it is cancelled before it is woken; then it "
        "waits for the same future again",
        late,
        ["cancelled", "value"],
        "The cancellation comes once, and what was waited for is still there.",
    )
    cancels_itself(bench)


def cancelled_while(bench: Bench, what: str) -> list:
    scheduler, log = telling(bench), []
    module = bench.coroutine
    future = module.Future(scheduler)

    async def wait():
        for _ in range(2):
            try:
                log.append(await future)
            except module.CancelledError:
                log.append("cancelled")
                await module.let_others_run()
        return "end"

    task = scheduler.spawn(wait())
    turns(scheduler)
    future.set_result("value")
    task.cancel()
    settle(scheduler, what)
    expect(f"{what}; the task in the end", state_of(task), "the result 'end'")
    expect(f"{what}; reports", scheduler.reports, [], "A step too many was made.")
    return log


def cancels_itself(bench: Bench) -> None:
    scheduler, log = telling(bench), []
    module = bench.coroutine

    async def stop():
        task.cancel()
        log.append("goes on to its next wait")
        try:
            await module.Future(scheduler)
        except module.CancelledError:
            log.append("cancelled")
        await module.let_others_run()
        return "refused"

    task = scheduler.spawn(stop())
    settle(scheduler, "a task that cancels itself")
    expect(
        "a task that cancels itself, then waits for what never comes",
        log,
        ["goes on to its next wait", "cancelled"],
        "wait_for() has to look whether a cancellation is on its way.",
    )
    expect(
        "a task that catches its cancellation and goes on",
        state_of(task),
        "the result 'refused'",
        "It may: the exception comes once.",
    )
    expect("reports", scheduler.reports, [], "A step too many was made.")


@check(
    "A generator that may be awaited",
    step=7,
    read="Generators that can be awaited",
    hints=[
        "`await` refuses a plain generator. types.coroutine makes one that it takes, "
        "and the module imports that under another name.",
        "Before that, look whether there is a `yield` in it at all; "
        "inspect.isgeneratorfunction knows.",
        "if not isgeneratorfunction(function): raise TypeError(...); return "
        "awaitable_generator(function)",
    ],
)
def decorates(bench: Bench) -> None:
    scheduler, word = telling(bench), bench.word()
    module = bench.coroutine
    future = module.Future(scheduler)

    def double(wish, times=2):
        value = yield wish
        return value * times

    decorated = module.coroutine(double)
    expect_true(
        "what @coroutine makes of a generator function",
        callable(decorated),
        "something that can be called",
        f"{decorated!r}",
    )
    starts_nothing(module)
    expect(
        "@coroutine on a function named double; its __name__",
        getattr(decorated, "__name__", None),
        "double",
        "A traceback and a debugger name it by that.",
    )

    async def main():
        return await decorated(future) + await decorated(future, times=1)

    task = scheduler.spawn(main())
    turns(scheduler)
    expect_true(
        "an async def that awaits a generator under @coroutine",
        not task.done(),
        "it waits for the future that the generator yields",
        state_of(task),
    )
    future.set_result(word)
    settle(scheduler, "an async def that awaits a generator under @coroutine")
    expect("and its result", state_of(task), f"the result {word * 3!r}")

    async def native():
        return word

    for name, wrong in (("a lambda", lambda: word), ("an async def", native)):
        with expect_raises(
            TypeError,
            f"@coroutine on {name}",
            "There is no yield in it. Whoever decorates it has made a mistake, and is "
            "best told while the program starts.",
        ):
            module.coroutine(wrong)


def starts_nothing(module) -> None:
    """A call makes a generator, and nothing else: somebody awaits or spawns it."""
    log = []

    def begin():
        log.append("begun")
        yield

    async def main():
        body = module.coroutine(begin)()
        await module.let_others_run()
        log.append("a turn later")
        with contextlib.suppress(AttributeError):  # a task has none
            body.close()

    module.Scheduler().run(main())
    expect(
        "a generator under @coroutine is called, and nobody awaits it; what happens",
        log,
        ["a turn later"],
        "In 2013 the call started it. Here it begins when somebody awaits it, or gives "
        "it to spawn().",
    )
