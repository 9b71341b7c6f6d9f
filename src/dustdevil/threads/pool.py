"""Calls that block, made in threads, so that the loop goes on meanwhile.

Some calls return when they are done and not before: a file on a slow disk, a
database's driver, a password's hash. Made in a callback, such a call stops every
connection of the loop. Made in a thread, it stops that thread, and the loop is told
the result by `call_from_thread`.

    text = await run_in_thread(path.read_text)

A thread is no second core for Python code: one interpreter runs in one thread at a
time. It pays for calls that wait, or compute in C, and let go of the interpreter.
"""

from collections.abc import Callable
from contextvars import copy_context
from functools import partial
from itertools import count
from queue import SimpleQueue
from threading import Thread, local
from typing import Any

from dustdevil.coroutine import Future, trimmed
from dustdevil.loop.eventloop import Loop, running_loop
from dustdevil.sync import Semaphore

Call = Callable[[], Any]

numbers = count(1)  # to tell threads apart in a debugger or a dump


async def run_in_thread(function: Callable[..., Any], /, *args: Any, **kwargs: Any):
    """Return `function(*args, **kwargs)`, called in a thread of the loop's own pool.

    What it raises is raised here, with the traceback of the thread. It sees the
    context variables (PEP 567) as they are here and now; what it sets stays there.

    Who waits can be cancelled; a call that has begun can't be, for nothing ends a
    thread from outside. It runs to its end, keeps its thread till then, and its
    result is dropped. One that has not begun never will.
    """
    return await running_loop().shared(ThreadPool).run(function, *args, **kwargs)


class ThreadPool:
    """At most `size` threads, each started when it is needed first.

    `backlog` calls may lie ready beside those that run, so that no thread idles while
    the loop is busy elsewhere. Past both, `run` waits for room, in turn: backpressure.

    The threads are daemons: neither `close()` nor the interpreter's end waits for a
    call that hangs. Who needs a call to have ended awaits it.
    """

    def __init__(
        self, size: int = 16, backlog: int = 16, loop: Loop | None = None
    ) -> None:
        if size < 1 or backlog < 0:
            raise ValueError(f"no pool has {size} threads and a backlog of {backlog}")
        self.size = size
        self.loop = loop or running_loop()
        self._room = Semaphore(size + backlog)
        self._calls: SimpleQueue[tuple[Future, Call] | None] = SimpleQueue()
        self._pending: set[Future] = set()
        self.visits: set[SimpleQueue] = set()  # of threads that wait in run_in_loop()
        self._threads: list[Thread] = []
        self.closed = False

    async def run(self, function: Callable[..., Any], /, *args: Any, **kwargs: Any):
        """Make the call in a thread, when there is room; return or raise what it does.

        Raises RuntimeError if the pool is closed, and CancelledError if it is closed
        meanwhile.
        """
        await self._room.acquire()
        future = self._put(partial(function, *args, **kwargs))
        try:
            return await future
        finally:
            future.cancel()  # in case it is this coroutine that was cancelled

    def call(
        self, function: Callable[..., Any], /, *args: Any, **kwargs: Any
    ) -> Future:
        """Queue a call, past the backlog too; return a future of its result.

        Only from the loop's own thread. Cancelling the future drops the call, if it
        has not begun, or else its result. Raises RuntimeError if the pool is closed.
        """
        self._room.take()
        return self._put(partial(function, *args, **kwargs))

    def _put(self, call: Call) -> Future:
        """Queue a call; the caller has taken the room for it."""
        if self.closed:
            self._room.release()
            raise RuntimeError("the thread pool is closed")
        future = Future(self.loop)
        self._pending.add(future)
        if len(self._threads) < min(self.size, len(self._pending)):
            self._start_thread()
        # Not now, but when this turn has read all its sockets. Each recv() gives up the
        # GIL: a thread woken before would take it, for one call, and the loop would
        # have to win it back, for every single request.
        item = future, partial(copy_context().run, call)
        self.loop.call_soon(self._calls.put, item)
        return future

    def _start_thread(self) -> None:
        name = f"dustdevil-{next(numbers)}"
        self._threads.append(Thread(target=self._work, name=name, daemon=True))
        self._threads[-1].start()

    def _work(self) -> None:
        """What each thread runs: one call after another, until it gets None."""
        here.pool = self
        while self._make(self._calls.get()):
            pass

    def _make(self, item: tuple[Future, Call] | None) -> bool:
        # A function of its own, so that arguments and result are freed when it returns:
        # an idle thread must not keep the last upload in memory.
        if item is None:
            return False
        future, call = item
        value, error = None, None
        if not future.done():
            try:
                value = call()
            except BaseException as raised:
                error = trimmed(raised)
        self.loop.call_from_thread(self._finish, future, value, error)
        return True

    def _finish(self, future: Future, value: Any, error: BaseException | None) -> None:
        """Give the future its result or exception, in the loop's thread."""
        if future in self._pending:  # otherwise close() made room already
            self._pending.discard(future)
            self._room.release()
        if future.done():
            if error is not None:
                self.loop.on_error(error, future)  # the handler is gone
        elif error is not None:
            future.set_exception(error)
        else:
            future.set_result(value)

    def close(self) -> None:
        """Take no more calls; those that wait are cancelled, and the threads end.

        Calls that have begun go on to their end. Closing twice does nothing.
        """
        self.closed = True
        pending, self._pending = self._pending, set()
        for future in pending:
            future.cancel()
            self._room.release()
        for ended in list(self.visits):
            ended.put(None)
        for _ in self._threads:
            self._calls.put(None)
        self._threads = []


class Here(local):
    """For a thread of a pool: the pool."""

    pool: ThreadPool | None = None


here = Here()


def run_in_loop(function: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Any:
    """The way back: from a thread of a pool, `await function(...)` in its loop.

    The thread waits for the result. Raises what the coroutine raises, and
    RuntimeError anywhere but in such a thread, and when the pool is closed.
    """
    pool = here.pool
    if pool is None:
        raise RuntimeError("run_in_loop() is for functions that run_in_thread() calls")

    async def call() -> Any:
        return await function(*args, **kwargs)

    def start() -> None:
        pool.loop.spawn(call()).add_done_callback(ended.put)

    ended: SimpleQueue[Future | None] = SimpleQueue()
    pool.visits.add(ended)  # before we look: close() may be under way
    try:
        pool.loop.call_from_thread(start)
        future = None if pool.closed else ended.get()
    finally:
        pool.visits.discard(ended)
    if future is None:
        raise RuntimeError("the thread pool is closed")
    return future.result()
