"""Futures, tasks, and the trampoline that drives coroutines.

A coroutine is a function that can stop in the middle and go on later: a generator,
or an `async def`. It stops by yielding what it waits for to its driver. Here that
is a Task: it sends a value in, gets a Future out, and comes back when that future
has its result. Because every wait returns to the same place before the next step is
taken, as a jumper returns to a trampoline, the stack stays flat.

    async def add(a, b):
        return await a + await b

A Scheduler holds what can run now. It knows nothing about time or sockets: the event
loop, which is built on it, adds those.
"""

import logging
import threading
from collections import deque
from collections.abc import Callable, Coroutine, Generator
from inspect import isgeneratorfunction
from types import CoroutineType, GeneratorType
from types import coroutine as awaitable_generator
from typing import Any

log = logging.getLogger("dustdevil")

Callback = Callable[..., Any]
Steppable = Coroutine[Any, Any, Any] | Generator[Any, Any, Any]

# The likeliest first: asking the abstract class takes long.
STEPPABLE = CoroutineType, GeneratorType, Coroutine

# What a coroutine yields to be told which task it runs in.
CURRENT_TASK = object()


class CancelledError(BaseException):
    """Raised inside a coroutine at the place where it waits, when it is cancelled.

    It is no Exception, so that `except Exception` in a handler does not swallow it.
    """


class InvalidState(RuntimeError):
    """A future was asked for a result it does not have, or given a second one."""


class Scheduler:
    """A queue of calls that are ready to be made, and the tasks that fill it."""

    def __init__(self) -> None:
        self.ready: deque[tuple[Callback, tuple[Any, ...]]] = deque()
        self.running = False

    def call_soon(self, callback: Callback, *args: Any) -> None:
        """Call `callback(*args)` in the next turn, after what is queued already."""
        self.ready.append((callback, args))

    def spawn(self, coroutine: Steppable) -> "Task":
        """Start a coroutine beside what runs; its first step is in the next turn.

        Raises TypeError for anything that is not a coroutine or a generator, for
        instance for the function that was meant to be called.
        """
        if not isinstance(coroutine, STEPPABLE):
            raise TypeError(f"spawn() takes a coroutine, not {coroutine!r}")
        task = Task(coroutine, self)
        self.ready.append((task.step, ()))  # as call_soon does, without the call
        return task

    def run_ready(self) -> None:
        """Make the calls that are ready now.

        What these calls add to the queue waits for the next turn: a task that is
        always ready must not keep the loop from its sockets.
        """
        ready = self.ready
        for _ in range(len(ready)):
            callback, args = ready.popleft()
            try:
                callback(*args)
            except Exception as error:
                self.on_error(error, callback)

    def turn(self) -> None:
        """Take one turn. Without an event loop, an empty queue can never fill."""
        if not self.ready:
            raise RuntimeError("deadlock: every task waits, and nothing can wake one")
        self.run_ready()

    def run(self, coroutine: Steppable) -> Any:
        """Run a coroutine to its end, and all that it starts meanwhile.

        Returns its result, or raises what it raised.
        """
        task = self.spawn(coroutine)
        self.run_until(task.done)
        return task.result()

    def run_until(self, finished: Callable[[], bool]) -> None:
        """Take turns until `finished()` says so."""
        if self.running:
            raise RuntimeError("it runs already: await the coroutine, or spawn it")
        outer, current.scheduler = current.scheduler, self
        self.running = True
        try:
            while not finished():
                self.turn()
            self.run_ready()  # what was to be soon is done too: bytes are sent
        finally:
            self.running = False
            current.scheduler = outer

    def on_error(self, error: BaseException, where: object) -> None:
        """Report an exception that no caller can catch."""
        log.error("in %r, where no caller can catch it:", where, exc_info=error)


class Current(threading.local):
    """Which scheduler runs in this thread. One loop a thread, one thread a core."""

    scheduler: Scheduler | None = None


current = Current()


def current_scheduler() -> Scheduler:
    """Return the scheduler that is running; raises RuntimeError where none is."""
    scheduler = current.scheduler
    if scheduler is None:
        raise RuntimeError("nothing runs here: use this inside scheduler.run(...)")
    return scheduler


class Future:
    """A result that is not there yet, and the callbacks for when it is.

    `await future`, in an `async def`, and `yield future`, in a generator, wait for
    it: they give the result, or raise the exception, as soon as it is set.
    """

    __slots__ = (
        "__weakref__",
        "_callbacks",
        "_done",
        "_error",
        "_heard",
        "_result",
        "_traceback",
        "scheduler",
    )

    def __init__(self, scheduler: Scheduler | None = None) -> None:
        self._error: BaseException | None = None  # first: __del__ looks at it always
        self.scheduler = scheduler or current_scheduler()
        self._done = False
        self._result: Any = None
        self._traceback: Any = None
        self._heard = False
        self._callbacks: list[Callable[[Future], Any]] = []

    def done(self) -> bool:
        """Whether there is a result or an exception, or it was cancelled."""
        return self._done

    def cancelled(self) -> bool:
        """Whether it ended by being cancelled."""
        return isinstance(self._error, CancelledError)

    def result(self) -> Any:
        """Return the result or raise the exception; InvalidState if not done."""
        error = self.exception()
        if error is not None:
            raise error.with_traceback(self._traceback)
        return self._result

    def exception(self) -> BaseException | None:
        """Return the exception, or None for a result; InvalidState if not done."""
        if not self._done:
            raise InvalidState("there is no result yet")
        self._heard = True
        return self._error

    def set_result(self, value: Any) -> None:
        """Give the result, once: InvalidState the second time."""
        self._finish(value, None)

    def set_exception(self, error: BaseException) -> None:
        """Give an exception in place of a result, once."""
        self._finish(None, error)
        # As long as it is now: each task that waits adds lines of its own, and the
        # next one must not see those.
        self._traceback = error.__traceback__

    def cancel(self) -> bool:
        """End with CancelledError, unless it is done; say whether that was so."""
        if self._done:
            return False
        self._finish(None, CancelledError())
        return True

    def _finish(self, value: Any, error: BaseException | None) -> None:
        if self._done:
            raise InvalidState("it has its result already")
        self._done, self._result, self._error = True, value, error
        if self._callbacks:
            callbacks, self._callbacks = self._callbacks, []
            for callback in callbacks:
                self.scheduler.ready.append((callback, (self,)))

    def add_done_callback(self, callback: "Callable[[Future], Any]") -> None:
        """Have `callback(future)` called, soon, when it is done or if it is.

        Never from inside set_result(): its caller would be surprised to find that
        half the program has run before its own next line.
        """
        if self._done:
            self.scheduler.call_soon(callback, self)
        else:
            self._callbacks.append(callback)

    def remove_done_callback(self, callback: "Callable[[Future], Any]") -> bool:
        """Take back a callback; say whether it was still to come."""
        if callback in self._callbacks:
            self._callbacks.remove(callback)
            return True
        return False

    def __await__(self) -> Generator[Any, Any, Any]:
        if not self._done:
            return (yield self)
        return self._result if self._error is None else self.result()

    def __iter__(self) -> Generator[Any, Any, Any]:
        return self.__await__()  # for `yield from future`

    def __del__(self) -> None:
        # An exception that no task asked for would vanish here silently.
        if self._error is not None and not self._heard and not self.cancelled():
            self.scheduler.on_error(self._error, self)


class Task(Future):
    """A coroutine on its way; as a future, the result it will return."""

    __slots__ = ("_cancelling", "_coroutine", "_waits_for")

    def __init__(
        self, coroutine: Steppable, scheduler: Scheduler | None = None
    ) -> None:
        # What Future.__init__ does, spelled out: that call is a tenth of a spawn.
        self._error = None
        self.scheduler = scheduler or current_scheduler()
        self._done = self._heard = False
        self._result = self._traceback = None
        self._callbacks = []
        self._coroutine = coroutine
        self._cancelling: CancelledError | None = None
        self._waits_for: Future | None = None

    def __repr__(self) -> str:
        name = getattr(self._coroutine, "__qualname__", repr(self._coroutine))
        return f"<Task {name} {'done' if self._done else 'pending'}>"

    def step(self, value: Any = None, error: BaseException | None = None) -> None:
        """Run the coroutine to its next wait, or to its end."""
        self._waits_for = None
        if self._cancelling:
            self._cancelling, error = None, self._cancelling
        try:
            if error is None:
                yielded = self._coroutine.send(value)
            else:
                yielded = self._coroutine.throw(error)
        except StopIteration as stop:
            self._finish(stop.value, None)
        except (Exception, CancelledError) as raised:
            self.set_exception(trimmed(raised))
        except BaseException as raised:
            # KeyboardInterrupt and SystemExit are for the whole program.
            self.set_exception(raised)
            raise
        else:
            self.wait_for(yielded)

    def wait_for(self, yielded: Any) -> None:
        """Arrange for the next step: when what the coroutine yielded is done."""
        if self._cancelling or yielded is None:
            # A bare `yield` gives every other task that is ready a turn.
            self.scheduler.call_soon(self.step)
        elif yielded is CURRENT_TASK:
            self.scheduler.call_soon(self.step, self)
        elif isinstance(yielded, Future) and yielded is not self:
            self._waits_for = yielded
            yielded.add_done_callback(self._wake)
        elif isinstance(yielded, (CoroutineType, GeneratorType)):
            self.wait_for(self.scheduler.spawn(yielded))
        else:
            complaint = TypeError(f"{self!r} can't wait for {yielded!r}")
            self.scheduler.call_soon(self.step, None, complaint)

    def _wake(self, future: Future) -> None:
        future._heard = True
        if future._error is None:
            self.step(future._result)
        else:
            self.step(None, future._error.with_traceback(future._traceback))

    def cancelling(self) -> bool:
        """Whether a cancellation is on its way to the coroutine."""
        return self._cancelling is not None

    def cancel(self, error: CancelledError | None = None) -> bool:
        """Raise CancelledError in the coroutine where it waits; False if it is done.

        What it waits for goes on: other tasks may be waiting for that too. A caller
        that passes an `error` of its own can recognise it when it comes out again.
        """
        if self._done:
            return False
        self._cancelling = error or CancelledError()
        waits_for = self._waits_for
        if waits_for is not None and waits_for.remove_done_callback(self._wake):
            self.scheduler.call_soon(self.step)
        return True


def trimmed(error: BaseException) -> BaseException:
    """An exception without the first line of its traceback.

    That line is the call in `Task.step`, which says nothing about the fault.
    """
    first = error.__traceback__
    return error.with_traceback(first.tb_next if first else None)


def coroutine(function: Callable[..., Generator[Any, Any, Any]]) -> Callable[..., Any]:
    """Decorate a generator function, so that what it returns can be awaited too.

    In it, `value = yield future` waits, as `value = await future` does in an
    `async def`. Raises TypeError for a function without a `yield`.
    """
    if not isgeneratorfunction(function):
        raise TypeError(f"{function!r} has no yield in it")
    return awaitable_generator(function)


@awaitable_generator
def current_task() -> Generator[Any, Any, Task]:
    """Tell a coroutine which task it runs in: `task = await current_task()`."""
    return (yield CURRENT_TASK)


@awaitable_generator
def let_others_run() -> Generator[Any, Any, None]:
    """Give every other task that is ready a step, then go on."""
    yield None
