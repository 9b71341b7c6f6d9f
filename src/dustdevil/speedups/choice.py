"""What is worth writing in C: here it is decided whether it serves.

`_speedups`, `_fastpath` and `_tasks` are built when the package is installed, if there
is a C compiler and the headers of Python. Where they aren't, or where the environment
variable DUSTDEVIL_PURE is set, Python serves: slower, and otherwise the same. `STATUS`
says which it is, and `dustdevil --version` prints it.
"""

import os
import sys
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any

import dustdevil
from dustdevil.speedups import pure

NAMES = "_speedups", "_fastpath", "_tasks"


def choose() -> tuple[list[ModuleType], str]:
    """The modules in C, or none of them, and a sentence that says why."""
    if os.environ.get("DUSTDEVIL_PURE"):
        return [], "in pure Python, as DUSTDEVIL_PURE asks"
    try:
        modules = [import_module(f"dustdevil.speedups.{name}") for name in NAMES]
    except ImportError as error:
        return [], f"in pure Python, since the extension is missing ({error})"
    return modules, "with the extension in C"


in_c, STATUS = choose()
functions, fastpath, tasks = in_c or (pure, None, None)
parse_head = functions.parse_head
fs64 = functions.fs64
apply_mask = functions.apply_mask


def are_ours(*classes: type) -> bool:
    """Whether these classes are all of this package.

    Only for those the C stands in: whoever has written one of his own, in a module of
    the same name, wants to see it run.
    """
    here = Path(dustdevil.__file__).parent
    files = (sys.modules[one.__module__].__file__ or "" for one in classes)
    return all(here in Path(file).parents for file in files)


def task_factory(task: type, cancelled: type) -> Any:
    """What makes tasks like those of the class `task`, with their steps in C.

    None without the extension, and for a class that is somebody else's.
    """
    if tasks is None or not are_ours(task):
        return None
    try:
        tasks.bind(task, cancelled)
    except RuntimeError:
        return None  # it has another such class already: the module came in twice
    return tasks.make
