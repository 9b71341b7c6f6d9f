"""Where the book is: the clone of the repository that this package runs in.

A wheel holds the book's tools, and of the book the table of pieces. The chapters, the
labs and the front end are files of the repository: what reads them asks `need()`
first, so that an installed package says what is missing in one sentence.
"""

from pathlib import Path

PACKAGE = Path(__file__).resolve().parent
ROOT = PACKAGE.parents[1]


class NoCheckout(Exception):
    """The book is not here; the message is one sentence that says how to get it."""


def need() -> None:
    """Raise NoCheckout unless this package runs in a clone of the repository."""
    if not (ROOT / "book" / "_toc.yml").is_file():
        raise NoCheckout(
            "the book is not part of the installed package: clone its repository, "
            "type `pip install -r requirements.txt -e .` there, and try again"
        )
