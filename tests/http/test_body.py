"""Bodies: read from where they come from, and let go of."""

import pytest

from dustdevil.coroutine import Scheduler
from dustdevil.http import NO_BODY, Body, Data, End, Headers, Page, ProtocolError, close


class Source:
    """Gives these events, one when it is asked."""

    def __init__(self, *events):
        self.events = list(events)

    async def __call__(self):
        return self.events.pop(0)


def run(coroutine):
    return Scheduler().run(coroutine)


def test_a_body_is_read_whole_or_in_pieces():
    end = End(Headers({"A": "b"}))
    body = Body(Source(Data(b"one"), Data(b"two"), Data(b"three"), end), 11)

    async def read():
        first = await anext(body)
        assert not body.over
        return first, await body.read(), await body.read()

    assert run(read()) == (b"one", b"twothree", b"")
    assert body.over
    assert body.length == 11
    assert body.trailers["a"] == "b"


def test_an_error_ends_a_body():
    body = Body(Source(Data(b"one"), ProtocolError(408, "too slow")), None)
    with pytest.raises(ProtocolError, match="too slow"):
        run(body.read())
    assert body.over
    assert run(body.read()) == b""


def test_a_body_let_go_of_asks_no_more():
    source = Source(Data(b"one"))
    body = Body(source, 3)
    body.close()
    assert run(body.read()) == b""
    assert len(source.events) == 1
    assert NO_BODY.over


def test_an_iterator_is_closed_wherever_it_stands():
    closed = []

    async def pieces():
        try:
            yield b"one"
            yield b"two"
        finally:
            closed.append(True)

    async def begin_and_close():
        body = pieces()
        await anext(body)
        await close(body)

    run(begin_and_close())
    assert closed == [True]
    run(close(b"bytes"))
    run(close(iter([])))


def test_a_page_is_a_response():
    page = Page(404, "it is not here")
    assert (page.status, page.body) == (404, b"404 it is not here\n")
    assert page.length is page.upgrade is None
