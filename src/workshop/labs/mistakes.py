"""Typical mistakes, and other right answers, planted in a copy of the reference.

`labs/NN-slug/mistakes/NAME.py` is named after a misunderstanding. It holds only the
functions that are different, and two constants: CAUGHT_BY, the check that must fail,
and MESSAGE, what the learner must be told. `others/NAME.py` has functions only.
"""

import ast
from dataclasses import dataclass
from pathlib import Path

from workshop import overlay
from workshop.labs.lab import Lab
from workshop.labs.source import functions, plant
from workshop.labs.verdict import Verdict

SEED = 1  # messages quote inputs, which this seed makes


@dataclass(frozen=True)
class Mistake:
    """One file of `mistakes/`."""

    file: Path
    caught_by: str
    message: str


def mistakes(lab: Lab) -> list[Mistake]:
    """The typical mistakes of a lab."""
    found = []
    for file in sorted((lab.folder / "mistakes").glob("*.py")):
        constants = _constants(file.read_text(encoding="utf-8"))
        found.append(Mistake(file, constants["CAUGHT_BY"], constants["MESSAGE"]))
    return found


def told(verdict: Verdict) -> str:
    """What MESSAGE is compared with: no line numbers, which change with the source."""
    where = verdict.where.partition(", in ")[2]
    lines = [f"{verdict.status}: {verdict.message}", f"at {where}" if where else ""]
    return "\n".join(line for line in lines if line)


def others(lab: Lab) -> list[Path]:
    """The other right answers of a lab."""
    return sorted((lab.folder / "others").glob("*.py"))


def _constants(source: str) -> dict[str, str]:
    return {
        node.targets[0].id: ast.literal_eval(node.value)
        for node in ast.parse(source).body
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name)
    }


def write(lab: Lab, folder: Path, patch: str = "") -> None:
    """Write the lab's reference modules into `folder`, with `patch` planted.

    A function goes to the module that has one of its name, or its class; what no
    module has goes to the first.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for module in lab.modules:
        source = overlay.reference(module).read_text(encoding="utf-8")
        if patch and _belongs(source, patch):
            source = plant(source, patch)
        file = folder / overlay.path_of(module)
        file.parent.mkdir(exist_ok=True)
        file.write_text(source, encoding="utf-8")


def _belongs(source: str, patch: str) -> bool:
    here = functions(ast.parse(source)).keys()
    return bool(here & functions(ast.parse(patch)).keys())
