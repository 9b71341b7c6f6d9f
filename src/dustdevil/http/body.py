"""The bodies of a message, as an application has them.

A request's comes from its connection, piece by piece, when it is asked for. That of a
response is bytes, or an iterator that is closed in the end, however far it was read.
"""

from collections.abc import AsyncIterator
from typing import Any, Protocol

from dustdevil.http.head import NO_HEADERS, ProtocolError
from dustdevil.http.parser import Data, End


class Source(Protocol):
    """Where a body comes from."""

    async def next_of_body(self) -> Data | End | ProtocolError:
        """The next piece of the body, its end, or the error in it."""


class Body:
    """A request's body: read it whole, or piece by piece with `async for`."""

    __slots__ = ("_source", "length", "trailers")

    def __init__(self, source: Source | None, length: int | None):
        self._source = source  # None once nothing is to come any more
        self.length = length
        self.trailers = NO_HEADERS

    async def read(self) -> bytes:
        """All that is still to come. Raises what reading piece by piece would."""
        return b"".join([piece async for piece in self])

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self

    async def __anext__(self) -> bytes:
        """The next piece. Raises ProtocolError for a body that is malformed, too
        large, too slow or cut off, and the application need not catch it."""
        if self._source is None:
            raise StopAsyncIteration
        event = await self._source.next_of_body()
        if isinstance(event, Data):
            return event.data
        self._source = None
        if isinstance(event, ProtocolError):
            raise event
        self.trailers = event.trailers
        raise StopAsyncIteration

    @property
    def over(self) -> bool:
        """Whether it was read to its end, or can't be read any more."""
        return self._source is None

    def close(self) -> None:
        """Let go of the connection: the request is answered."""
        self._source = None


NO_BODY = Body(None, 0)


class Page:
    """The server's own response, where the application has none."""

    def __init__(self, status: int, text: str):
        self.status = status
        self.headers = [("Content-Type", "text/plain; charset=utf-8")]
        self.body = f"{status} {text}\n".encode()
        self.length = self.upgrade = None


async def close(body: Any) -> None:
    """Close an iterator that need not have come to its end."""
    if hasattr(body, "aclose"):
        await body.aclose()
