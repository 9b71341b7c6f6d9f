"""The C extension under two tools that see every access to memory: `make memcheck`.

Its tests run once with the address and undefined-behaviour sanitizers of the compiler
built into it, and its functions under valgrind, which also sees what is never freed.
Python's own allocator would hide much from both: malloc takes its place. gcc and
valgrind are needed (Debian: apt install gcc valgrind).
"""

import os
import re
import subprocess
import sys

from support.places import ROOT

TESTS = ROOT / "tests"
BUILD = ROOT / "build" / "memcheck"
SANITIZE = "-fsanitize=address,undefined -fno-sanitize-recover=all -g"
SOURCES = r"\((_speedups|_fastpath|_tasks)\.c:[0-9]+\)"  # in a report of valgrind's
VALGRIND = ("valgrind --quiet --leak-check=full --show-leak-kinds=definite,indirect "
            "--num-callers=30")  # fmt: skip


def environment(**more):
    return os.environ | {"PYTHONMALLOC": "malloc"} | more


def sanitizers():
    """Run the tests of the extension; the exit code is pytest's."""
    libraries = [
        subprocess.check_output(["gcc", f"-print-file-name={name}"], text=True).strip()
        for name in ("libasan.so", "libubsan.so")
    ]
    # Leaks are valgrind's matter: the interpreter itself leaves much behind at its end.
    env = environment(
        CFLAGS=SANITIZE,
        LD_PRELOAD=" ".join(libraries),
        ASAN_OPTIONS="detect_leaks=0:allocator_may_return_null=1",
    )
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"]
    command += ["-o", "timeout=900", TESTS / "speedups", TESTS / "coroutine"]
    return subprocess.run(command, env=env).returncode


def valgrind():
    """Use every function, those that fail too; 1 if valgrind names the extension."""
    command = [*VALGRIND.split(), sys.executable, __file__, "use"]
    done = subprocess.run(command, env=environment(), capture_output=True, text=True)
    reports = re.split(r"^==\d+== *\n", done.stderr, flags=re.MULTILINE)
    ours = [report for report in reports if re.search(SOURCES, report)]
    print("\n".join(ours) or "valgrind: nothing wrong in the extension, nothing lost")
    return done.returncode or int(bool(ours))


def use():
    """What valgrind watches."""
    import logging

    sys.path.insert(0, str(TESTS / "speedups"))
    import test_fastpath
    import test_speedups
    import test_tasks

    from support.extension import SUFFIX, compile_extension, load

    logging.disable()  # many of the requests fail, as they should
    BUILD.mkdir(parents=True, exist_ok=True)
    modules = {
        "_speedups": test_speedups,
        "_fastpath": test_fastpath,
        "_tasks": test_tasks,
    }
    for name, tests in modules.items():
        file = BUILD / f"{name}{SUFFIX}"
        compile_extension(file, "-O1 -g")
        module = load(file)
        for _ in range(20):
            tests.use_everything(module)
    return 0


if __name__ == "__main__":
    sys.exit(use() if sys.argv[1:] else sanitizers() or valgrind())
