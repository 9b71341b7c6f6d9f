"""Coroutines that wait for time, and for each other.

The locks, events, semaphores and queues of *coroutines*: who waits in one lets the
others of its loop run. Those of threads have the same names, and stop a whole thread;
they are in `dustdevil.threads`.

All of these run in one thread. What they guard against is not two coroutines at the
same moment, which cannot be, but another one's turn between two of our own.
"""

from collections import deque
from collections.abc import Callable
from math import inf
from typing import Any

from dustdevil.coroutine import (
    CancelledError,
    Future,
    Task,
    current_scheduler,
    current_task,
)
from dustdevil.loop.eventloop import Timer, running_loop


async def sleep(seconds: float) -> None:
    """Let `seconds` pass; everybody else goes on."""
    loop = running_loop()
    future = Future(loop)
    timer = loop.call_later(seconds, future.set_result, None)
    try:
        await future
    finally:
        timer.cancel()


class timeout:
    """Cancel the block if it takes more than `seconds` (None: never).

        async with timeout(5):
            line = await stream.read_until(b"\\n")

    The block ends with TimeoutError. Other tasks may run before the block starts: check
    inside the block whatever they can change.
    """

    def __init__(self, seconds: float | None) -> None:
        self.seconds = seconds
        self.expired = False
        self._task: Task | None = None
        self._timer: Timer | None = None
        self._ours: CancelledError | None = None

    async def __aenter__(self) -> "timeout":
        if self.seconds is not None:
            self._task = await current_task()
            self._timer = running_loop().call_later(self.seconds, self._expire)
        return self

    def _expire(self) -> None:
        # The block may have ended earlier in this very turn, when the timer was
        # released already and could not be cancelled any more.
        if self._task is None:
            return
        if self._task.cancelling():
            # Perhaps by a timeout within the block, which may go on after that.
            running_loop().call_soon(self._expire)
        else:
            self.expired = True
            self._ours = CancelledError()
            self._task.cancel(self._ours)

    async def __aexit__(self, kind: type | None, error: Any, traceback: Any) -> None:
        self._task = None
        if self._timer is not None:
            self._timer.cancel()
        # A cancellation that came from elsewhere goes through as it is.
        if error is not None and error is self._ours:
            raise TimeoutError(f"not within {self.seconds} s") from error


async def gather(*coroutines: Any) -> list[Any]:
    """Run coroutines side by side; return their results in the order given.

    If one fails, or gather is cancelled, the others are cancelled, and the exception
    is raised when all have ended: nothing goes on behind the caller's back.
    """
    scheduler = current_scheduler()
    tasks = [scheduler.spawn(coroutine) for coroutine in coroutines]
    ended: Queue = Queue()
    for task in tasks:
        task.add_done_callback(ended.put_now)
    failure: BaseException | None = None
    running = len(tasks)
    while running:
        try:
            task = await ended.get()
            running -= 1
            error = task.exception()
        except CancelledError as cancelled:
            error = cancelled
        if error is not None:
            failure = error if failure is None else failure
            for task in tasks:
                task.cancel()
    if failure is not None:
        raise failure
    return [task.result() for task in tasks]


class Event:
    """A flag that coroutines wait for."""

    def __init__(self) -> None:
        self._set = False
        self._waiting: deque[Future] = deque()

    def is_set(self) -> bool:
        """Whether nobody needs to wait."""
        return self._set

    def set(self) -> None:
        """Raise the flag: all who wait go on."""
        self._set = True
        while wake_one(self._waiting):
            pass

    def clear(self) -> None:
        """Lower it: who comes now waits."""
        self._set = False

    async def wait(self) -> None:
        """Wait until the flag is up."""
        if not self._set:
            await wait_in(self._waiting, lambda: None)  # set() has woken the others


class Semaphore:
    """So many may be inside at a time; who comes later waits in line.

        async with semaphore:
            await fetch(url)

    Fair: what is given back goes to the one who waits longest, and not to one who
    comes by in between.
    """

    def __init__(self, value: float = 1) -> None:
        if value < 0:
            raise ValueError(f"a semaphore can't begin below zero, with {value}")
        self._value = value
        self._waiting: deque[Future] = deque()

    def locked(self) -> bool:
        """Whether `acquire` would wait."""
        return self._value <= 0

    async def acquire(self) -> None:
        """Take one of the places, when there is one."""
        if self._value > 0:
            self._value -= 1
        else:
            await wait_in(self._waiting, self.release)

    def take(self) -> None:
        """Take a place without waiting, at need one that is not there yet.

        The count goes below zero, and whoever acquires waits the longer for it.
        """
        self._value -= 1

    def release(self) -> None:
        """Give a place back; also one that nobody took, so that there is one more."""
        self._value += 1
        if self._value > 0 and wake_one(self._waiting):
            self._value -= 1  # it was handed over

    async def __aenter__(self) -> None:
        await self.acquire()

    async def __aexit__(self, *_: object) -> None:
        self.release()


class BoundedSemaphore(Semaphore):
    """A semaphore that notices when more is given back than was taken."""

    def __init__(self, value: int = 1) -> None:
        super().__init__(value)
        self._most = value

    def release(self) -> None:
        """Give a place back; RuntimeError if none was taken."""
        if self._value >= self._most:
            raise RuntimeError(f"{self!r} is given back more often than it was taken")
        super().release()


class Lock(BoundedSemaphore):
    """One at a time: for what takes more than one step, with a wait in between.

        async with lock:
            balance = await read()
            await write(balance + 1)

    Not bound to a task: one may acquire it and another release it.
    """

    def __init__(self) -> None:
        super().__init__(1)


class Condition:
    """Wait, under a lock, until somebody says that something has changed.

    async with condition:
        await condition.wait_for(lambda: len(players) >= 2)
    """

    def __init__(self, lock: Lock | None = None) -> None:
        self.lock = lock or Lock()
        self._waiting: deque[Future] = deque()

    async def __aenter__(self) -> None:
        await self.lock.acquire()

    async def __aexit__(self, *_: object) -> None:
        self.lock.release()

    async def wait(self) -> None:
        """Wait until notified, without the lock, and go on when it is ours again.

        It is ours, too, when this raises CancelledError. Raises RuntimeError if
        nobody holds it.
        """
        self.lock.release()
        try:
            await wait_in(self._waiting, lambda: wake_one(self._waiting))
        except BaseException:
            await acquire_in_any_case(self.lock)
            raise
        try:
            await acquire_in_any_case(self.lock)
        except BaseException:
            wake_one(self._waiting)  # we were told, and can make no use of it
            raise

    async def wait_for(self, predicate: Callable[[], Any]) -> Any:
        """Wait until `predicate()` is true; returns its answer."""
        while not (answer := predicate()):
            await self.wait()
        return answer

    def notify(self, n: int = 1) -> None:
        """Wake `n` of those who wait, in turn. RuntimeError without the lock."""
        if not self.lock.locked():
            raise RuntimeError("notify() is for who holds the condition's lock")
        while n > 0 and wake_one(self._waiting):
            n -= 1

    def notify_all(self) -> None:
        """Wake all who wait."""
        self.notify(len(self._waiting))


async def acquire_in_any_case(lock: Lock) -> None:
    """Acquire a lock, and only then be cancelled."""
    cancelled: CancelledError | None = None
    while True:
        try:
            await lock.acquire()
            break
        except CancelledError as error:
            cancelled = error
    if cancelled is not None:
        raise cancelled


class Queue:
    """A line of things from those who make them to those who use them.

    With `limit`, `put` waits while so many are in it: backpressure. It is as fair as
    the semaphores that it is made of: they count the items and the room for more.
    """

    def __init__(self, limit: int | None = None) -> None:
        if limit is not None and limit < 1:
            raise ValueError(f"nothing goes through a queue with a limit of {limit}")
        self.limit = limit
        self._items: deque[Any] = deque()
        self._there = Semaphore(0)
        self._room = Semaphore(inf if limit is None else limit)

    def __len__(self) -> int:
        return len(self._items)

    def full(self) -> bool:
        """Whether `put` would wait."""
        return self._room.locked()

    def put_now(self, item: Any) -> None:
        """Add an item, past the limit too."""
        self._room.take()
        self._add(item)

    async def put(self, item: Any) -> None:
        """Add an item, when there is room."""
        await self._room.acquire()
        self._add(item)

    def _add(self, item: Any) -> None:
        self._items.append(item)
        self._there.release()

    async def get(self) -> Any:
        """Take the oldest item, when there is one."""
        await self._there.acquire()
        self._room.release()
        return self._items.popleft()


def wake_one(waiting: deque[Future]) -> bool:
    """Let the first of those who wait go on; say whether there was one."""
    if not waiting:
        return False
    waiting.popleft().set_result(None)
    return True


async def wait_in(waiting: deque[Future], pass_on: Callable[[], Any]) -> None:
    """Wait in a line, to be woken from its front.

    Who gives up leaves the line: a consumer that looks in every second, for all of a
    night, must not fill it. Who was woken and is cancelled before it could go on passes
    the turn on, by `pass_on()`: otherwise an item could lie in a queue with everybody
    asleep before it.
    """
    future = Future()
    waiting.append(future)
    try:
        await future
    except BaseException:
        if future.done():
            pass_on()
        else:
            waiting.remove(future)
        raise
