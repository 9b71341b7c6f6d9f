"""Coroutines that wait for time, and for each other.

All of these run in one thread. What they guard against is not two coroutines at the
same moment, which cannot be, but another one's turn between two of our own.
"""

from collections import deque
from collections.abc import Callable
from typing import Any

from dustdevil.coroutine import (
    CancelledError,
    Future,
    Task,
    current_scheduler,
    current_task,
)
from dustdevil.loop import Timer
from dustdevil.stream import running_loop


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

    The block is left with TimeoutError.
    """

    def __init__(self, seconds: float | None) -> None:
        self.seconds = seconds
        self.expired = False
        self._task: Task | None = None
        self._timer: Timer | None = None

    async def __aenter__(self) -> "timeout":
        if self.seconds is not None:
            self._task = await current_task()
            self._timer = running_loop().call_later(self.seconds, self._expire)
        return self

    def _expire(self) -> None:
        # The block may have ended earlier in this very turn, when the timer was
        # released already and could not be cancelled any more.
        if self._task is not None:
            self.expired = True
            self._task.cancel()

    async def __aexit__(self, kind: type | None, error: Any, traceback: Any) -> None:
        self._task = None
        if self._timer is not None:
            self._timer.cancel()
        # A cancellation that came from elsewhere goes through as it is.
        if self.expired and kind is CancelledError:
            raise TimeoutError(f"not within {self.seconds} s") from error


async def gather(*coroutines: Any) -> list[Any]:
    """Run coroutines side by side; return their results in the order given.

    If one fails, the others are cancelled, and its exception is raised when all
    have ended: nothing goes on behind the caller's back.
    """
    scheduler = current_scheduler()
    tasks = [scheduler.spawn(coroutine) for coroutine in coroutines]
    ended: Queue = Queue()
    for task in tasks:
        task.add_done_callback(ended.put_now)
    failed: Future | None = None
    try:
        for _ in tasks:
            task = await ended.get()
            if task.exception() is not None and failed is None:
                failed = task
                cancel_all(tasks)
    finally:
        cancel_all(tasks)  # for when it is gather itself that is cancelled
    if failed is not None:
        failed.result()
    return [task.result() for task in tasks]


def cancel_all(tasks: list[Task]) -> None:
    """Cancel those that have not ended."""
    for task in tasks:
        task.cancel()


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
        while self._waiting:
            wake(self._waiting.popleft())

    def clear(self) -> None:
        """Lower it: who comes now waits."""
        self._set = False

    async def wait(self) -> None:
        """Wait until the flag is up."""
        if not self._set:
            await wait_in(self._waiting)


class Semaphore:
    """So many may be inside at a time; who comes later waits in line.

        async with semaphore:
            await fetch(url)

    Fair: what is given back goes to the one who waits longest, and not to one who
    comes by in between.
    """

    def __init__(self, value: int = 1) -> None:
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


class Queue:
    """A line of things from those who make them to those who use them.

    With `limit`, `put` waits while so many are in it: backpressure.
    """

    def __init__(self, limit: int | None = None) -> None:
        self.limit = limit
        self._items: deque[Any] = deque()
        self._getting: deque[Future] = deque()
        self._putting: deque[Future] = deque()

    def __len__(self) -> int:
        return len(self._items)

    def full(self) -> bool:
        """Whether `put` would wait."""
        return self.limit is not None and len(self._items) >= self.limit

    def put_now(self, item: Any) -> None:
        """Add an item, past the limit too."""
        self._items.append(item)
        wake_one(self._getting)

    async def put(self, item: Any) -> None:
        """Add an item, when there is room."""
        while self.full():
            await wait_in(self._putting)
        self.put_now(item)

    async def get(self) -> Any:
        """Take the oldest item, when there is one."""
        while not self._items:
            await wait_in(self._getting)
        item = self._items.popleft()
        wake_one(self._putting)
        return item


def wake(future: Future) -> bool:
    """Let a waiter go on, unless it has given up; say whether it did not."""
    if future.done():
        return False
    future.set_result(None)
    return True


def wake_one(waiting: deque[Future]) -> bool:
    """Let the first of those who still wait go on; say whether there was one."""
    while waiting:
        if wake(waiting.popleft()):
            return True
    return False


async def wait_in(
    waiting: deque[Future], pass_on: Callable[[], Any] | None = None
) -> None:
    """Wait in a line, to be woken from its front.

    Who was woken and is cancelled before it could go on passes the turn on, by
    `pass_on()`, or else to the next in line: otherwise an item could lie in a queue
    with everybody asleep before it.
    """
    future = Future()
    waiting.append(future)
    try:
        await future
    except BaseException:
        if not future.done():
            future.cancel()
        elif pass_on is None:
            wake_one(waiting)
        else:
            pass_on()
        raise
