"""The C extension as its tests need it: compiled from the source as it stands.

A file that is called as a module of it, and ends in SUFFIX, has that module in it.
"""

import atexit
import ctypes
import functools
import importlib.util
import mmap
import os
import shlex
import shutil
import subprocess
import sys
import sysconfig
import tempfile
from pathlib import Path

from support.places import ROOT

SUFFIX = sysconfig.get_config_var("EXT_SUFFIX")
COMPILER = shutil.which((sysconfig.get_config_var("CC") or "cc").split()[0])
STRICT = "-std=c11 -O2 -Wall -Wextra -Wpedantic -Wshadow -Werror"


def name_of(file):
    return Path(file).name.partition(".")[0]


def compile_extension(file, flags=STRICT, sources=()):
    """Compile it into a file, also with the flags in CFLAGS; a warning is an error."""
    words = [sysconfig.get_config_var(name) or "" for name in ("LDSHARED", "CCSHARED")]
    command = shlex.split(" ".join([*words, flags, os.environ.get("CFLAGS", "")]))
    # Python's own headers are not held to our warnings.
    source = ROOT / "src" / "dustdevil" / "speedups" / f"{name_of(file)}.c"
    command += ["-isystem", sysconfig.get_path("include"), str(source)]
    done = subprocess.run(
        [*command, *map(str, sources), "-o", str(file)], capture_output=True, text=True
    )
    assert (done.returncode, done.stderr) == (0, ""), done.stderr


def load(file):
    """Load it from there, whatever is installed."""
    name = f"dustdevil.speedups.{name_of(file)}"
    spec = importlib.util.spec_from_file_location(name, file)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def compiled(folder):
    """It, compiled into that folder. Without a compiler the test is skipped, but not
    in CI."""
    if COMPILER is None and not os.environ.get("CI"):
        import pytest  # the fuzzer, which needs the rest, has none

        pytest.skip("no C compiler here")
    file = folder / f"_speedups{SUFFIX}"
    compile_extension(file)
    return file


@functools.cache
def compiled_once():
    """The extension, compiled for this run of the tests, and loaded."""
    folder = Path(tempfile.mkdtemp())
    atexit.register(shutil.rmtree, folder)
    return load(compiled(folder))


def in_other_interpreters(file, uses):
    """Load the module in several interpreters, and do in each what `uses` it as `c`."""
    name = "_interpreters" if sys.version_info >= (3, 13) else "_xxsubinterpreters"
    code = f"""
import importlib.util
module, file = "dustdevil.speedups.{name_of(file)}", {str(file)!r}
spec = importlib.util.spec_from_file_location(module, file)
c = importlib.util.module_from_spec(spec)
spec.loader.exec_module(c)
{uses}
"""
    program = f"""
import {name} as interpreters
code = {code!r}
exec(code)
for _ in range(3):
    other = interpreters.create()
    assert not interpreters.run_string(other, code)
    interpreters.destroy(other)
exec(code)
print("loaded")
"""
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True
    )
    assert (done.returncode, done.stdout) == (0, "loaded\n"), done.stderr


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
