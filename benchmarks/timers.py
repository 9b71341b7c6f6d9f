"""What a timer costs among many others: a part of `make bench-scale`.

    python benchmarks/timers.py 100000

So many timers wait for a time that is far. Among them timers are set and cancelled, as
a timeout is that was not needed, and others are set for now, and called: on our loop,
and on asyncio's. Prints JSON: the nanoseconds of CPU that each of this takes, and the
milliseconds of the longest pause that cancelling makes. Both loops leave a cancelled
timer where it is, and clear out all of them when they are many.
"""

import asyncio
import gc
import json
import sys
from collections.abc import Callable
from random import Random
from time import process_time_ns
from typing import Any

from dustdevil.loop import Loop

OPERATIONS = 3  # for each that is pending: so the cancelled are cleared out thrice
LEAST = 10_000
SLICE = 100  # cancelled between two looks at the clock


class Ours:
    """A loop of ours, and a turn of it without a sleep."""

    def __init__(self) -> None:
        self.loop: Any = Loop()
        self.close = self.loop.close

    def turn(self) -> None:
        self.loop.call_soon(int)
        self.loop.turn()


class Theirs:
    """The same of asyncio."""

    def __init__(self) -> None:
        self.loop: Any = asyncio.new_event_loop()
        self.close = self.loop.close

    def turn(self) -> None:
        self.loop.call_soon(self.loop.stop)
        self.loop.run_forever()


def measure(most: int) -> dict[str, dict[str, dict[str, float]]]:
    """{"ours": {pending: {"add": ns, "cancel": ns, "fire": ns, …}, …}, "asyncio": …}"""
    # It is in no timer's way, and would count here for what we happen to keep.
    gc.disable()
    results: dict = {"ours": {}, "asyncio": {}}
    for pending in most // 100, most // 10, most:
        for whose, kind in ("ours", Ours), ("asyncio", Theirs):
            results[whose][str(pending)] = among(kind(), pending)
    return results


def among(one: Ours | Theirs, pending: int) -> dict[str, float]:
    """What one timer costs while so many are pending."""
    delays = Random(1)
    for _ in range(pending):
        one.loop.call_later(delays.uniform(3600, 7200), nothing)
    # A tenth at a time, so that about as many are pending all the while.
    batch = max(SLICE, pending // 10)
    times = max(LEAST, OPERATIONS * pending) // batch
    add = cancel = fire = longest = 0
    for _ in range(times):
        far = [delays.uniform(3600, 7200) for _ in range(batch)]
        begin = process_time_ns()
        set_now = [one.loop.call_later(delay, nothing) for delay in far]
        add += process_time_ns() - begin
        for at in range(0, batch, SLICE):
            took = cancelling(one, set_now[at : at + SLICE])
            cancel += took
            longest = max(longest, took)
        fire += firing(one, batch)
    one.close()
    found = {"add": add, "cancel": cancel, "fire": fire}
    each = {what: ns / times / batch for what, ns in found.items()}
    return each | {"longest ms": longest / 1e6}


def cancelling(one: Ours | Theirs, timers: list) -> int:
    """Nanoseconds to cancel some, and for a turn: asyncio clears out there."""
    begin = process_time_ns()
    for timer in timers:
        timer.cancel()
    one.turn()
    return process_time_ns() - begin


def firing(one: Ours | Theirs, count: int) -> int:
    """Nanoseconds to call so many that are due."""
    calls: list[None] = []
    note: Callable[[None], None] = calls.append
    for _ in range(count):
        one.loop.call_later(0, note, None)
    begin = process_time_ns()
    while len(calls) < count:
        one.turn()
    return process_time_ns() - begin


def nothing() -> None:
    """What is never called."""
    raise AssertionError("a timer of an hour was called, or one that was cancelled")


if __name__ == "__main__":
    print(json.dumps(measure(int(sys.argv[1]))))
