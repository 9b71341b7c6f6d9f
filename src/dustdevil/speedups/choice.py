"""Which serves: the functions in C, or those in Python.

`_speedups` is built when the package is installed, if there is a C compiler and the
headers of Python. Where it isn't, or where the environment variable DUSTDEVIL_PURE is
set, Python serves: slower, and otherwise the same. `STATUS` says which it is, and
`dustdevil --version` prints it.
"""

import os
from importlib import import_module
from types import ModuleType

from dustdevil.speedups import pure


def choose() -> tuple[ModuleType, str]:
    """The module that serves, and a sentence that says why."""
    if os.environ.get("DUSTDEVIL_PURE"):
        return pure, "in pure Python, as DUSTDEVIL_PURE asks"
    try:
        in_c = import_module("dustdevil.speedups._speedups")
    except ImportError as error:
        return pure, f"in pure Python, since the extension is missing ({error})"
    return in_c, "with the extension in C"


functions, STATUS = choose()
split_head = functions.split_head
fs64 = functions.fs64
apply_mask = functions.apply_mask
