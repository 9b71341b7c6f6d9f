"""The `workshop` command: one subcommand a tool, each in a module of its own."""

import argparse
import importlib
import sys

from workshop import checkout

# name -> (module, one line of help). A module offers add_arguments(parser) and
# run(args) -> exit code; it is imported only when its subcommand is used, so that
# `workshop lab check` does not pay for Sphinx or ZeroMQ.
COMMANDS = {
    "build": ("workshop.book", "build the HTML of the book"),
    "serve": ("workshop.livebook.command", "build if needed and serve the live book"),
    "run": ("workshop.runner", "execute notebooks in place, as they are stored"),
    "lines": ("workshop.lines", "how long the stack is, and what share the book shows"),
    "lab": ("workshop.labs.command", "the labs: start, watch, check, hint, progress"),
}

# These read the book; any notebook can be run.
NEED_THE_BOOK = COMMANDS.keys() - {"run"}


def main(argv: list[str] | None = None) -> int:
    """Run one subcommand; return its exit code."""
    parser = argparse.ArgumentParser(prog="workshop", description=__doc__)
    parser.add_argument(
        "command",
        choices=COMMANDS,
        help="; ".join(f"{name}: {text}" for name, (_, text) in COMMANDS.items()),
    )
    parser.add_argument("rest", nargs=argparse.REMAINDER, help=argparse.SUPPRESS)
    args = parser.parse_args(argv)
    module = importlib.import_module(COMMANDS[args.command][0])
    own = argparse.ArgumentParser(prog=f"workshop {args.command}")
    module.add_arguments(own)
    options = own.parse_args(args.rest)
    try:
        if args.command in NEED_THE_BOOK:
            checkout.need()
        return module.run(options)
    except checkout.NoCheckout as error:
        print(f"workshop {args.command}: {error}.", file=sys.stderr)
        return 2
