"""Where things are in the repository."""

from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def file_of_tests(module):
    """The tests of a module of the stack: tests/loop/test_poller.py of loop.poller."""
    package, _, name = module.partition(".")
    return f"tests/{package}/test_{name or package}.py"
