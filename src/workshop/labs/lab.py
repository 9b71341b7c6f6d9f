"""What a lab consists of, read from its folder `labs/NN-slug/`."""

import importlib.util
import os
import tomllib
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from types import ModuleType

from workshop import checkout, overlay
from workshop.checkout import ROOT
from workshop.labs.checks import Check, collect

LABS = ROOT / "labs"
# Where the learner's modules are, if not in mystack/: the test of the guides runs
# them in an empty folder, so that they do not depend on what the learner has done.
VARIABLE = "DUSTDEVIL_MYSTACK"
# What a message tells the learner to type: `make` puts the command there, and nobody
# need have activated the environment.
COMMAND = ".venv/bin/workshop lab"


class LabError(Exception):
    """Something the learner can put right; its text says how."""


def my_stack() -> Path:
    """The folder that holds the learner's modules."""
    return Path(os.environ.get(VARIABLE) or ROOT / "mystack")


@dataclass(frozen=True)
class Function:
    """A function the learner writes: `loop.poller`, `EpollPoller.poll`, in step 2."""

    module: str
    name: str
    step: int


@dataclass(frozen=True)
class Step:
    """One step of a lab: what it is about, and which functions it asks for."""

    number: int
    title: str
    functions: tuple[Function, ...]


@dataclass(frozen=True)
class Lab:
    """One lab; `folder` is its place below `labs/`."""

    folder: Path
    title: str
    chapter: str
    steps: tuple[Step, ...]

    @property
    def slug(self) -> str:
        return self.folder.name

    @property
    def number(self) -> int:
        return int(self.slug.partition("-")[0])

    @property
    def functions(self) -> list[Function]:
        return [function for step in self.steps for function in step.functions]

    @property
    def modules(self) -> list[str]:
        """The modules the learner rebuilds, in the order the steps need them."""
        return list(dict.fromkeys(function.module for function in self.functions))

    @property
    def checks(self) -> list[Check]:
        """The checks of `checks.py`, in the order they are written."""
        return collect(self.script)

    @cached_property
    def script(self) -> ModuleType:
        """The module `checks.py`."""
        file = self.folder / "checks.py"
        spec = importlib.util.spec_from_file_location(
            f"workshop_lab_{self.number}", file
        )
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        return module


def load(folder: Path) -> Lab:
    """Read `lab.toml` of one folder."""
    data = tomllib.loads((folder / "lab.toml").read_text(encoding="utf-8"))
    steps = tuple(
        Step(number, step["title"], _functions(step.get("functions", []), number))
        for number, step in enumerate(data["steps"], start=1)
    )
    return Lab(folder, data["title"], data["chapter"], steps)


def _functions(names: list[str], step: int) -> tuple[Function, ...]:
    return tuple(Function(*_split(name), step) for name in names)


def _split(name: str) -> tuple[str, str]:
    """Module and function: the module is the first part that names a file."""
    parts = name.split(".")
    for count in range(1, len(parts)):
        module = ".".join(parts[:count])
        if overlay.reference(module).is_file():
            return module, ".".join(parts[count:])
    raise LookupError(f"no module of dustdevil has {name!r}")


def all_labs() -> list[Lab]:
    """Every lab there is, by number. Raises NoCheckout."""
    checkout.need()
    return [load(file.parent) for file in sorted(LABS.glob("*/lab.toml"))]


def find(which: str | int) -> Lab:
    """The lab of a number ("1", 1) or a name ("01-decorators", "decorators")."""
    labs = all_labs()
    for lab in labs:
        if str(which) in (lab.slug, str(lab.number), lab.slug.partition("-")[2]):
            return lab
    known = ", ".join(f"{lab.number} ({lab.slug})" for lab in labs)
    raise LabError(f"there is no lab {which!r}; there are {known}")
