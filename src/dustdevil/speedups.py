"""The functions worth writing in C: here it is decided which twin serves.

`_speedups` is built when the package is installed, if there is a C compiler and the
headers of Python. Where it isn't, or where the environment variable DUSTDEVIL_PURE
is set, `twins` serves: slower, and otherwise the same. `STATUS` says which it is, and
`dustdevil --version` prints it.
"""

import os
from importlib import import_module
from types import ModuleType

from dustdevil import twins


def choose() -> tuple[ModuleType, str]:
    """The module to take the functions from, and a sentence that says why."""
    if os.environ.get("DUSTDEVIL_PURE"):
        return twins, "in pure Python, as DUSTDEVIL_PURE asks"
    try:
        return import_module("dustdevil._speedups"), "with the extension in C"
    except ImportError as error:
        return twins, f"in pure Python, since the extension is missing ({error})"


chosen, STATUS = choose()
parse_head = chosen.parse_head
fs64 = chosen.fs64
apply_mask = chosen.apply_mask
