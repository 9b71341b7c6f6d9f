"""The floors of the stack: a module imports only from floors below its own."""

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

import dustdevil

SRC = Path(__file__).resolve().parents[1] / "src"

# From the ground up, in the order of the table of pieces, but for `threads`, `child`
# and what is in C, on which others stand. Modules of one floor may not import each
# other unless the line puts them in order, too.
FLOORS = [
    "routing",
    "grammar",
    "twins",
    "_slots",
    "_speedups",
    "_fastpath",
    "_tasks",
    "speedups",
    "coroutine",
    "fields",
    "metrics",
    "sampling",
    "poller",
    "loop",
    "stream",
    "tls",
    "tcp",
    "sync",
    "locks",
    "threads",
    "child",
    "lookup",
    "resolver",
    "buffers",
    "cycles",
    "collector",
    "head",
    "http1",
    "writer",
    "body",
    "channel",
    "connection",
    "server",
    "census",
    "supervisor",
    "worker",
    "prefork",
    "responses",
    "outgoing",
    "client",
    "environ",
    "wsgi",
    "wsgi_app",
    "multipart",
    "forms",
    "messages",
    "cookies",
    "sessions",
    "templates",
    "static",
    "middleware",
    "cors",
    "events",
    "monitor",
    "web",
    "deflate",
    "frames",
    "handshake",
    "websocket",
    "changes",
    "cli",
]
# The doors of the package stand beside the floors.
DOORS = {"__init__", "__main__"}


def modules(*endings):
    files = (SRC / "dustdevil").iterdir()
    return sorted(p.stem for p in files if p.suffix in endings and p.stem not in DOORS)


def imports(path):
    """Yield every module that a file imports, also inside its functions."""
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path.name}: imports are absolute here"
            yield node.module
            if node.module == "dustdevil":
                yield from (f"dustdevil.{alias.name}" for alias in node.names)


def test_every_module_has_a_floor():
    assert set(modules(".py", ".c", ".h")) == set(FLOORS)
    assert modules(".c") == ["_fastpath", "_speedups", "_tasks"]


@pytest.mark.parametrize("module", modules(".py"))
def test_a_module_imports_only_from_below(module):
    below = {f"dustdevil.{name}" for name in FLOORS[: FLOORS.index(module)]}
    for name in imports(SRC / "dustdevil" / f"{module}.py"):
        if name.startswith("dustdevil."):
            assert name in below, f"{module} stands below {name}"


@pytest.mark.parametrize("module", [f"{m}.c" for m in modules(".c")] + ["_slots.h"])
def test_a_module_in_c_imports_nothing(module):
    text = (SRC / "dustdevil" / module).read_text("utf-8")
    assert "PyImport" not in text
    headers = re.findall(r"^#include (.*)", text, re.MULTILINE)
    # Those of the C standard library, of Python, and of the system for sockets.
    known = ("Python", "errno", "stddef", "stdint", "string", "structmember", "time",
             "sys/socket")  # fmt: skip
    assert {*headers} <= {f"<{name}.h>" for name in known} | {'"_slots.h"'}


def test_the_stack_never_imports_the_workshop():
    for path in (SRC / "dustdevil").glob("*.py"):
        assert not any(name.split(".")[0] == "workshop" for name in imports(path))


def test_the_stack_needs_the_standard_library_only():
    known = sys.stdlib_module_names | {"dustdevil"}
    for path in (SRC / "dustdevil").glob("*.py"):
        assert {name.split(".")[0] for name in imports(path)} <= known


def test_the_door_opens_on_every_public_name_and_on_no_other():
    for name in dustdevil.__all__:
        assert getattr(dustdevil, name).__name__ == name
    with pytest.raises(AttributeError, match="no attribute 'nonsense'"):
        _ = dustdevil.nonsense


def test_importing_the_router_imports_no_sockets():
    program = "import dustdevil.routing, sys; sys.exit('socket' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program]).returncode == 0
