"""The terminal's model in the front end: JavaScript, tested where it needs no page."""

from workshop import book, npm


def test_the_terminals_model():
    """The tests of `frontend/test`; npm prints what they say when one fails."""
    npm.run("test", book.ROOT / "frontend")
