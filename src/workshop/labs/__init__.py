"""The labs: a starter made from the reference, and checks that answer at once.

A guide, `labs/NN-slug/lab.ipynb`, uses two functions:

    from workshop.labs import check, start

    start("01-decorators")           # makes mystack/routing.py, once
    check("01-decorators", step=2)   # says how step 2 stands

The terminal has the same: `workshop lab start 1`, `check 1`, `watch 1`, `hint 1`.
"""

from workshop.labs import engine
from workshop.labs.lab import LabError, find, my_stack
from workshop.labs.progress import Progress

__all__ = ["check", "hint", "my_stack", "progress", "start"]


def start(which: str | int) -> None:
    """Make the learner's modules of a lab, if they are not there yet."""
    print(*engine.start(find(which)), sep="\n")


def check(which: str | int, step: int | None = None, seed: int | None = None) -> None:
    """Run the checks of one step, or all; print the first that fails.

    A check that passed is one line. The same `seed` makes the same inputs.
    """
    lab = find(which)
    failed = None
    verdicts = []
    try:
        for verdict in engine.run(lab, step=step, seed=seed, go_on=False):
            verdicts.append(verdict)
            failed = None if verdict.passed else verdict
            print(verdict)
    except LabError as error:
        print(error)
        return
    Progress().note(lab, verdicts)
    if failed and failed.status != "not attempted":
        print(
            f"The same again: check({lab.slug!r}, step={failed.step}, "
            f"seed={failed.seed})"
        )


def hint(which: str | int, step: int) -> None:
    """Print the next hint for the first check of a step that does not pass."""
    lab = find(which)
    for verdict in engine.run(lab, step=step, go_on=False):
        if not verdict.passed:
            number, total, text = Progress().next_hint(lab, verdict.check)
            print(f"{verdict.title}\nhint {number} of {total}: {text}")
            return
    print(f"step {step} passes: nothing to hint at")


def progress(which: str | int) -> None:
    """Print how far the learner is."""
    print(Progress().bar(find(which)))
