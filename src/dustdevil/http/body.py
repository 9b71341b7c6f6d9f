"""The bodies of a message, as an application has them.

A request's comes from its connection, piece by piece, when it is asked for. That of a
response is bytes, or an iterator that is closed in the end, however far it was read.
"""

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

from dustdevil.http.errors import ProtocolError
from dustdevil.http.headers import Headers
from dustdevil.http.parser import Data, End, HTTPEvent

NextEvent = Callable[[], Awaitable[HTTPEvent]]


class Body:
    """A request's body: read it whole, or piece by piece with `async for`."""

    __slots__ = ("_next_event", "length", "trailers")

    def __init__(self, next_event: NextEvent | None, length: int | None):
        """`next_event()` gives `Data`, then an `End` or a ProtocolError."""
        self._next_event = next_event  # None once nothing is to come any more
        self.length = length
        self.trailers = Headers()

    async def read(self) -> bytes:
        """All that is still to come. Raises what reading piece by piece would."""
        return b"".join([piece async for piece in self])

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self

    async def __anext__(self) -> bytes:
        """The next piece. Raises ProtocolError for a body that is malformed, too
        large, too slow or cut off, and the application need not catch it."""
        if self._next_event is None:
            raise StopAsyncIteration
        event = await self._next_event()
        if isinstance(event, Data):
            return event.data
        self._next_event = None
        if isinstance(event, ProtocolError):
            raise event
        if isinstance(event, End):
            self.trailers = event.trailers
        raise StopAsyncIteration

    @property
    def over(self) -> bool:
        """Whether it was read to its end, or can't be read any more."""
        return self._next_event is None

    def close(self) -> None:
        """Let go of the connection: the request is answered."""
        self._next_event = None


NO_BODY = Body(None, 0)


class Page:
    """The server's own response, where the application has none."""

    length = upgrade = reason = None

    def __init__(self, status: int, text: str):
        self.status = status
        self.headers = Headers({"Content-Type": "text/plain; charset=utf-8"})
        self.body = f"{status} {text}\n".encode()


async def close(body: Any) -> None:
    """Close an iterator that need not have come to its end."""
    if hasattr(body, "aclose"):
        await body.aclose()
