"""A task's switch and its spawn, ours against asyncio's tasks, which are in C.

Each is measured in a process of its own, many times, in turns; the median counts.
"""

import subprocess
from statistics import median

from machine import SERVER_CORE, pinned
from peers import PYTHON, SOURCE

OURS = """
import sys; sys.path.insert(0, {source!r})
from dustdevil.coroutine import let_others_run as pause
from dustdevil.loop import Loop
from dustdevil.coroutine import current_scheduler
run = Loop().run
spawn = lambda coroutine: current_scheduler().spawn(coroutine)
"""
ASYNCIO = """
from asyncio import run, sleep, create_task as spawn
pause = lambda: sleep(0)
"""
# A hundred tasks that give way to one another: each `await pause()` is a switch.
SWITCH = """
from time import process_time
async def give_way():
    for _ in range(1000):
        await pause()
async def main():
    tasks = [spawn(give_way()) for _ in range(100)]
    begin = process_time()
    for task in tasks:
        await task
    return process_time() - begin
print(run(main()) / 100_000)
"""
# Tasks that end in their first step, awaited a hundred at a time.
SPAWN = """
from time import process_time
async def nothing():
    pass
async def main():
    begin = process_time()
    for _ in range(500):
        tasks = [spawn(nothing()) for _ in range(100)]
        for task in tasks:
            await task
    return process_time() - begin
print(run(main()) / 50_000)
"""


def seconds(program: str) -> float:
    """Run a program on the server's core, and return the number it prints."""
    done = subprocess.run(
        [PYTHON, "-c", program],
        capture_output=True,
        check=True,
        preexec_fn=pinned(SERVER_CORE),
    )
    return float(done.stdout)


def measure(rounds: int) -> dict[str, dict[str, float]]:
    """Nanoseconds of CPU: {"switch": {"ours": …, "asyncio": …}, "spawn": …}."""
    setups = {"ours": OURS.format(source=str(SOURCE)), "asyncio": ASYNCIO}
    found: dict[str, dict[str, list[float]]] = {}
    for _ in range(rounds):
        for what, program in ("switch", SWITCH), ("spawn", SPAWN):
            for who, setup in setups.items():
                taken = seconds(setup + program) * 1e9
                found.setdefault(what, {}).setdefault(who, []).append(taken)
    return {
        what: {who: median(taken) for who, taken in of.items()}
        for what, of in found.items()
    }
