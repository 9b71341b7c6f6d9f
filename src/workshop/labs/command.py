"""`workshop lab`: the labs in a terminal."""

import argparse
import contextlib
import difflib
import socket
import sys
import time

from rich.console import Console
from rich.syntax import Syntax
from rich.text import Text

from workshop import overlay
from workshop.labs import engine
from workshop.labs.checks import Bench
from workshop.labs.lab import (
    COMMAND,
    Lab,
    LabError,
    all_labs,
    find,
    my_stack,
)
from workshop.labs.progress import Progress
from workshop.labs.source import text_of
from workshop.labs.verdict import NOT_ATTEMPTED, Verdict

COLOURS = {"passed": "green", NOT_ATTEMPTED: "yellow"}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the subcommands."""
    commands = parser.add_subparsers(dest="lab_command", required=True, metavar="what")
    commands.add_parser("list", help="the labs, and what each rebuilds")
    commands.add_parser("progress", help="how far you are, lab by lab")
    helps = {
        "start": "make your copy of the lab's modules in mystack/",
        "check": "run the checks up to the first that fails",
        "watch": "check whenever you save; h gives a hint, q ends",
        "hint": "the next hint for the first check that fails",
        "diff": "your modules compared with ours",
        "solution": "our functions of one step",
        "serve": "the server of the lab's network check, to try by hand",
    }
    for name, text in helps.items():
        command = commands.add_parser(name, help=text)
        command.add_argument("lab", help="number or name of the lab")
        if name in ("check", "solution"):
            command.add_argument("--step", type=int, help="of this step only")
        if name == "check":
            command.add_argument("--all", action="store_true", help="every check")
            command.add_argument("--seed", type=int, help="the same inputs again")
        if name == "serve":
            command.add_argument(
                "--port", type=int, default=0, help="port to listen on"
            )
        if name == "start":
            command.add_argument(
                "--force", action="store_true", help="begin anew; yours is kept aside"
            )


def run(args: argparse.Namespace) -> int:
    """Run one subcommand; 0 if it went well, 1 if a check failed, 2 if it can't."""
    # In a file or a pipe, long lines stay whole for whoever reads them.
    console = Console(highlight=False, soft_wrap=not sys.stdout.isatty())
    try:
        if args.lab_command == "list":
            return _list(console)
        if args.lab_command == "progress":
            return _progress(console)
        lab = find(args.lab)
        return globals()[f"_{args.lab_command}"](console, lab, args)
    except (LabError, overlay.OverlayError) as error:
        console.print(str(error), markup=False)
        return 2


def _list(console: Console) -> int:
    for lab in all_labs():
        modules = ", ".join(str(overlay.path_of(name)) for name in lab.modules)
        console.print(f"{lab.number:>2}  {lab.title} ({modules})", markup=False)
        console.print(f"    labs/{lab.slug}/lab.ipynb", style="dim")
    console.print()
    return _progress(console)


def _progress(console: Console) -> int:
    progress = Progress()
    for lab in all_labs():
        console.print(progress.bar(lab), markup=False)
    return 0


def _start(console: Console, lab: Lab, args: argparse.Namespace) -> int:
    for sentence in engine.start(lab, force=args.force):
        console.print(sentence, markup=False)
    console.print(f"The guide is labs/{lab.slug}/lab.ipynb.", markup=False)
    console.print(f"Next: make lab LAB={lab.number}", style="bold")
    return 0


def _check(console: Console, lab: Lab, args: argparse.Namespace) -> int:
    began = time.perf_counter()
    verdicts = []
    for verdict in engine.run(lab, step=args.step, seed=args.seed, go_on=args.all):
        verdicts.append(verdict)
        show(console, lab, verdict)
    Progress().note(lab, verdicts)
    console.print(Progress().bar(lab), markup=False)
    console.print(f"{time.perf_counter() - began:.2f} s", style="dim")
    return 0 if all(verdict.passed for verdict in verdicts) else 1


def _watch(console: Console, lab: Lab, args: argparse.Namespace) -> int:
    from workshop.labs.watch import watch

    return watch(console, lab)


def _hint(console: Console, lab: Lab, args: argparse.Namespace) -> int:
    for verdict in engine.run(lab, go_on=False):
        if not verdict.passed:
            console.print(Text(verdict.headline(), style="bold"))
            show_hint(console, lab, verdict.check)
            return 0
    console.print("every check passes: nothing to hint at")
    return 0


def _diff(console: Console, lab: Lab, args: argparse.Namespace) -> int:
    for module in lab.modules:
        file = my_stack() / overlay.path_of(module)
        shown = engine.told(my_stack(), module)
        if not file.is_file():
            raise LabError(f"there is no {shown} yet")
        lines = difflib.unified_diff(
            file.read_text(encoding="utf-8").splitlines(),
            overlay.reference(module).read_text(encoding="utf-8").splitlines(),
            shown,
            f"src/dustdevil/{overlay.path_of(module)}",
            lineterm="",
        )
        _print_code(console, "\n".join(lines), "diff")
    return 0


def _solution(console: Console, lab: Lab, args: argparse.Namespace) -> int:
    for function in lab.functions:
        if args.step in (None, function.step):
            source = overlay.reference(function.module).read_text(encoding="utf-8")
            console.print(f"# step {function.step}: {function.module}.{function.name}")
            _print_code(console, text_of(source, function.name) + "\n", "python")
    return 0


def _serve(console: Console, lab: Lab, args: argparse.Namespace) -> int:
    if not hasattr(lab.script, "serve"):
        raise LabError(f"lab {lab.number} has no server of its own")
    overlay.install(my_stack(), only=lab.modules)
    with socket.create_server(("127.0.0.1", args.port)) as listener:
        console.print(
            f"listening on 127.0.0.1:{listener.getsockname()[1]}, Ctrl-C ends"
        )
        with contextlib.suppress(KeyboardInterrupt):
            lab.script.serve(Bench(0), listener)
    return 0


def _print_code(console: Console, code: str, language: str) -> None:
    if console.is_terminal:
        console.print(Syntax(code, language, background_color="default"))
    else:
        sys.stdout.write(code + "\n")


def show(console: Console, lab: Lab, verdict: Verdict) -> None:
    """Print a verdict; one that failed with where to read and how to go on."""
    style = COLOURS.get(verdict.status, "red")
    console.print(Text(verdict.headline(), style=style))
    if verdict.passed:
        return
    for line in verdict.details():
        console.print(Text(f"    {line}"))
    check = next(check for check in lab.checks if check.name == verdict.check)
    console.print(
        Text(f"    read: book/{lab.chapter}.ipynb, “{check.read}”", style="dim")
    )
    if verdict.status != NOT_ATTEMPTED:
        again = f"{COMMAND} check {lab.number} --step {verdict.step}"
        console.print(
            Text(f"    the same again: {again} --seed {verdict.seed}", style="dim")
        )


def show_hint(console: Console, lab: Lab, name: str) -> None:
    """Print the next hint for a check."""
    number, total, text = Progress().next_hint(lab, name)
    console.print(Text(f"hint {number} of {total}: {text}", style="cyan"))
