"""Threads: calls that block, made elsewhere, and how threads wait for each other.

These are the locks of *threads*: who waits in one stops its whole thread. What
coroutines wait in, on one loop, is in `dustdevil.sync` and has the same names. Only one
thread at a time runs Python, since it holds the interpreter's lock; but that lock is
released where a thread waits for the system, and that is what a pool of threads behind
a loop lives on.

locks       RLock, Condition, Semaphore, Event, Barrier, from one raw lock
pool        a pool of threads, calls handed to it and their results brought back
"""

from dustdevil import homes, lazy_names

HOMES = homes(
    locks="Barrier BoundedSemaphore Condition Event RLock Semaphore",
    pool="ThreadPool run_in_loop run_in_thread",
)

__all__ = sorted(HOMES)
__getattr__ = lazy_names(__name__, HOMES)
