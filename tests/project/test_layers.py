"""The layers of the stack: a package imports only from layers below its own."""

import ast
import importlib
import re
import subprocess
import sys
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

import dustdevil
from workshop import lines, pieces

STACK = Path(dustdevil.__file__).parent
SOURCES = {
    ".".join(file.relative_to(STACK).with_suffix("").parts): file
    for file in sorted(STACK.rglob("*.py"))
}
PACKAGES = [name.partition(".")[0] for name in SOURCES if name.endswith(".__init__")]
LAYERS = pieces.layers()
# What stands beside the layers: the way in for `import` and for `python -m`.
DOORS = {"__init__", "__main__"}
C_SOURCES = sorted(file for file in STACK.rglob("*.[ch]"))


def layer_of(module):
    """The number of a module's layer; a module that has its own goes first."""
    package = module.partition(".")[0]
    return LAYERS.index(module if module in LAYERS else package)


def imports(path):
    """Yield module and name of every import of a file, also inside its functions."""
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            yield from ((alias.name, None) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path.name}: imports are absolute here"
            yield from ((node.module, alias.name) for alias in node.names)


def needs(module):
    """Modules of the stack that a module imports, and the names it takes from them."""
    for source, name in imports(SOURCES[module]):
        inside = source.partition(".")[2]
        if source.partition(".")[0] != "dustdevil":
            continue
        if f"{inside}.{name}".strip(".") in SOURCES:
            yield f"{inside}.{name}".strip("."), None
        elif inside in SOURCES:
            yield inside, name


def test_every_piece_is_one_package_and_has_a_layer():
    here = {name.partition(".")[0] for name in SOURCES} - DOORS
    packages = {piece.package for piece in pieces.load()}
    assert here - {"cli"} == packages - {"workshop.livebook"}
    assert {name.partition(".")[0] for name in LAYERS} == here
    assert len(set(LAYERS)) == len(LAYERS)


@pytest.mark.parametrize("module", [m for m in SOURCES if m not in DOORS])
def test_a_module_imports_only_from_below(module):
    package = module.partition(".")[0]
    for other, _ in needs(module):
        if other.partition(".")[0] != package or other in LAYERS:
            assert layer_of(other) <= layer_of(module), f"{module} imports {other}"


def test_nothing_goes_in_a_circle():
    graph = {
        module: {other for other, _ in needs(module)}
        for module in SOURCES
        if module not in DOORS
    }
    TopologicalSorter(graph).prepare()  # raises CycleError, which names the circle


@pytest.mark.parametrize("module", [m for m in SOURCES if m not in DOORS])
def test_packages_know_only_the_public_names_of_each_other(module):
    for other, name in needs(module):
        package = other.partition(".")[0]
        if "." in other and package != module.partition(".")[0]:
            homes = importlib.import_module(f"dustdevil.{package}").HOMES
            assert name is None or homes.get(name) == other.partition(".")[2]


@pytest.mark.parametrize("package", PACKAGES)
def test_a_package_says_what_it_is_about_and_imports_little(package):
    module = importlib.import_module(f"dustdevil.{package}")
    assert len(module.__doc__.splitlines()) > 5
    homes = getattr(module, "HOMES", {})
    for name, home in homes.items():
        found = getattr(module, name)
        assert found is getattr(
            importlib.import_module(f"{module.__name__}.{home}"), name
        )
    for file in STACK.glob(f"{package}/*.py"):
        if file.stem != "__init__":
            assert re.search(rf"\b{file.stem}\b", module.__doc__), file.stem
    with pytest.raises(AttributeError, match="no attribute 'nonsense'"):
        _ = module.nonsense


@pytest.mark.parametrize("source", C_SOURCES, ids=lambda path: path.name)
def test_a_module_in_c_imports_nothing(source):
    text = source.read_text("utf-8")
    assert "PyImport" not in text
    headers = re.findall(r"^#include (.*)", text, re.MULTILINE)
    # Those of the C standard library, of Python, and of the system for sockets.
    known = ("Python", "errno", "stddef", "stdint", "string", "structmember", "time",
             "sys/socket")  # fmt: skip
    assert {*headers} <= {f"<{name}.h>" for name in known}


def test_the_stack_never_imports_the_workshop():
    for path in SOURCES.values():
        assert not any(name.split(".")[0] == "workshop" for name, _ in imports(path))


def test_the_stack_needs_the_standard_library_only():
    known = sys.stdlib_module_names | {"dustdevil"}
    for path in SOURCES.values():
        assert {name.split(".")[0] for name, _ in imports(path)} <= known


def test_the_package_has_every_public_name_and_no_other():
    for name in dustdevil.__all__:
        assert getattr(dustdevil, name).__name__ == name
    with pytest.raises(AttributeError, match="no attribute 'nonsense'"):
        _ = dustdevil.nonsense


def test_importing_the_router_imports_no_sockets():
    program = "import dustdevil.routing, sys; sys.exit('socket' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program]).returncode == 0


def test_the_minimal_server_is_what_is_loaded_for_it():
    program = "import dustdevil.http.server, sys; print(*sys.modules)"
    environment = {"DUSTDEVIL_PURE": "1"}
    done = subprocess.run(
        [sys.executable, "-c", program], env=environment, capture_output=True, text=True
    )
    loaded = {name for name in done.stdout.split() if name.startswith("dustdevil")}
    counted = {lines.module_of(file) for file in lines.minimal_server()}
    assert {f"dustdevil.{name}".rstrip(".") for name in counted} == loaded
