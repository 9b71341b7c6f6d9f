"""One ZeroMQ socket, watched by our loop.

A ZeroMQ socket is not a file descriptor: messages are sent and received by a thread
of the library, which hands them over through queues in memory. What the library does
offer is one descriptor a socket (the option `FD`) that says "go and look". It is
edge-triggered, and more so than any socket of the system (zmq_getsockopt(3),
"ZMQ_FD"):

- it becomes readable when the state of the socket *may* have changed, not when there
  is a message, and reading the state (the option `EVENTS`) makes it unreadable again,
  messages waiting or not;
- sending a message looks at the state too, and so can swallow the signal for a
  message that came in meanwhile.

Whoever waits for the descriptor with messages still in the queue waits forever. So
after each signal, and after each send, we look at EVENTS and read until nothing is
left.
"""

from collections.abc import Callable

import zmq

from dustdevil.loop import READ, Loop

# Messages read in one go before everybody else has a turn.
BURST = 64
# Messages ZeroMQ may hold for us; when it holds so many, the kernel is held up. Set
# before the connection is made, and never changed: see inkernel/app.py.
RECEIVE_QUEUE = 16
# A kernel needs a moment until it can be connected to: how often to try, in ms.
RETRY = 20


class Channel:
    """A socket connected to one of a kernel's; `on_message(frames)` gets what comes."""

    def __init__(
        self,
        loop: Loop,
        context: zmq.Context,
        kind: int,
        url: str,
        identity: bytes,
        on_message: Callable[[list[bytes]], None],
    ) -> None:
        self.loop = loop
        self.on_message = on_message
        self._again = False
        self.socket = context.socket(kind)
        self.socket.linger = 0
        self.socket.rcvhwm = RECEIVE_QUEUE
        self.socket.reconnect_ivl = RETRY
        self.socket.identity = identity
        if kind == zmq.SUB:
            self.socket.subscribe(b"")
        self.socket.connect(url)
        self._fd = self.socket.FD
        loop.watch(self._fd, READ, self._on_signal)

    def send(self, frames: list[bytes]) -> None:
        """Send without waiting; zmq.Again if a thousand are waiting already."""
        self.socket.send_multipart(frames, zmq.NOBLOCK)
        self._look_again()

    def close(self) -> None:
        """Let go of the socket and of what is unsent. Closing twice does nothing."""
        if not self.socket.closed:
            self.loop.unwatch(self._fd)
            self.socket.close()

    def _on_signal(self, events: int) -> None:
        self._drain()

    def _look_again(self) -> None:
        if not self._again:
            self._again = True
            self.loop.call_soon(self._drain_again)

    def _drain_again(self) -> None:
        self._again = False
        self._drain()

    def _drain(self) -> None:
        for _ in range(BURST):
            if self.socket.closed or not self.socket.EVENTS & zmq.POLLIN:
                return
            self.on_message(self.socket.recv_multipart(zmq.NOBLOCK))
        self._look_again()
