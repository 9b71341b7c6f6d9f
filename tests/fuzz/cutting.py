"""What the targets share: bytes are cut anywhere, and that must make no difference."""

from itertools import pairwise

from dustdevil.http import Data, End
from dustdevil.http.parser import Reading
from support.reading import feed


def pieces(stream, cuts):
    """The stream, cut at these places."""
    return (stream[start:end] for start, end in pairwise([0, *cuts, len(stream)]))


def the_same_however_cut(read, stream, cuts):
    """What `read(stream, places)` says of the whole stream; it must say the same where
    the stream is cut. Each of `cuts`, a byte, is a part of its length."""
    whole = read(stream, [])
    assert read(stream, sorted(cut * len(stream) // 256 for cut in cuts)) == whole
    if len(stream) < 250:  # the rest of the time is better spent on other inputs
        assert read(stream, range(1, len(stream))) == whole
    return whole


def fed(parser, stream, cuts):
    """The events of an HTTP parser; what it keeps stays within its limits."""
    limits = parser.limits
    # A head is kept until all of it is there, with the ends of its lines.
    head = limits.line + limits.field_bytes + 2 * (limits.fields + 3)
    most = max(head, limits.chunk_line + 2)
    for piece in pieces(stream, cuts):
        yield from feed(parser, piece)
        switched = parser.state is Reading.SWITCHED
        assert switched or parser.unread <= most, parser.unread


def note_body(found, event, most):
    """Note a piece of a body, and add it to the one before; or its end. Says whether
    the event was one of those."""
    if isinstance(event, Data):
        assert event.data
        last = found.pop() if isinstance(found[-1], bytes) else b""
        found.append(last + event.data)
        assert len(found[-1]) <= most
    elif isinstance(event, End):
        found.append(["end", *event.trailers.items()])
    return isinstance(event, Data | End)
