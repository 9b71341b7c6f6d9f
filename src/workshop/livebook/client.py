"""One page of the book in one browser, as its kernel sees it.

A client outlives its WebSocket: when a connection breaks and comes back under the
same session id, the page gets what it missed. Two limits keep a flood of output from
filling the memory:

- a connected page that reads slowly: when more than HIGH bytes wait for it, the
  kernel's channel is read no further until fewer than LOW do. Nothing is lost; the
  kernel is held up. A page that takes nothing at all for STALL seconds is
  disconnected, since other pages may be waiting for the same kernel;
- a page that is away: the newest AWAY bytes are kept for GRACE seconds. If more was
  published, the page is told so when it returns, and how many messages are missing.
"""

from collections import deque
from collections.abc import Callable

import zmq

from dustdevil.frames import GOING_AWAY, INVALID_DATA, NORMAL
from dustdevil.loop import Loop
from dustdevil.sync import Event
from dustdevil.websocket import ConnectionClosed, WebSocket
from workshop.livebook.wire import Parts, WireError, encode, pack

HIGH, LOW = 4 << 20, 1 << 20
AWAY, GRACE = 4 << 20, 60.0
STALL = 60.0
TRY_AGAIN_LATER = 1013  # a close code of the registry that RFC 6455 set up


class Client:
    """A page's mailbox, and its WebSocket while it has one.

    `on_room()` is called when messages have left the mailbox.
    """

    def __init__(self, loop: Loop, on_room: Callable[[], None]) -> None:
        self.loop = loop
        self.on_room = on_room
        self.socket: WebSocket | None = None
        self.visits = 0
        self.waiting = 0  # bytes
        self._mail: deque[tuple[str, Parts]] = deque()
        self._arrived = Event()
        self._goodbye: str | None = None
        self._sending_since: float | None = None
        self._dropped = 0
        self._dropped_parent = b"{}"

    @property
    def protocol(self) -> str | None:
        """How the page spells its messages."""
        return self.socket.subprotocol if self.socket else None

    @property
    def full(self) -> bool:
        """Whether so much waits for this page that its kernel has to wait too."""
        return self.socket is not None and self.waiting > HIGH

    @property
    def roomy(self) -> bool:
        """Whether the kernel may go on."""
        return self.socket is None or self.waiting < LOW

    def deliver(self, channel: str, parts: Parts) -> None:
        """Put a message into the mailbox."""
        self._mail.append((channel, parts))
        self.waiting += size(parts)
        if self.socket is None:
            self._drop_oldest()
        self._arrived.set()

    def hang_up(self, reason: str) -> None:
        """Close the connection once the mailbox is empty."""
        self._goodbye = reason
        self._arrived.set()

    async def serve(
        self, socket: WebSocket, receive: Callable[[str | bytes], None]
    ) -> None:
        """Carry messages both ways until the WebSocket ends."""
        if self.socket is not None:
            # The page is back before we noticed that it was gone.
            self.socket.leave(GOING_AWAY, "connected again")
        self.socket = socket
        self.visits += 1
        writer = self.loop.spawn(self._write(socket))
        try:
            async for message in socket:
                receive(message)
        except WireError as error:
            await socket.close(INVALID_DATA, str(error))
        except zmq.Again:
            await socket.close(TRY_AGAIN_LATER, "the kernel takes no more requests")
        finally:
            writer.cancel()
            if self.socket is socket:
                self.socket = self._sending_since = None
                self._drop_oldest()

    async def _write(self, socket: WebSocket) -> None:
        self._report_dropped()
        try:
            while self.socket is socket:
                if self._mail:
                    await self._write_one(socket, *self._mail[0])
                elif self._goodbye is not None:
                    return socket.leave(NORMAL, self._goodbye)
                else:
                    self._arrived.clear()
                    await self._arrived.wait()
        except ConnectionClosed:
            return  # the reading side hears of it too

    async def _write_one(self, socket: WebSocket, channel: str, parts: Parts) -> None:
        self._sending_since = self.loop.time()
        await socket.send(encode(channel, parts, socket.subprotocol))
        if self.socket is socket:
            self._sending_since = None
            self._mail.popleft()
            self.waiting -= size(parts)
            self.on_room()

    def drop_if_stalled(self) -> None:
        """Disconnect if the page has taken nothing for too long."""
        since = self._sending_since
        if self.socket and since is not None and self.loop.time() - since > STALL:
            self.socket.leave(TRY_AGAIN_LATER, "this page reads too slowly")

    def _drop_oldest(self) -> None:
        while self.waiting > AWAY:
            _, parts = self._mail.popleft()
            self.waiting -= size(parts)
            self._dropped += 1
            self._dropped_parent = parts[1]

    def _report_dropped(self) -> None:
        if self._dropped:
            text = f"[{self._dropped} messages were lost while this page was away]\n"
            content = pack({"name": "stderr", "text": text})
            header = pack({"msg_id": "dropped", "msg_type": "stream", "version": "5.3"})
            parts = [header, self._dropped_parent, b"{}", content]
            self._mail.appendleft(("iopub", parts))
            self.waiting += size(parts)
            self._dropped = 0


def size(parts: Parts) -> int:
    """Bytes in a message."""
    return sum(map(len, parts))
