"""A worker: the process that a master forks to serve, and how the two talk.

Between them is a pair of sockets, and on it JSON, a message a line. The worker says

    {"ready": true}                        it has imported the application
    {"failed": text, "hopeless": bool}     it can't, and whether trying again is vain
    {"told": [{}]}                         its metrics: it was asked, or it ends
    {"told": [{}], "ask": true}            and it wants those of all the others

and the master

    {"accept": [0, 2]}    accept from the listening sockets of these slots, no others
    {"leave": true}       finish what is in flight, and end; other workers go on to
                          accept from the sockets. If false, nobody does: take what is
                          in their queues, too
    {"tell": true}        what are your metrics?
    {"answer": [{}, {}]}  those of the others

When the master's end closes, because it died, the worker leaves as well: nobody else
would ever end it. Signals are the master's matter. Those that a terminal or a
service manager sends to the whole group of processes do nothing here.
"""

import json
import os
import signal
import socket
import ssl
import traceback
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from itertools import chain
from typing import Any, NamedTuple
from weakref import WeakSet

from dustdevil.coroutine import Future, current
from dustdevil.http.server import Server, ServerSettings
from dustdevil.http.serving import run
from dustdevil.loop.eventloop import Loop
from dustdevil.stream.iostream import Stream, StreamClosed

MASTERS = {signal.SIGTERM, signal.SIGINT, signal.SIGHUP}

Tls = ssl.SSLContext | Callable[[], ssl.SSLContext | None] | None


# Whatever has an `as_dict(server)` with metrics of this process; a Monitor adds itself.
reporters: WeakSet[Any] = WeakSet()


class StartError(Exception):
    """The application can't be served as it was named; the message says why.

    Raised by what loads an application, it ends a start at once: trying again would
    change nothing.
    """


class Job(NamedTuple):
    """What workers serve, and how; `groups` are the listening sockets by slot."""

    load: Callable[[], Any]
    tls: Tls
    settings: ServerSettings
    groups: list[list[socket.socket]]


class Line:
    """One end of the line between master and worker."""

    def __init__(
        self, sock: socket.socket, loop: Loop, on_message: Callable[[dict | None], Any]
    ) -> None:
        self.sock = sock
        self._stream = Stream(sock, loop)
        self._stream.on_data = self._on_data
        self._on_message = on_message
        self._begun = b""

    def _on_data(self, data: bytes) -> None:
        *complete, self._begun = (self._begun + data).split(b"\n")
        for message in complete:
            self._on_message(json.loads(message))
        if not data:
            self._on_message(None)

    def send(self, **message: Any) -> None:
        """Send a message, if there still is somebody to read it."""
        with suppress(StreamClosed):
            self._stream.write(json.dumps(message).encode() + b"\n")

    def end(self, **message: Any) -> None:
        """Send the last message, all of it and now, and hang up: no loop runs on."""
        self.sock.setblocking(True)
        self.send(**message)
        self.close()

    def close(self) -> None:
        """Hang up."""
        self._stream.close()


class WorkerProcess:
    """Serves until it is told to end; on `core` only, if that is the number of one."""

    def __init__(self, job: Job, sock: socket.socket, core: int | None = None) -> None:
        self.job = job
        self.core = core
        self.loop = Loop()
        self.line = Line(sock, self.loop, self._on_message)
        self.server: Server | None = None
        self.accepting: list[socket.socket] = []
        self.ending = False
        self._questions: deque[Future] = deque()  # answered in their order

    def run(self) -> int:
        """Serve; return the process's exit status."""
        for number in MASTERS:
            # Ignored by a function, not by SIG_IGN, which the programs that an
            # application starts would inherit.
            self.loop.on_signal(number, lambda: None)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, MASTERS)
        try:
            self.server = self._make_server()
        except BaseException as error:
            hopeless = isinstance(error, StartError)
            text = str(error) if hopeless else traceback.format_exc()
            self.line.end(failed=text, hopeless=hopeless)
            return 1
        self.server.start()
        self.line.send(ready=True)
        run(self.server)
        return 0

    def _make_server(self) -> Server:
        job = self.job
        if self.core is not None:
            os.sched_setaffinity(0, {self.core})
        application = job.load()
        tls = job.tls() if callable(job.tls) else job.tls
        server = Server(application, job.settings, self.loop, tls)
        server.others = self.ask
        return server

    async def ask(self) -> list[dict[str, Any]]:
        """The metrics of all other workers, and of those that have left."""
        question = Future(self.loop)
        self._questions.append(question)
        self.line.send(told=self._metrics(), ask=True)
        return await question

    def _metrics(self) -> list[dict[str, Any]]:
        return [reporter.as_dict(self.server) for reporter in reporters]

    def _on_message(self, message: dict | None) -> None:
        if message is None or "leave" in message:
            self._end(handed_on=message is not None and message["leave"])
        elif "tell" in message:
            self.line.send(told=self._metrics())
        elif "answer" in message:
            question = self._questions.popleft()
            if not question.done():
                question.set_result(message["answer"])
        elif self.server is not None and not self.ending:
            groups = [self.job.groups[slot] for slot in message["accept"]]
            # Where there is one listener for all, each slot has the same sockets.
            self.accepting = list(dict.fromkeys(chain(*groups)))
            self.server.accept_from(self.accepting)

    def _end(self, handed_on: bool) -> None:
        if self.ending or self.server is None:
            return
        self.ending = True
        for sock in chain(*self.job.groups):
            if sock not in self.accepting:
                sock.close()  # our copy of another's would keep its port open
        task = self.loop.spawn(self.server.stop(handed_on=handed_on))
        task.add_done_callback(self._leave)

    def _leave(self, _: Future) -> None:
        self.line.end(told=self._metrics())
        self.loop.stop()


def forget_master(loop: Loop, lines: list[Line]) -> None:
    """Give up, in a process just forked, what is the master's.

    Closing is all that may be done: master and worker share what is behind these
    descriptors, and unwatching one here would unwatch it there. A line's copy left
    open would keep its worker from noticing that the master is gone.
    """
    current.scheduler = None
    loop.close()
    for line in lines:
        line.sock.close()
