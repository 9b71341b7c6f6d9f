"""How tests read what a parser has to say."""

from dustdevil.http import Closed, Head, Limits, Parser, Role

# Small, so that tests reach them.
LIMITS = Limits(line=200, fields=6, field_bytes=300, body=1000, chunk_line=60,
                extension_bytes=90)  # fmt: skip


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


def only_head(stream, limits=LIMITS):
    [head] = feed(Parser(Role.SERVER, limits), stream)
    assert isinstance(head, Head), head
    return head
