"""Which cell a thread's output belongs to: the one that started the thread.

Every message names the request that it belongs to. ipykernel keeps the current one in
context variables, which a task of asyncio inherits and a new thread does not: what it
prints would go to the cell that runs at that moment. So threads take these variables
along, and no others: those of a program are its own affair.
"""

import sys
import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextvars import ContextVar, copy_context
from functools import wraps
from typing import Any

Parents = list[tuple[ContextVar, Any]]


def install(kernel: Any) -> None:
    """Have the threads of this process remember which cell they belong to."""
    shell = kernel.shell
    outputs = (sys.stdout, sys.stderr, shell, shell.displayhook, shell.display_pub)
    variables = [output._parent_header for output in outputs]
    variables += [kernel._shell_parent, kernel._shell_parent_ident]

    def current() -> Parents:
        context = copy_context()
        return [(one, context[one]) for one in variables if one in context]

    carry_into_threads(current)
    carry_into_pools(current)


def adopt(parents: Parents) -> None:
    """Have the calling thread belong where these were taken."""
    for variable, value in parents:
        variable.set(value)


def carry_into_threads(current: Callable[[], Parents]) -> None:
    """Have each new thread belong to the cell that starts it."""
    start, bootstrap = threading.Thread.start, threading.Thread._bootstrap_inner

    @wraps(start)
    def start_as_child(thread: threading.Thread) -> None:
        thread._parents = current()
        start(thread)

    # Not `run`, which subclasses replace.
    @wraps(bootstrap)
    def adopt_and_run(thread: threading.Thread) -> None:
        adopt(thread.__dict__.pop("_parents", []))
        bootstrap(thread)

    threading.Thread.start = start_as_child
    threading.Thread._bootstrap_inner = adopt_and_run


def carry_into_pools(current: Callable[[], Parents]) -> None:
    """Have what is given to a pool belong to the cell that gives it.

    The pool's threads may have been started by a cell long before.
    """
    submit = ThreadPoolExecutor.submit

    @wraps(submit)
    def submit_as_child(
        pool: ThreadPoolExecutor, function: Callable, /, *args: Any, **kwargs: Any
    ) -> Future:
        return submit(pool, run_under, current(), function, *args, **kwargs)

    ThreadPoolExecutor.submit = submit_as_child


def run_under(parents: Parents, function: Callable, /, *args: Any, **kwargs: Any):
    """Call the function in the name of a cell."""
    adopt(parents)
    return function(*args, **kwargs)
