"""What a check found, and how it is told."""

from dataclasses import asdict, dataclass, field
from typing import Any

PASSED = "passed"
NOT_ATTEMPTED = "not attempted"
WRONG = "wrong"
ERROR = "error"
HANG = "hang"
CRASH = "crash"

MARKS = {PASSED: "✓", NOT_ATTEMPTED: "○"}


@dataclass
class Verdict:
    """The outcome of one check.

    `message` says what was expected and what happened; `where` is the learner's
    line, as "mystack/routing.py, line 12, in match: return None"; `wire` holds what
    a client sent and received; `printed` is what the learner's code printed.
    """

    check: str
    title: str
    step: int
    status: str
    message: str = ""
    where: str = ""
    printed: str = ""
    wire: list[str] = field(default_factory=list)
    seed: int = 0
    loaded: bool = True  # false: importing the learner's module failed

    @property
    def passed(self) -> bool:
        return self.status == PASSED

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)

    def headline(self) -> str:
        """One line: the mark, the step, the title and, unless passed, the status."""
        mark = MARKS.get(self.status, "✗")
        line = f"{mark} step {self.step}  {self.title}"
        return line if self.passed else f"{line}: {self.status}"

    def details(self) -> list[str]:
        """The lines below the headline."""
        lines = self.message.splitlines()
        if self.where:
            lines.append(f"at {self.where}")
        lines += self.wire
        if self.printed:
            lines += ["your code printed:", *_indented(self.printed.splitlines())]
        return lines

    def __str__(self) -> str:
        return "\n".join([self.headline(), *_indented(self.details())])


def _indented(lines: list[str]) -> list[str]:
    return [f"    {line}" for line in lines]
