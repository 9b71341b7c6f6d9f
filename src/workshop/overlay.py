"""Put a learner's own modules in the place of the reference ones.

`install("mystack")` makes `import dustdevil.loop.poller` load `mystack/loop/poller.py`
when that file exists, and the reference otherwise: the folder mirrors the packages. The
tests, the checks of a lab and the live book then run on the learner's code without
knowing it.

Python asks the finders of `sys.meta_path`, one after the other, where a module is
(see the language reference, section 5.3.2, "The meta path"). Ours stands first.
"""

import importlib.abc
import importlib.util
import os
import sys
import traceback
from collections.abc import Collection, Sequence
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import CodeType, ModuleType

PACKAGE = "dustdevil"
VARIABLE = "DUSTDEVIL_STACK"
REFERENCE = Path(__file__).resolve().parent.parent / PACKAGE
# Modules that had another name when the stack was one flat folder.
RENAMED = {
    "buffers": "memory.py",
    "collector": "collector/policy.py",
    "loop": "loop/eventloop.py",
    "threads": "threads/pool.py",
}
_SITE = Path(__file__).resolve().parent / "overlay_site"


class OverlayError(ImportError):
    """A learner's module that could not be put in its place; says file and line."""


class _Loader(importlib.abc.SourceLoader):
    """Loads one file from its text, never from cached bytecode.

    The cache compares a file's size and its time in whole seconds, so that a quick
    second save of the same length would run the first one.
    """

    def __init__(self, file: Path, folder: Path):
        self.file = file
        self.folder = folder

    def get_filename(self, fullname: str) -> str:
        return str(self.file)

    def get_data(self, path: str | bytes) -> bytes:  # type: ignore[override]
        return Path(os.fsdecode(path)).read_bytes()

    def get_code(self, fullname: str) -> CodeType:
        try:
            return compile(self.get_data(str(self.file)), str(self.file), "exec")
        except (SyntaxError, ValueError) as error:
            raise OverlayError(explain(error, self.folder)) from error

    def exec_module(self, module: ModuleType) -> None:
        try:
            super().exec_module(module)
        except OverlayError:
            raise
        except Exception as error:
            raise OverlayError(explain(error, self.folder)) from error


class _Finder(importlib.abc.MetaPathFinder):
    def __init__(self, folder: Path, names: Collection[str]):
        self.folder = folder
        self.names = names

    def find_spec(
        self,
        fullname: str,
        path: Sequence[str] | None = None,
        target: ModuleType | None = None,
    ) -> ModuleSpec | None:
        package, _, name = fullname.partition(".")
        if package != PACKAGE or name not in self.names:
            return None
        file = self.folder / path_of(name)
        return importlib.util.spec_from_file_location(
            fullname, file, loader=_Loader(file, self.folder)
        )


def install(folder: str | Path, only: Collection[str] | None = None) -> list[str]:
    """Load `dustdevil.X.Y` from `folder/X/Y.py` from now on; return what is replaced.

    `only` names the modules to take from the folder, if not all of them.

    Call it before anything imports the modules: two copies of one class in one
    process would not recognise each other's instances. Raises OverlayError when the
    folder is missing, when a file in it has another place by now, or when a reference
    module is already loaded that the folder would replace.
    """
    place = Path(folder).resolve()
    if not place.is_dir():
        raise OverlayError(f"there is no folder {folder} to take modules from")
    check_places(place)
    replaced = [name for name in modules(place) if only is None or name in only]
    for name in replaced:
        loaded = sys.modules.get(f"{PACKAGE}.{name}")
        if loaded and Path(loaded.__file__ or "").resolve() != place / path_of(name):
            raise OverlayError(
                f"dustdevil.{name} is loaded already, from {loaded.__file__}: "
                f"install the overlay before anything imports it"
            )
    remove()
    sys.meta_path.insert(0, _Finder(place, replaced))
    return replaced


def install_from_environment() -> list[str]:
    """Install the folder that the environment variable DUSTDEVIL_STACK names."""
    folder = os.environ.get(VARIABLE)
    return install(folder) if folder else []


def remove() -> None:
    """Take the overlay away again; modules that are loaded stay as they are."""
    sys.meta_path[:] = [f for f in sys.meta_path if not isinstance(f, _Finder)]


def path_of(module: str) -> Path:
    """Where a module stands in a folder: `loop.poller` is `loop/poller.py`."""
    return Path(*module.split(".")).with_suffix(".py")


def reference(module: str) -> Path:
    """The reference's file of a module, whether it exists or not."""
    return REFERENCE / path_of(module)


def modules(folder: str | Path) -> list[str]:
    """Names of the reference modules that files of `folder` replace, sorted."""
    paths = (file.relative_to(folder) for file in Path(folder).rglob("*.py"))
    names = (".".join(path.with_suffix("").parts) for path in paths)
    return sorted(
        name
        for name in names
        if not name.endswith("__init__") and reference(name).is_file()
    )


def check_places(folder: Path) -> None:
    """Raise OverlayError for a file that stands where its module was once."""
    for file in sorted(folder.glob("*.py")):
        place = new_place(file.name)
        if place and not (folder / place).exists():
            raise OverlayError(
                f"{folder.name}/{file.name} has a new place: "
                f"move it to {folder.name}/{place}"
            )


def new_place(name: str) -> str | None:
    """Where a file of the flat folder stands now; None for one that has not moved."""
    if (REFERENCE / name).is_file():
        return None
    found = next(REFERENCE.glob(f"*/{name}"), None)
    return RENAMED.get(Path(name).stem) or (found and f"{found.parent.name}/{name}")


def environment(folder: str | Path) -> dict[str, str]:
    """The environment in which every Python subprocess starts with the overlay.

    `sitecustomize` is the module that Python imports by itself when it starts (see
    the documentation of `site`); ours does nothing but install the overlay.
    """
    paths = [str(_SITE), os.environ.get("PYTHONPATH", "")]
    return {
        **os.environ,
        VARIABLE: str(Path(folder).resolve()),
        "PYTHONPATH": os.pathsep.join(path for path in paths if path),
    }


def explain(error: BaseException, folder: Path) -> str:
    """One sentence: the file of `folder` and the line where it failed, and why."""
    kind, what = type(error).__name__, str(error)
    if isinstance(error, SyntaxError) and error.filename:
        file, line, what = Path(error.filename), error.lineno, error.msg
    else:
        file, line = last_line_in(folder, error)
    where = f"{folder.name}/"
    if file:
        where += f"{relative(file, folder)}, line {line}"
    return f"{where}: {kind}: {what}" if what else f"{where}: {kind}"


def relative(file: Path, folder: Path) -> Path:
    """`file` as seen from `folder`; its bare name if it is outside."""
    inside = folder.resolve() in file.resolve().parents
    return file.resolve().relative_to(folder.resolve()) if inside else Path(file.name)


def last_line_in(
    folder: Path, error: BaseException
) -> tuple[Path, int | None] | tuple[None, None]:
    """File and line number of the innermost frame of `error` inside `folder`."""
    for frame in reversed(traceback.extract_tb(error.__traceback__)):
        file = Path(frame.filename)
        if folder.resolve() in file.resolve().parents:
            return file, frame.lineno
    return None, None
