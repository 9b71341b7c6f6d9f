"""One loop per core: a master that forks workers, and keeps them at work.

    serve(load_application, workers=4, port=8000)

One loop uses one core, since in one process only one thread at a time runs Python. So
there is a process for each. They share the port and nothing else: with SO_REUSEPORT
each has a listening socket of its own, and the kernel deals the connections out,
socket(7). All of these listen before anybody accepts: a socket that came late would
have a smaller share for as long as the early connections last.

The master binds the sockets, and keeps them open. To close one would reset every
connection in its queue, whose client may have sent a request already. So a socket
outlives its worker, and the next one accepts what waits there. The master itself
never accepts, and never imports the application: each worker does that for itself, so
that a reload brings in what is on the disk then.

    SIGHUP            new workers start; when all are ready, the old ones leave
    SIGTERM, SIGINT   finish what is in flight, for `grace` seconds; again: end at once
"""

import gc
import logging
import os
import signal
import socket
import sys
import traceback
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import Any, NoReturn

from dustdevil.collector.policy import freeze
from dustdevil.http.server import ServerSettings
from dustdevil.http.serving import url
from dustdevil.loop.eventloop import Loop
from dustdevil.processes.supervisor import STARTING, Supervisor, Worker
from dustdevil.processes.totals import Totals
from dustdevil.processes.worker import (
    MASTERS,
    Job,
    Line,
    StartError,
    Tls,
    WorkerProcess,
    forget_master,
)
from dustdevil.stream.tcp import bind, listen

log = logging.getLogger("dustdevil")

# How much longer than its grace a worker may take to end before it is killed, seconds.
MARGIN = 1.0
# How often a watch is asked whether the source has changed, in seconds.
LOOK = 0.25


class NoWorkerError(Exception):
    """Every first worker failed; the log has the traceback."""


def listen_for_all(host: str, port: int, count: int) -> list[list[socket.socket]]:
    """Listening sockets at one address, in a group for each of `count` workers.

    Only Linux spreads connections over them. Elsewhere SO_REUSEPORT is missing or gives
    all to the one bound last: there all groups are one, and the workers race for each
    connection. Raises OSError.
    """
    if sys.platform != "linux":
        return [listen(host, port)] * count
    # Whoever else shares his port would share it with us, too, and take half of our
    # connections. Without the option, the port is ours alone or in use.
    for sock in bind(host, port):
        sock.close()
    groups: list[list[socket.socket]] = []
    try:
        for _ in range(count):
            groups.append(listen(host, port, reuse_port=True))
            port = groups[0][0].getsockname()[1]
    except BaseException:
        close_all(groups)
        raise
    return groups


def close_all(groups: list[list[socket.socket]]) -> None:
    """Close every socket. Twice does nothing."""
    for group in groups:
        for sock in group:
            sock.close()


def cores() -> list[int]:
    """The numbers of the cores that we may run on; none where nobody can tell."""
    if hasattr(os, "sched_getaffinity"):
        return sorted(os.sched_getaffinity(0))
    return []


class Master:
    """The hands of a Supervisor: processes, signals, and what is said between them."""

    def __init__(
        self, job: Job, pin: bool, name: str, watch: Callable[[], bool] | None
    ) -> None:
        self.job = job
        self.name = name
        self.loop = Loop()
        self.supervisor = Supervisor(len(job.groups), self, patient=watch is not None)
        self.lines: dict[Worker, Line] = {}
        self.running: set[Worker] = set()  # who has not ended, as far as we know
        self._cores = cores() if pin else []
        self._watch = watch
        self.time, self.later = self.loop.time, self.loop.call_later
        self.totals = Totals(self.later)

    def run(self) -> None:
        """Keep workers at work until a signal ends it.

        Raises StartError and NoWorkerError.
        """
        for number in (signal.SIGTERM, signal.SIGINT):
            self.loop.on_signal(number, self._stop)
        self.loop.on_signal(signal.SIGHUP, self.supervisor.reload)
        self.loop.on_signal(signal.SIGCHLD, self._reap)
        # The collector writes to every object that it looks at, and a page written to
        # is no longer shared. What is there now is left out of all collections.
        freeze()
        self.loop.call_soon(self.supervisor.reload)
        if self._watch is not None:
            self.later(LOOK, self._look)
        try:
            self.loop.run_forever()
        finally:
            for worker in self.supervisor.workers:
                self.kill(worker)
            self.loop.close()
            gc.unfreeze()
        if self.supervisor.failure:
            text, hopeless = self.supervisor.failure
            raise StartError(text) if hopeless else NoWorkerError(text)

    def _stop(self) -> None:
        self.supervisor.stop()
        # The workers have copies, and close them when their queues are empty.
        close_all(self.job.groups)

    def _look(self) -> None:
        if self._watch is not None and self._watch():
            self.supervisor.reload()
        self.later(LOOK, self._look)

    # What happens to the workers

    def _reap(self) -> None:
        """Find out who has ended. One SIGCHLD may stand for several, signal(7)."""
        for worker in list(self.running):
            pid, status = os.waitpid(worker.pid, os.WNOHANG)
            if pid:
                self.running.discard(worker)  # its number may be another's from now on
                # Its last message may still be in the socket: a turn to read it.
                self.loop.call_soon(self._ended, worker, status)

    def _ended(self, worker: Worker, status: int) -> None:
        self.lines.pop(worker).close()
        self.totals.gone(worker)
        self.supervisor.ended(worker, in_words(status))

    def _on_message(self, worker: Worker, message: dict | None) -> None:
        if message is None:
            return  # its end comes by SIGCHLD
        if "ready" in message:
            self.supervisor.ready(worker)
        elif "failed" in message:
            worker.failure = message["failed"], message["hopeless"]
        elif "told" in message:
            self.totals.told(worker, message["told"])
            if "ask" in message:
                self._ask_others(worker)

    def _ask_others(self, worker: Worker) -> None:
        answer = self.lines[worker].send
        # Who is starting does not run its loop yet, and can't tell.
        able = {one for one in self.running if one.state != STARTING} - {worker}
        others = {one: self.lines[one].send for one in able}
        self.totals.ask(worker, lambda found: answer(answer=found), others)

    # What a supervisor wants done: see its `Effects`

    def start(self, slot: int) -> Worker:
        ours, theirs = socket.socketpair()
        core = self._cores[slot % len(self._cores)] if self._cores else None
        sys.stdout.flush()
        sys.stderr.flush()
        # A signal that came between fork() and the first lines of the worker would be
        # taken for one to the master: they share the socket that it rings.
        signal.pthread_sigmask(signal.SIG_BLOCK, MASTERS)
        try:
            pid = os.fork()
            if pid == 0:
                ours.close()
                self._become_worker(theirs, core)
        except OSError:
            ours.close()
            raise
        finally:
            theirs.close()
            signal.pthread_sigmask(signal.SIG_UNBLOCK, MASTERS)
        worker = Worker(pid, slot, self.time())
        on_message = partial(self._on_message, worker)
        self.lines[worker] = Line(ours, self.loop, on_message)
        self.running.add(worker)
        return worker

    def _become_worker(self, sock: socket.socket, core: int | None) -> NoReturn:
        """Go on as another process, and never return into the master's loop."""
        status = 1
        try:
            forget_master(self.loop, list(self.lines.values()))
            status = WorkerProcess(self.job, sock, core).run()
        except BaseException:
            traceback.print_exc()
        finally:
            with suppress(OSError, ValueError):
                sys.stdout.flush()
                sys.stderr.flush()
            os._exit(status)

    def accept(self, worker: Worker, slots: list[int]) -> None:
        self.lines[worker].send(accept=slots)

    def leave(self, worker: Worker, handed_on: bool) -> None:
        self.lines[worker].send(leave=handed_on)
        self.later(self.job.settings.grace + MARGIN, self._too_late, worker)

    def _too_late(self, worker: Worker) -> None:
        if worker in self.running:
            log.warning("worker %s does not end: it is killed", worker.pid)
            self.kill(worker)

    def kill(self, worker: Worker) -> None:
        if worker in self.running:
            os.kill(worker.pid, signal.SIGKILL)

    def serving(self, generation: int) -> None:
        count = len(self.job.groups)
        news = "Serving on" if generation == 1 else "Reloaded, and serving on"
        workers = f" with {count} workers" if count > 1 else ""
        print(f"{news} {self.name}{workers}", flush=True)

    def ended(self) -> None:
        self.loop.stop()


def in_words(status: int) -> str:
    """How a process ended, from what waitpid(2) says."""
    code = os.waitstatus_to_exitcode(status)
    if code >= 0:
        return f"ended with exit status {code}"
    try:
        return f"was killed by {signal.Signals(-code).name}"
    except ValueError:
        return f"was killed by signal {-code}"


def serve(
    load_application: Callable[[], Any],
    host: str = "127.0.0.1",
    port: int = 8000,
    tls: Tls = None,
    workers: int = 2,
    pin: bool = False,
    watch: Callable[[], bool] | None = None,
    **settings: Any,
) -> None:
    """Serve with several processes until SIGTERM or SIGINT; SIGHUP reloads.

    Each worker calls `load_application()`, and `tls()` unless that is a context. `pin`
    ties each to a core of its own, where the system can do that (sched_setaffinity(2)).
    With `watch`, the workers are replaced whenever `watch()` says true. Settings as of
    ServerSettings. Raises OSError when the address can't be had, SettingError, the
    StartError of `load_application()`, and NoWorkerError.
    """
    checked = ServerSettings(**settings)
    groups = listen_for_all(host, port, workers)
    try:
        port = groups[0][0].getsockname()[1]
        name = url("http" if tls is None else "https", host, port)
        Master(Job(load_application, tls, checked, groups), pin, name, watch).run()
    finally:
        close_all(groups)
