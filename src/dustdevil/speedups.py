"""What is worth writing in C: here it is decided which twin serves.

`_speedups` and `_fastpath` are built when the package is installed, if there is a C
compiler and the headers of Python. Where they aren't, or where the environment variable
DUSTDEVIL_PURE is set, Python serves: slower, and otherwise the same. `STATUS` says
which it is, and `dustdevil --version` prints it.
"""

import os
from importlib import import_module
from types import ModuleType

from dustdevil import twins


def choose() -> tuple[ModuleType, ModuleType | None, str]:
    """The module to take the functions from, the fast path if there is one, and a
    sentence that says why."""
    if os.environ.get("DUSTDEVIL_PURE"):
        return twins, None, "in pure Python, as DUSTDEVIL_PURE asks"
    try:
        functions = import_module("dustdevil._speedups")
        path = import_module("dustdevil._fastpath")
    except ImportError as error:
        return twins, None, f"in pure Python, since the extension is missing ({error})"
    return functions, path, "with the extension in C"


chosen, fastpath, STATUS = choose()
parse_head = chosen.parse_head
fs64 = chosen.fs64
apply_mask = chosen.apply_mask
