"""How tests read what a parser has to say."""

from dustdevil.http import Closed


def feed(parser, data):
    """Give it these bytes, and return all the events that can be read then."""
    if data:
        parser.receive(data)
    events = []
    while (event := parser.next_event()) is not None and type(event) is not Closed:
        events.append(event)
    return events


def feed_eof(parser):
    """Say that no more bytes come, and return the last events."""
    parser.receive(b"")
    return feed(parser, b"")
