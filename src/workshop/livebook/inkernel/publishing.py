"""The thread that publishes, with a bound on what waits for it.

ipykernel hands messages to this thread through a list without a limit. While the
server is stopped, or slow, a cell that displays in a loop would fill memory there. So
a thread that publishes waits until there is room. That makes one chain, in which each
only waits for the next:

    a cell ─▶ this thread's list ─▶ ZeroMQ's queues ─▶ the server

The server never waits: it reads all that a kernel says, at once. So the chain
always moves on, and the one thread that must not wait for room is this one.
"""

import threading
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import zmq
from ipykernel.iostream import IOPubThread
from zmq.eventloop.zmqstream import ZMQStream

# What may wait in the list.
MESSAGES = 64
BYTES = 8 << 20
# How fast cells may publish, in characters of text a second; the same number may be
# in advance, so that only those who print much are held up.
RATE = 1_000_000
# What a message costs, beside its content, and how many bytes of an output cost as
# much as a character of text. Pictures are not laid out letter by letter.
MESSAGE = 512
BYTES_A_CHARACTER = 8
# A pause shorter than this (in seconds) is not worth a call: it adds to the next.
GRAIN = 0.01
# How often to look whether there is room.
LOOK = 0.01


class Publisher(IOPubThread):
    """Sends messages from a thread of its own. Threads that publish wait for room.

    A wait is a short sleep, then a look, again and again: of all ways to wait this is
    the one that an interrupt can end at any point, with no lock left held and no
    count left wrong.
    """

    def __init__(self, socket: zmq.Socket, folder: Path, session: Any) -> None:
        """Publish on `socket`. Only we may enter `folder`: forked children write there.

        A forked process can't use the socket; what it prints comes through a second
        one, of which ipykernel would make a TCP port for every user of the machine.
        """
        self._children = f"ipc://{folder / 'forks'}"
        self.pace = Pace(RATE)
        super().__init__(socket, pipe=True, session=session)

    def send_multipart(self, message: list, *args: Any, **kwargs: Any) -> None:
        """Hand a message to the thread, as soon as there is room."""
        size = sum(memoryview(part).nbytes for part in message)
        if self.holds_up():
            self.pace.wait(MESSAGE + size // BYTES_A_CHARACTER)
            self.wait_until(self._has_room)
        send = partial(self._really_send, message, *args, **kwargs)
        self.schedule(Waiting(send, size))

    def holds_up(self) -> bool:
        """Whether the calling thread may be made to wait for this one."""
        alive = self.thread.is_alive()  # it is not in a forked process
        return alive and threading.current_thread() is not self.thread

    def wait_until(self, condition: Callable[[], bool]) -> None:
        """Wait for something that this thread brings about."""
        while not condition() and self.thread.is_alive():
            time.sleep(LOOK)

    def _has_room(self) -> bool:
        # Counted on the list itself, a number kept beside it could go wrong.
        waiting = self._events.copy()
        size = sum(getattr(event, "size", 0) for event in waiting)
        return len(waiting) < MESSAGES and size < BYTES

    def _setup_pipe_in(self) -> None:
        self._pipe_uuid = b""  # entering the folder is proof enough
        pipe = self.socket.context.socket(zmq.PULL)
        pipe.linger = 0
        pipe.rcvhwm = MESSAGES
        pipe.bind(self._children)
        self._pipe_in = ZMQStream(pipe, self.io_loop)
        self._pipe_in.on_recv(self._handle_pipe_msg)

    def _setup_pipe_out(self) -> tuple[zmq.Context, zmq.Socket]:
        context = zmq.Context()
        pipe = context.socket(zmq.PUSH)
        pipe.linger = 3000
        pipe.connect(self._children)
        return context, pipe


class Waiting:
    """A message in the list: what sends it, and its size in bytes."""

    def __init__(self, send: Callable[[], None], size: int) -> None:
        self.send = send
        self.size = size

    def __call__(self) -> None:
        self.send()


class Pace:
    """A rate, in units a second, that holds up those who are in advance of it.

    Of two ways to slow down a flood, waiting and leaving out, we wait: a program that
    prints five megabytes and ends has lost nothing, and an endless loop leaves no heap
    of text behind that would still arrive after it was stopped.
    """

    def __init__(self, rate: float) -> None:
        self.rate = rate
        self._lock = threading.Lock()
        self._due = 0.0  # when all would be done at that rate, a second of grace apart

    def wait(self, cost: float) -> None:
        """Wait until so much more may be said."""
        with self._lock:
            now = time.monotonic()
            self._due = max(self._due, now - 1) + cost / self.rate
            pause = self._due - now
        if pause > GRAIN:
            time.sleep(pause)
