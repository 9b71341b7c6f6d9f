"""News for those who wait: topics, long polling, and server-sent events.

    news = Topic()

    @app.post("/news")
    async def publish(request):
        return {"number": news.publish(await request.json())}

    @app.get("/news")                      # long polling: GET /news?after=7
    async def poll(request):
        return await news.after(last_number(request) or 0, seconds=25)

    @app.get("/stream")                    # server-sent events
    async def stream(request):
        async def events():
            async for number, message in news.follow(last_number(request)):
                yield ServerSentEvent(json.dumps(message), id=number)
        return EventStream(events())

In long polling a client asks, and the answer waits until there is one. With
server-sent events it waits once, and gets all that comes (HTML Standard, section 9.2).
A client that goes away needs no care: the server cancels what waits for it.
"""

import logging
import re
from collections import deque
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from itertools import takewhile
from typing import Any

from dustdevil.coroutine import CancelledError, Future, Task, current_scheduler
from dustdevil.sync import timeout
from dustdevil.web.messages import HTTPError, Request, Response

log = logging.getLogger("dustdevil")

Observer = Callable[[int, Any], Any]
Numbered = tuple[int, Any]


class Topic:
    """Messages under one heading, numbered from 1, and those who want to know.

    `observers` is a set of callables of a number and a message: any function, and as
    well a bound method, which is equal to itself each time it is looked up and so can
    be taken out of the set again. Each is called at once for each message.

    The last `keep` messages are kept, at least one, for those who ask a little late.
    No more than `max_waiting` may wait at once.
    """

    def __init__(self, keep: int = 100, max_waiting: int = 20_000):
        self.observers: set[Observer] = set()
        self.number = 0  # of the latest message
        self.max_waiting = max_waiting
        self._kept: deque[Numbered] = deque(maxlen=max(1, keep))
        self._waiting: set[Future] = set()

    def __len__(self) -> int:
        """How many wait."""
        return len(self._waiting)

    def publish(self, message: Any, number: int | None = None) -> int:
        """Tell everybody; return the message's number.

        Where several processes share a topic, somebody else numbers the messages:
        then `number` must be higher than that of the one before.
        """
        self.number = self.number + 1 if number is None else number
        self._kept.append((self.number, message))
        for observer in list(self.observers):
            try:
                observer(self.number, message)
            except Exception:
                log.exception("%r failed; the others are told all the same", observer)
        self.wake()
        return self.number

    def wake(self) -> None:
        """Have all who wait go on, also where there is no message for them."""
        waiting, self._waiting = self._waiting, set()
        for future in waiting:
            if not future.done():
                future.set_result(None)

    def forget(self) -> None:
        """Begin again with number 1, and with no messages."""
        self.number = 0
        self._kept.clear()

    def since(self, number: int) -> list[Numbered]:
        """The messages after that of this number, of those that are kept.

        A number that is still to come is of another life, before a restart: that gets
        everything.
        """
        known = number if number <= self.number else 0
        # From the end: there may be a hundred, and mostly one is new.
        newer = takewhile(lambda kept: kept[0] > known, reversed(self._kept))
        return list(newer)[::-1]

    async def after(self, number: int, seconds: float | None = None) -> list[Numbered]:
        """The messages after this number: as soon as there are any, or [] after
        `seconds`, or when woken. HTTPError 503 if too many wait already."""
        if not self.since(number):
            # In line first: who enters a timeout gives all others a turn.
            coming = self._stand_in_line()
            try:
                with suppress(TimeoutError):
                    async with timeout(seconds):
                        await coming
            finally:
                # Also when the client went away, or waited long enough.
                self._waiting.discard(coming)
        return self.since(number)

    def _stand_in_line(self) -> Future:
        """A Future that `publish` and `wake` finish. HTTPError 503 if too many wait."""
        if len(self._waiting) >= self.max_waiting:
            raise HTTPError(503, "too many are waiting", [("Retry-After", "5")])
        future = Future()
        self._waiting.add(future)
        return future

    async def follow(self, number: int | None = None) -> AsyncIterator[Numbered]:
        """The messages after this number, one after the other; by default, all to come.

        Who is so slow that more come than are kept misses the oldest.
        """
        number = self.number if number is None else number
        while True:
            for numbered in await self.after(number):
                number = numbered[0]
                yield numbered


class ServerSentEvent:
    """One event of a stream.

    `event` is its type, "message" if not said. A client that lost the connection says
    the last `id` it had when it comes again, after `retry` milliseconds. Raises
    ValueError for a line break in `event` or `id`, and for NUL in an id, which would
    make it void.
    """

    def __init__(
        self,
        data: str,
        event: str | None = None,
        id: str | int | None = None,
        retry: int | None = None,
    ):
        fields = {"event": event, "id": id, "retry": retry}
        lines = []
        for name, value in fields.items():
            if value is None:
                continue
            if any(c in str(value) for c in "\r\n\0"):
                raise ValueError(f"{value!r} can't be the {name} of an event")
            lines.append(f"{name}: {value}")
        # Three ways to end a line are known, and no other: str.splitlines knows ten.
        text = data.replace("\r\n", "\n").replace("\r", "\n")
        lines += [f"data: {line}" for line in text.split("\n")]
        self.text = "\n".join(lines) + "\n\n"


class EventStream(Response):
    """A response that sends what `source`, an asynchronous iterator, gives: each a
    ServerSentEvent, or a str, the data of one.

    After `keep_alive` seconds of silence a comment goes out, which the client skips:
    something between might close a connection that is silent, and this way a client
    that vanished is noticed. When it is gone, the source is closed.
    """

    def __init__(
        self,
        source: AsyncIterator[ServerSentEvent | str],
        keep_alive: float | None = 15,
    ):
        super().__init__(
            EventFeed(source, keep_alive),
            headers=[
                ("Cache-Control", "no-store"),
                ("X-Accel-Buffering", "no"),  # nginx would collect before it passes on
            ],
            content_type="text/event-stream",
        )


class EventFeed:
    """The bytes of an event stream, as an asynchronous iterator."""

    def __init__(self, source: AsyncIterator[Any], keep_alive: float | None):
        self._source = source
        self._keep_alive = keep_alive
        # The next event, while it is waited for: it goes on when our patience ends.
        self._next: Task | None = None

    def __aiter__(self) -> "EventFeed":
        return self

    async def __anext__(self) -> bytes:
        if self._next is None:
            self._next = current_scheduler().spawn(self._take())
        try:
            async with timeout(self._keep_alive):
                event = await self._next
        except TimeoutError:
            if not self._next.done():
                return b":\n\n"
            event = self._next.result()
        self._next = None
        if event is None:
            raise StopAsyncIteration
        if isinstance(event, str):
            event = ServerSentEvent(event)
        return event.text.encode()

    async def _take(self) -> Any:
        return await anext(self._source, None)

    async def aclose(self) -> None:
        """End the source: it is cancelled where it waits."""
        if self._next is not None:
            self._next.cancel()
            with suppress(CancelledError):
                await self._next
        if hasattr(self._source, "aclose"):
            await self._source.aclose()


def last_number(request: Request) -> int | None:
    """The number of the last message that a client had; None if it says none.

    An event stream that is opened again says so in Last-Event-ID, and a poll as its
    argument `after`.
    """
    asked = request.query.get("after", "")
    text = request.headers.get("last-event-id", asked)
    return int(text) if re.fullmatch("[0-9]{1,18}", text) else None
