"""WebSockets as a handler sees them: messages in both directions, at any time.

A WebSocket begins as an HTTP request, the *opening handshake*: the client asks for an
upgrade and sends a random key, and the server shows with a number made of that key
that it means WebSocket, and no other protocol that happens to listen. Its answer is
status 101 (see `handshake`), and from there on the connection carries `frames`.

    @app.get("/echo")
    @websocket()
    async def echo(request, ws):
        async for message in ws:
            await ws.send(message)
"""

import logging
from collections import deque
from collections.abc import Awaitable, Callable, Collection
from contextlib import suppress
from functools import wraps
from typing import Any

from dustdevil.coroutine import CancelledError, Future, let_others_run
from dustdevil.fields import Integer, Seconds, Settings, Size
from dustdevil.loop.eventloop import Timer, running_loop
from dustdevil.stream.iostream import HIGH_WATER, Stream, StreamClosed
from dustdevil.web.messages import Request, Response
from dustdevil.websocket.deflate import Deflate
from dustdevil.websocket.frames import (
    ABNORMAL,
    FRAGMENT_SIZE,
    GOING_AWAY,
    INTERNAL_ERROR,
    NORMAL,
    Closed,
    ConnectionClosed,
    Pong,
    WebSocketProtocol,
)
from dustdevil.websocket.handshake import (
    Origins,
    accept_key,
    agree_on_deflate,
    check_handshake,
    check_origin,
    tokens,
)

log = logging.getLogger("dustdevil")


class WebSocketSettings(Settings):
    """Limits and times of a WebSocket.

    `deflate_bits` is the window of permessage-deflate, where the client can do it.
    12 bits make text about as small as 15. Measured, they take 38 KiB of memory once
    a connection has sent a compressed message, and 12 once it has received one; 15
    take 262 and 40. Short messages are never compressed, and large ones a piece at a
    time: others have their turn between. Where a message holds a secret next to what
    a stranger can choose, its length tells of the secret: use None.
    """

    max_frame = Size("1 MiB", "largest payload of one frame")
    max_message = Size("1 MiB", "largest message, all its frames together")
    max_waiting = Integer(16, "messages kept for a handler that is slow", minimum=1)
    ping_interval = Seconds(30, "how often to ask for a sign of life", optional=True)
    close_timeout = Seconds(10, "how long to wait for the peer's goodbye")
    deflate_bits = Integer(
        12, "window to compress with: 2 to this", 9, 15, optional=True
    )


class WebSocket:
    """One end of an open WebSocket, over a stream that it has for itself.

    Pings are answered, and sent, without the handler's doing. Where the handler is
    slow to receive, the peer is made to wait; where the peer is, `send` waits.
    `subprotocol` is what was agreed on in the handshake, or None. When the connection
    has ended, `close_code` and `close_reason` say how (RFC 6455, section 7.4).
    """

    def __init__(
        self,
        stream: Stream,
        settings: WebSocketSettings | None = None,
        subprotocol: str | None = None,
        *,
        client: bool = False,
        deflate: Deflate | None = None,
    ):
        self.settings = settings = settings or WebSocketSettings()
        self.subprotocol = subprotocol
        self.close_code: int | None = None
        self.close_reason = ""
        self._stream = stream
        self._loop = running_loop()
        limits = settings.max_frame, settings.max_message
        self._protocol = WebSocketProtocol(*limits, client=client, deflate=deflate)
        self._waiting: deque[str | bytes] = deque()  # for receive()
        self._receiver: Future | None = None
        self._sending: Future | None = None  # the last of what takes several steps
        self._pings: deque[tuple[bytes, Future]] = deque()
        self._pinged = 0
        self._heard = True  # since our last ping
        self._unsent = 0  # bytes in the stream's buffer at that time
        self._paused = False  # we do not read, because
        self._congested = False  # … the peer does not read our replies
        self._leaving = False  # we said goodbye, and listen for nothing else
        self._gone = Future()
        self._timer: Timer | None = None
        self._in(settings.ping_interval, self._keep_alive)
        if stream.closed:
            self._on_close(None)
            return
        stream.on_close, stream.on_data = self._on_close, self._on_data
        stream.resume_reading()
        if early := stream.read_now():  # it came together with the handshake
            self._on_data(early)
        if stream.eof:
            self._on_data(b"")

    # What the handler calls

    async def receive(self) -> str | bytes:
        """The next message: a str is text, bytes are binary.

        Raises ConnectionClosed after the last one. One coroutine may receive at once.
        """
        while not self._waiting:
            if self._protocol.closed is not None:
                self._part()
            self._check()
            if self._receiver is not None:
                raise RuntimeError("somebody else is receiving from this WebSocket")
            self._receiver = Future(self._loop)
            try:
                await self._receiver
            finally:
                self._receiver = None
        message = self._waiting.popleft()
        if self._paused:
            self._regulate()
        return message

    def __aiter__(self) -> "WebSocket":
        """The messages, until the connection ends, however it ends."""
        return self

    async def __anext__(self) -> str | bytes:
        try:
            return await self.receive()
        except ConnectionClosed:
            raise StopAsyncIteration from None

    async def send(self, message: str | bytes) -> None:
        """Send a message, and wait if the peer is slow to read what was sent before.

        Raises ConnectionClosed if there is nobody to read it any more.
        """
        self._check()
        try:
            small = len(message) <= FRAGMENT_SIZE or self._protocol.deflate is None
            if small and self._sending is None:
                self._stream.write(self._protocol.message(message))
            else:
                await self._send_later(message)
                self._check()
            if self._stream.unsent > HIGH_WATER:
                await self._drain()
        except StreamClosed:
            raise ConnectionClosed(self.close_code or ABNORMAL) from None

    def _send_later(self, message: str | bytes) -> Future:
        """Send a message in a task: where the caller is cancelled, no half is left."""

        def sent(task: Future) -> None:
            if self._sending is task:
                self._sending = None

        task = self._loop.spawn(self._send_after(self._sending, message))
        task.add_done_callback(sent)
        self._sending = task
        return task

    async def _send_after(self, earlier: Future | None, message: str | bytes) -> None:
        """Send a message frame by frame, when the one before it is sent."""
        if earlier is not None:
            with suppress(UnicodeEncodeError):  # that is for its own sender
                await earlier
        with suppress(StreamClosed, ConnectionClosed):
            for frame in self._protocol.frames(message):
                self._stream.write(frame)
                await let_others_run()

    async def _drain(self) -> None:
        await self._stream.drain()
        self._heard = True  # it reads, which is a sign of life too

    async def ping(self) -> float:
        """The seconds that a ping takes to come back; ConnectionClosed if never."""
        self._check()
        self._pinged += 1
        payload, answered = self._pinged.to_bytes(8, "big"), Future()
        self._stream.write(self._protocol.ping(payload))
        self._pings.append((payload, answered))
        sent = self._loop.time()
        await answered
        self._check()
        return self._loop.time() - sent

    def _ended(self) -> bool:
        return self._stream.closed or self.close_code is not None

    def _check(self) -> None:
        """Raise ConnectionClosed where there is no connection any more."""
        if self._ended():
            raise ConnectionClosed(self.close_code or ABNORMAL, self.close_reason)

    async def close(self, code: int = NORMAL, reason: str = "") -> None:
        """Say goodbye, and wait until the connection has ended.

        A peer that does not answer within `close_timeout` is hung up on.
        """
        self.leave(code, reason)
        await self._gone

    def leave(self, code: int = NORMAL, reason: str = "") -> None:
        """Say goodbye without waiting for the end. Messages to come are dropped."""
        if self._protocol.close_sent or self._ended():
            return
        self._leaving = True
        self._waiting.clear()
        self._hang_up_later()
        if self._protocol.closed is not None:
            self._part()
        else:
            self._stream.write(self._protocol.close(code, reason))
        self._regulate()

    # What the stream and the loop call

    def _on_data(self, data: bytes) -> None:
        """Take what arrived; b"" is the end, and if no Close came before, a bad one."""
        self._heard = True
        if not data:
            self._note_end()
            self._hang_up_later()
            self._stream.close()
            self._wake()
        else:
            self._take(data)

    def _take(self, data: bytes) -> None:
        """Have the protocol read, and do as it says."""
        events = self._protocol.feed(data)
        if self._protocol.replies:
            self._stream.write(self._protocol.take_replies())
        for event in events:
            if isinstance(event, (str, bytes)):
                if not self._leaving:
                    self._waiting.append(event)
            elif isinstance(event, Pong):
                self._on_pong(event.payload)
            elif isinstance(event, Closed):
                self._hang_up_later()
                if not self._waiting:
                    self._part()
        self._regulate()
        self._wake()

    def _part(self) -> None:
        """Answer the peer's goodbye, send no more, and let it close the connection.

        That may wait until the handler has had the messages before, and answered
        them. If we closed first, the kernel could answer what still comes with a
        reset, and wipe out what the peer has not read yet (section 7.1.1).
        """
        if not self._ended():
            self._note_end()
            self._stream.write(self._protocol.goodbye())
            self._stream.write_eof()

    def _note_end(self) -> None:
        if self.close_code is None:
            end = self._protocol.closed or Closed(ABNORMAL, "")
            self.close_code, self.close_reason = end

    def _on_pong(self, payload: bytes) -> None:
        # A pong answers the pings before it, too (section 5.5.3).
        if any(payload == sent for sent, _ in self._pings):
            sent = b""
            while sent != payload:
                sent, answered = self._pings.popleft()
                answered.set_result(None)

    def _on_close(self, error: BaseException | None) -> None:
        """The connection has ended."""
        self._in(None, self._keep_alive)
        self._note_end()
        while self._pings:
            self._pings.popleft()[1].set_result(None)
        self._wake()
        self._gone.set_result(None)

    def _wake(self) -> None:
        """Let receive() go on, if there is something for it now."""
        receiver, news = self._receiver, self._waiting or self.close_code is not None
        if news and receiver is not None and not receiver.done():
            receiver.set_result(None)

    def _regulate(self) -> None:
        """Read on, or make the peer wait, by how much waits here in both directions."""
        if self._stream.unsent > HIGH_WATER and not self._congested:
            # A peer that pings and never reads must not fill our memory with pongs.
            self._congested = True
            self._loop.spawn(self._wait_for_room())
        # Once paused, well below the limit: not a system call for every message.
        limit = self.settings.max_waiting
        limit = max(1, limit // 2) if self._paused else limit
        full = self._congested or len(self._waiting) >= limit
        if self._protocol.more and not (full or self._ended()):
            self._take(b"")
            return
        if full and not self._paused:
            self._stream.pause_reading()
        elif self._paused and not full:
            self._stream.resume_reading()
        self._paused = full

    async def _wait_for_room(self) -> None:
        with suppress(StreamClosed):
            await self._drain()
            self._congested = False
            self._regulate()

    def _keep_alive(self) -> None:
        """Ask whether the peer is there; hang up on one that was silent since.

        A peer that is still busy reading what we sent need not answer: our ping waits
        behind all that. It is alive as long as it takes some of it.
        """
        if self._ended() or self._protocol.close_sent:
            return
        waiting, before = self._stream.unsent, self._unsent
        if self._heard or self._paused or waiting < before:
            self._heard, self._unsent = False, waiting
            if not waiting:
                self._stream.write(self._protocol.ping())
            self._in(self.settings.ping_interval, self._keep_alive)
        else:
            self._stream.abort()

    def _hang_up_later(self) -> None:
        self._in(self.settings.close_timeout, self._stream.abort)

    def _in(self, seconds: float | None, what: Callable[[], None]) -> None:
        """Set the one timer there is: for the next ping, or for the end."""
        if self._timer is not None:
            self._timer.cancel()
        if seconds is not None:
            self._timer = self._loop.call_later(seconds, what)


async def converse(ws: WebSocket, conversation: Awaitable[Any]) -> None:
    """Run a handler to its end, and close its WebSocket accordingly."""
    code = NORMAL
    try:
        await conversation
    except ConnectionClosed:
        pass  # the usual end of a handler that only sends
    except CancelledError:
        await ws.close(GOING_AWAY)  # the server stops
        raise
    except Exception:
        log.exception("a WebSocket handler failed")
        code = INTERNAL_ERROR
    await ws.close(code)


def websocket(
    protocols: Collection[str] = (), origins: Origins = None, **settings: Any
) -> Callable[[Callable[..., Awaitable[Any]]], Callable[..., Response]]:
    """Make an HTTP handler of `async def handler(request, ws, **params)`.

    Of the subprotocols the client offers, the first that `protocols` has is agreed
    on. `origins`: see check_origin; `settings`: see WebSocketSettings. When the
    handler returns, its WebSocket is closed; when it fails, with code 1011.
    """
    options = WebSocketSettings(**settings)
    if isinstance(protocols, str) or (isinstance(origins, str) and origins != "*"):
        raise TypeError("protocols and origins are collections of str")

    def decorate(handler: Callable[..., Awaitable[Any]]) -> Callable[..., Response]:
        @wraps(handler)
        def open_websocket(request: Request, **params: Any) -> Response:
            key = check_handshake(request)
            check_origin(request, origins)
            offered = tokens(request.headers.get("sec-websocket-protocol", ""))
            chosen = next((name for name in offered if name in protocols), None)
            deflate = agree_on_deflate(request, options.deflate_bits)
            headers = {"Upgrade": "websocket", "Sec-WebSocket-Accept": accept_key(key)}
            if chosen is not None:
                headers["Sec-WebSocket-Protocol"] = chosen
            if deflate is not None:
                headers["Sec-WebSocket-Extensions"] = str(deflate)

            async def upgrade(stream: Stream) -> None:
                ws = WebSocket(stream, options, chosen, deflate=deflate)
                await converse(ws, handler(request, ws, **params))

            return Response(status=101, headers=headers, upgrade=upgrade)

        return open_websocket

    return decorate
