"""Put a learner's own modules in the place of the reference ones.

`install("mystack")` makes `import dustdevil.routing` load `mystack/routing.py` when
that file exists, and the reference otherwise. The tests, the checks of a lab and the
live book then run on the learner's code without knowing it.

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
_SITE = Path(__file__).resolve().parent / "overlay_site"


class OverlayError(ImportError):
    """A learner's module that could not be put in its place; says file and line."""


class _Loader(importlib.abc.SourceLoader):
    """Loads one file from its text, never from cached bytecode.

    The cache compares a file's size and its time in whole seconds, so that a quick
    second save of the same length would run the first one.
    """

    def __init__(self, file: Path):
        self.file = file

    def get_filename(self, fullname: str) -> str:
        return str(self.file)

    def get_data(self, path: str | bytes) -> bytes:  # type: ignore[override]
        return Path(os.fsdecode(path)).read_bytes()

    def get_code(self, fullname: str) -> CodeType:
        try:
            return compile(self.get_data(str(self.file)), str(self.file), "exec")
        except (SyntaxError, ValueError) as error:
            raise OverlayError(explain(error, self.file.parent)) from error

    def exec_module(self, module: ModuleType) -> None:
        try:
            super().exec_module(module)
        except OverlayError:
            raise
        except Exception as error:
            raise OverlayError(explain(error, self.file.parent)) from error


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
        file = self.folder / f"{name}.py"
        return importlib.util.spec_from_file_location(
            fullname, file, loader=_Loader(file)
        )


def install(folder: str | Path, only: Collection[str] | None = None) -> list[str]:
    """Load `dustdevil.X` from `folder/X.py` from now on; return the names replaced.

    `only` names the modules to take from the folder, if not all of them.

    Call it before anything imports the modules: two copies of one class in one
    process would not recognise each other's instances. Raises OverlayError when the
    folder is missing, or when a reference module is already loaded that the folder
    would replace.
    """
    place = Path(folder).resolve()
    if not place.is_dir():
        raise OverlayError(f"there is no folder {folder} to take modules from")
    replaced = [name for name in modules(place) if only is None or name in only]
    for name in replaced:
        loaded = sys.modules.get(f"{PACKAGE}.{name}")
        if loaded and Path(loaded.__file__ or "").resolve() != place / f"{name}.py":
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


def modules(folder: str | Path) -> list[str]:
    """Names of the reference modules that files of `folder` replace, sorted."""
    return sorted(
        file.stem
        for file in Path(folder).glob("*.py")
        if file.stem != "__init__" and (REFERENCE / file.name).is_file()
    )


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
    where = f"{folder.name}/{file.name}, line {line}" if file else f"{folder.name}/"
    return f"{where}: {kind}: {what}" if what else f"{where}: {kind}"


def last_line_in(
    folder: Path, error: BaseException
) -> tuple[Path, int | None] | tuple[None, None]:
    """File and line number of the innermost frame of `error` inside `folder`."""
    for frame in reversed(traceback.extract_tb(error.__traceback__)):
        file = Path(frame.filename)
        if folder.resolve() in file.resolve().parents:
            return file, frame.lineno
    return None, None
