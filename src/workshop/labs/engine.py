"""Start a lab, and run its checks: the one engine of notebook, terminal and tests."""

import json
import os
import random
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from workshop import overlay
from workshop.labs.lab import COMMAND, ROOT, Lab, LabError, my_stack
from workshop.labs.source import empty
from workshop.labs.verdict import Verdict


def starter(lab: Lab) -> dict[str, str]:
    """The modules of a lab as the learner gets them: name and text."""
    texts = {}
    for module in lab.modules:
        steps = {f.name: f.step for f in lab.functions if f.module == module}
        source = overlay.reference(module).read_text(encoding="utf-8")
        texts[module] = empty(source, steps)
    return texts


def start(lab: Lab, folder: Path | None = None, force: bool = False) -> list[str]:
    """Write the starter into the folder; return what was done, a sentence a file.

    A file that is there stays, unless `force` says otherwise; then it is kept beside
    the new one, under a name that no import finds.
    """
    folder = folder or my_stack()
    folder.mkdir(parents=True, exist_ok=True)
    _check_places(folder)
    done = []
    for module, text in starter(lab).items():
        file = folder / overlay.path_of(module)
        file.parent.mkdir(exist_ok=True)
        shown = told(folder, module)
        count = sum(function.module == module for function in lab.functions)
        if file.exists() and not force:
            done.append(f"{shown} is there already, and stays as it is.")
            continue
        if file.exists():
            kept = _backup(file)
            done.append(f"Your {shown} is kept as {kept.relative_to(folder.parent)}.")
        file.write_text(text, encoding="utf-8")
        done.append(f"{shown} is ready: {count} functions in it are yours to write.")
    return done


def not_started(lab: Lab, folder: Path | None = None) -> list[str]:
    """The modules of the lab that the folder does not have."""
    folder = folder or my_stack()
    return [
        name for name in lab.modules if not (folder / overlay.path_of(name)).is_file()
    ]


def told(folder: Path, module: str) -> str:
    """A learner's module as messages name it: `mystack/loop/poller.py`."""
    return f"{folder.name}/{overlay.path_of(module)}"


def _check_places(folder: Path) -> None:
    """Raise LabError where a module stands that has another place by now."""
    try:
        overlay.check_places(folder)
    except overlay.OverlayError as error:
        raise LabError(str(error)) from error


def _backup(file: Path) -> Path:
    number = 1
    while (kept := file.with_name(f"{file.name}.{number}.bak")).exists():
        number += 1
    shutil.move(file, kept)
    return kept


def run(
    lab: Lab,
    folder: Path | None = None,
    *,
    step: int | None = None,
    names: list[str] | None = None,
    seed: int | None = None,
    go_on: bool = True,
    limit: float | None = None,
) -> Iterator[Verdict]:
    """Run checks in a process of their own; yield each verdict as it comes.

    All of the lab's, or those of one step, or those called `names`. With `go_on`
    false, the first one that fails is the last. `limit` shortens every check's time
    limit, in seconds.
    """
    folder = folder or my_stack()
    _check_places(folder)
    for module in not_started(lab, folder):
        raise LabError(
            f"there is no {told(folder, module)} yet: "
            f"{COMMAND} start {lab.number} makes it"
        )
    wanted = [
        check.name
        for check in lab.checks
        if step in (None, check.step) and (names is None or check.name in names)
    ]
    if not wanted:
        raise LabError(f"lab {lab.number} has no such step or check")
    job = {
        "lab": str(lab.folder),
        "folder": str(folder.resolve()),
        "checks": wanted,
        "seed": random.randrange(1000) if seed is None else seed,
        "go_on": go_on,
        "limit": limit,
    }
    return _verdicts(job)


def _verdicts(job: dict) -> Iterator[Verdict]:
    with subprocess.Popen(
        [sys.executable, "-m", "workshop.labs.child"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": str(ROOT / "src")},
        cwd=ROOT,
        text=True,
    ) as host:
        assert host.stdin is not None
        assert host.stdout is not None
        host.stdin.write(json.dumps(job))
        host.stdin.close()
        try:
            for line in host.stdout:
                yield Verdict(**json.loads(line))
        except BaseException:  # nobody listens any more, or Ctrl-C
            host.terminate()
            raise
    if host.returncode:
        raise LabError("the process that runs the checks ended early; see above")
