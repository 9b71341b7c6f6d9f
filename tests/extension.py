"""The C extension as its tests need it: compiled from the source as it stands."""

import ctypes
import importlib.util
import mmap
import os
import shlex
import shutil
import subprocess
import sysconfig
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
SOURCE = ROOT / "src" / "dustdevil" / "_speedups.c"
SUFFIX = sysconfig.get_config_var("EXT_SUFFIX")
COMPILER = shutil.which((sysconfig.get_config_var("CC") or "cc").split()[0])
STRICT = "-std=c11 -O2 -Wall -Wextra -Wpedantic -Wshadow -Werror"


def compile_extension(file, flags=STRICT, sources=()):
    """Compile it into a file, also with the flags in CFLAGS; a warning is an error."""
    words = [sysconfig.get_config_var(name) or "" for name in ("LDSHARED", "CCSHARED")]
    command = shlex.split(" ".join([*words, flags, os.environ.get("CFLAGS", "")]))
    # Python's own headers are not held to our warnings.
    command += ["-isystem", sysconfig.get_path("include"), str(SOURCE)]
    done = subprocess.run(
        [*command, *map(str, sources), "-o", str(file)], capture_output=True, text=True
    )
    assert (done.returncode, done.stderr) == (0, ""), done.stderr


def load(file):
    """Load it from there, whatever is installed."""
    spec = importlib.util.spec_from_file_location("dustdevil._speedups", file)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


class Fence:
    """A page of memory between two pages that nobody may touch.

    Mostly nothing happens when an extension reads a byte too far. Here it is a
    segmentation fault, which ends the program, and `faulthandler` names the line.
    """

    size = mmap.PAGESIZE

    def __init__(self):
        memory = mmap.mmap(-1, 3 * self.size)
        start = ctypes.addressof(ctypes.c_char.from_buffer(memory))
        protect = ctypes.CDLL(None, use_errno=True).mprotect
        protect.argtypes = ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int
        for forbidden in (start, start + 2 * self.size):
            if protect(forbidden, self.size, 0):  # PROT_NONE
                raise OSError(ctypes.get_errno(), "mprotect")
        self._page = memoryview(memory)[self.size : 2 * self.size]

    def views(self, data):
        """The data twice, beginning and ending where the page does."""
        for place in (0, self.size - len(data)):
            view = self._page[place : place + len(data)]
            view[:] = data
            yield view
