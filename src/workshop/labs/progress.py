"""What the learner has reached, kept beside the modules as `progress.json`."""

import json
from collections.abc import Iterable
from pathlib import Path

from workshop.labs.lab import Lab, my_stack
from workshop.labs.verdict import Verdict


class Progress:
    """Which checks passed when last run, and how many hints were asked for."""

    def __init__(self, folder: Path | None = None) -> None:
        self.file = (folder or my_stack()) / "progress.json"
        try:
            self._labs = json.loads(self.file.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            self._labs = {}

    def _of(self, lab: Lab) -> dict:
        return self._labs.setdefault(lab.slug, {"passed": [], "hints": {}})

    def passed(self, lab: Lab) -> list[str]:
        """Names of the checks that passed, in the order of the lab."""
        names = self._of(lab)["passed"]
        return [check.name for check in lab.checks if check.name in names]

    def note(self, lab: Lab, verdicts: Iterable[Verdict]) -> None:
        """Remember verdicts. One that failed is taken off the list again."""
        names = set(self._of(lab)["passed"])
        for verdict in verdicts:
            if verdict.passed:
                names.add(verdict.check)
            else:
                names.discard(verdict.check)
        self._of(lab)["passed"] = sorted(names)
        self._save()

    def next_hint(self, lab: Lab, name: str) -> tuple[int, int, str]:
        """Number, total and text of the next hint; the last one comes again."""
        check = next(check for check in lab.checks if check.name == name)
        hints = self._of(lab)["hints"]
        hints[name] = min(hints.get(name, 0) + 1, len(check.hints))
        self._save()
        return hints[name], len(check.hints), check.hints[hints[name] - 1]

    def bar(self, lab: Lab, width: int = 24) -> str:
        """One line: "lab 1  ██████░░░░  5 of 12 checks  Routes and middleware …"."""
        done, total = len(self.passed(lab)), len(lab.checks)
        full = width * done // total
        drawn = "█" * full + "░" * (width - full)
        return f"lab {lab.number:<2} {drawn}  {done} of {total} checks  {lab.title}"

    def _save(self) -> None:
        if self.file.parent.is_dir():
            text = json.dumps(self._labs, indent=1, sort_keys=True)
            self.file.write_text(text + "\n", encoding="utf-8")
