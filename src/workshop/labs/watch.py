"""`workshop lab watch`: a verdict for every save."""

import contextlib
import os
import select
import sys
import termios
import time
import tty
from collections.abc import Iterator, Sequence

from rich.console import Console
from rich.text import Text
from watchfiles import PythonFilter
from watchfiles import watch as changes

from workshop.labs import engine
from workshop.labs.command import show, show_hint
from workshop.labs.lab import Lab, LabError, my_stack
from workshop.labs.progress import Progress
from workshop.labs.verdict import Verdict

POLL = 100  # milliseconds between two looks at the keyboard
SETTLE = 30  # milliseconds without a change: the editor has finished writing


def watch(console: Console, lab: Lab) -> int:
    """Check now and after every save, until q or Ctrl-C; begin the lab if need be."""
    begun = engine.start(lab) if engine.not_started(lab) else []
    keys = console.is_terminal and sys.stdin.isatty()
    saves = changes(
        my_stack(),
        watch_filter=PythonFilter(),
        debounce=SETTLE,
        step=SETTLE // 3,
        rust_timeout=POLL,
        yield_on_timeout=True,
        # Else watchfiles ends by itself, and says so in a line of its own.
        raise_interrupt=True,
    )
    failed: Verdict | LabError | None = LabError("nothing is checked yet")
    interrupted = contextlib.suppress(KeyboardInterrupt)
    with interrupted, _single_keys() if keys else contextlib.nullcontext():
        next(saves)  # from now on no save is missed
        failed = _check(console, lab, begun)
        for saved in saves:
            if saved:
                failed = _check(console, lab)
            key = _key() if keys else ""
            if key == "h" and isinstance(failed, Verdict):
                show_hint(console, lab, failed.check)
            elif key == "r":
                failed = _check(console, lab)
            elif key == "q":
                break
    return 1 if failed else 0


def _check(
    console: Console, lab: Lab, first_say: Sequence[str] = ()
) -> Verdict | LabError | None:
    """Run up to the first failure; show it, and the progress below."""
    began = time.perf_counter()
    try:
        verdicts = list(engine.run(lab, go_on=False))
    except LabError as error:
        # Some editors take the file away for a moment while they save it.
        if console.is_terminal:
            console.clear()
        console.print(Text(str(error)))
        return error
    seconds = time.perf_counter() - began
    progress = Progress()
    progress.note(lab, verdicts)
    if console.is_terminal:
        console.clear()
    for sentence in first_say:
        console.print(Text(sentence))
    passed = sum(verdict.passed for verdict in verdicts)
    if passed:
        checks = "check passes" if passed == 1 else "checks pass"
        console.print(Text(f"✓ {passed} {checks}", style="green"))
    failed = next((verdict for verdict in verdicts if not verdict.passed), None)
    if failed:
        show(console, lab, failed)
    else:
        console.print(
            Text(f"Lab {lab.number} is done: every check passes.", style="bold green")
        )
        console.print(Text("Now serve the book on it: make serve STACK=mystack"))
    console.print()
    console.print(Text(progress.bar(lab)))
    keys = "h hint · r run again · q quit" if console.is_terminal else ""
    console.print(Text(f"{seconds:.2f} s  {keys}", style="dim"))
    return failed


@contextlib.contextmanager
def _single_keys() -> Iterator[None]:
    """Let the terminal hand over each key at once, without waiting for Return."""
    before = termios.tcgetattr(sys.stdin)
    tty.setcbreak(sys.stdin)
    try:
        yield
    finally:
        termios.tcsetattr(sys.stdin, termios.TCSADRAIN, before)


def _key() -> str:
    ready, _, _ = select.select([sys.stdin], [], [], 0)
    return os.read(sys.stdin.fileno(), 1).decode("ascii", "ignore") if ready else ""
