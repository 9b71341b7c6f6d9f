"""One page in one browser, as its kernel sees it: a mailbox, and a WebSocket.

The server never waits for a page. It reads what a kernel publishes as fast as it
comes and puts it into the mailboxes; what a page can't take in time is left out there.
So a slow page, a lost one or a hostile one holds up no kernel and no other page, and no
limit of a page can meet one of a kernel. A mailbox is bounded in one of two ways:

- `Client`, for any program that speaks Jupyter's protocol. It outlives its WebSocket
  for a while: what arrives meanwhile is delivered when it connects again under the same
  session id. When more than `MOST` bytes wait, the oldest outputs are dropped, and the
  client is told how many; replies and states are always delivered.
- `PageClient`, for the pages of this book. When it connects it is told every run with
  its output (see runs.py), then what is added. A page that falls behind loses nothing
  but intermediate states: what waits about a run is replaced by the run as it is when
  the page has time for it.
"""

import json
from collections import deque
from collections.abc import Callable, Iterable
from typing import NamedTuple
from uuid import uuid4

import zmq

from dustdevil.loop import Loop
from dustdevil.sync import Event, sleep
from dustdevil.websocket import (
    GOING_AWAY,
    INVALID_DATA,
    NORMAL,
    ConnectionClosed,
    WebSocket,
)
from workshop.livebook.runs import Run
from workshop.livebook.wire import Parts, WireError, encode, pack

MOST = 4 << 20  # bytes that may wait for a client
GRACE = 60.0  # seconds for which a client is remembered without its WebSocket
BEHIND = 1 << 20, 256  # bytes and letters after which a page has fallen behind
BURST, PAUSE = 64, 0.02  # letters to a page until it has that many seconds to itself
TRY_AGAIN_LATER = 1013  # a close code of the registry that RFC 6455 set up


class Letter(NamedTuple):
    """A message that waits.

    `run` is the run that it is about, if it is about one; `droppable` says that a later
    message can stand for it (a state) or that it is output.
    """

    channel: str
    parts: Parts
    size: int = 0
    run: str = ""
    droppable: bool = False


class Client:
    """A program's mailbox, and its WebSocket while it has one."""

    wants_runs = False

    def __init__(self, loop: Loop) -> None:
        self.loop = loop
        self.socket: WebSocket | None = None
        self.visits = 0
        self.waiting = 0  # bytes
        self._mail: deque[Letter] = deque()
        self._arrived = Event()
        self._goodbye: str | None = None
        self._dropped = 0
        self._last_dropped: Parts = []

    @property
    def protocol(self) -> str | None:
        """How the page spells its messages."""
        return self.socket.subprotocol if self.socket else None

    def deliver(
        self, channel: str, parts: Parts, run: str = "", droppable: bool = False
    ) -> None:
        """Put a message into the mailbox."""
        letter = Letter(channel, parts, size(parts), run, droppable)
        self._mail.append(letter)
        self.waiting += letter.size
        self._bound()
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
                self.socket = None

    async def _write(self, socket: WebSocket) -> None:
        try:
            while self.socket is socket:
                if (letter := self._next()) is not None:
                    await self._send(socket, letter)
                elif self._goodbye is not None:
                    return socket.leave(NORMAL, self._goodbye)
                else:
                    self._arrived.clear()
                    await self._arrived.wait()
        except ConnectionClosed:
            return  # the reading side hears of it too

    async def _send(self, socket: WebSocket, letter: Letter) -> None:
        try:
            await socket.send(encode(letter.channel, letter.parts, socket.subprotocol))
        except BaseException:
            # It was not sent: the next connection gets it.
            self._mail.appendleft(letter)
            self.waiting += letter.size
            raise

    def _next(self) -> Letter | None:
        """Take the letter that is to be sent next, if there is one."""
        if self._dropped:
            return self._report_dropped()
        if not self._mail:
            return None
        letter = self._mail.popleft()
        self.waiting -= letter.size
        return letter

    def _bound(self) -> None:
        if self.waiting > MOST:
            self._drop_oldest()

    def _drop_oldest(self) -> None:
        """Drop outputs until half of the room is free: not one for each that comes."""
        kept: deque[Letter] = deque()
        for letter in self._mail:
            if letter.droppable and self.waiting > MOST / 2:
                self.waiting -= letter.size
                self._dropped += 1
                self._last_dropped = letter.parts
            else:
                kept.append(letter)
        self._mail = kept

    def _report_dropped(self) -> Letter:
        text = f"[{self._dropped} messages were lost: this page could not take them]\n"
        self._dropped = 0
        content = pack({"name": "stderr", "text": text})
        # In the kernel's name: JupyterLab refuses a header with members missing, and
        # takes a new session for a new process.
        header, parent = self._last_dropped[:2]
        own = {"msg_id": str(uuid4()), "msg_type": "stream"}
        header = pack(json.loads(header) | own)
        return Letter("iopub", [header, parent, b"{}", content])


class PageClient(Client):
    """A page of this book. `tell(run)` makes the message that says all about a run."""

    wants_runs = True

    def __init__(self, loop: Loop, tell: Callable[[str], Parts | None]) -> None:
        super().__init__(loop)
        self.tell = tell
        self._owed: dict[str, None] = {}  # runs to be told as a whole, in that order
        self._sent = 0

    def greet(self, parts: Parts, runs: Iterable[Run]) -> None:
        """Begin anew: a greeting, then every run as it is."""
        self._mail.clear()
        self._owed.clear()
        self.waiting = 0
        self.deliver("iopub", parts)
        self._owed.update(dict.fromkeys(run.id for run in runs))

    def deliver(
        self, channel: str, parts: Parts, run: str = "", droppable: bool = False
    ) -> None:
        """Put a message into the mailbox, unless the run will be told with it."""
        if run not in self._owed:
            super().deliver(channel, parts, run, droppable)

    async def _send(self, socket: WebSocket, letter: Letter) -> None:
        await super()._send(socket, letter)
        self._sent += 1
        if self._sent >= BURST:
            self._sent = 0
            await sleep(PAUSE)

    def _next(self) -> Letter | None:
        letter = super()._next()
        while letter is None and self._owed:
            run = next(iter(self._owed))
            del self._owed[run]
            parts = self.tell(run)  # None if it has been forgotten meanwhile
            letter = parts and Letter("iopub", parts, size(parts), run)
        return letter

    def _bound(self) -> None:
        most_bytes, most_letters = BEHIND
        if self.waiting > most_bytes or len(self._mail) > most_letters:
            self._fall_behind()

    def _fall_behind(self) -> None:
        """Owe each run that something waits about; of states, only the last counts."""
        self._owed.update(
            dict.fromkeys(letter.run for letter in self._mail if letter.run)
        )
        rest = [letter for letter in self._mail if not letter.run]
        states = [letter for letter in rest if letter.droppable]
        others = [letter for letter in rest if not letter.droppable]
        self._mail = deque([*others, *states[-1:]])
        self.waiting = sum(letter.size for letter in self._mail)


def size(parts: Parts) -> int:
    """Bytes in a message."""
    return sum(map(len, parts))
