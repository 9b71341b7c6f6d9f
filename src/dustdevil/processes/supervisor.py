"""Who serves, who comes, who leaves: what a master decides, without its system calls.

A server of several processes has a number of slots, each with listening sockets of its
own, and in each slot a worker. All the workers that started together are a generation.
A new generation is complete before it takes over from the old one, which then leaves.

    STARTING   it imports the application
    READY      it has; it waits for the others of its generation
    SERVING    it accepts connections
    LEAVING    it finishes what is in flight

A worker that ends by itself is replaced, after a pause that grows if that happens again
and again. Meanwhile the others accept what comes to its sockets. The decisions are here
and the deeds are the master's, so that a test can be a master without processes.
"""

import logging
from collections.abc import Callable
from typing import Any, Protocol

log = logging.getLogger("dustdevil")

STARTING, READY, SERVING, LEAVING = "starting", "ready", "serving", "leaving"

# So often a new generation may fail to start before we give up.
TRIES = 3
NO_WORKER = "no worker could be started", False


class Backoff:
    """How long to wait before a worker is started again."""

    FIRST = 0.1  # seconds, before the second start in a row; then twice as long
    MOST = 30.0
    HEALTHY = 10.0  # seconds; who has lived longer than that starts with a clean slate

    def __init__(self) -> None:
        self.crashes = 0

    def after(self, lived: float) -> float:
        """Seconds to wait when a worker has ended that lived for `lived` seconds."""
        if lived > self.HEALTHY:
            self.crashes = 0
        self.crashes += 1
        if self.crashes == 1:
            return 0.0
        return min(self.MOST, self.FIRST * 2 ** min(self.crashes - 2, 30))


class Worker:
    """What is known of one process. `failure` is what it said of why it can't start:
    a text, and whether it would be the same the next time."""

    def __init__(self, pid: int, slot: int, since: float) -> None:
        self.pid = pid
        self.slot = slot
        self.since = since
        self.generation = 0
        self.state = STARTING
        self.accepts: list[int] = []  # the slots whose sockets it was given
        self.failure: tuple[str, bool] | None = None


class Effects(Protocol):
    """What a supervisor has others do: the master, or a test."""

    def time(self) -> float:
        """A clock, in seconds."""

    def later(self, delay: float, call: Callable[..., Any], *args: Any) -> Any:
        """Make a call in `delay` seconds."""

    def start(self, slot: int) -> Worker:
        """Start a process; raises OSError where the system has no room for it."""

    def accept(self, worker: Worker, slots: list[int]) -> None:
        """Have it accept from these slots' sockets, and no others."""

    def leave(self, worker: Worker, handed_on: bool) -> None:
        """Have it finish and end. If no others go on to accept from its sockets, it has
        to take the last connections from there."""

    def kill(self, worker: Worker) -> None:
        """End it now."""

    def serving(self, generation: int) -> None:
        """A generation is complete and serves."""

    def ended(self) -> None:
        """No process is left."""


class Supervisor:
    """Keeps `count` workers at work. `patient`: when a new generation can't start, wait
    for the next `reload()`, and do not try again or give up. `failure` says why no
    worker at all could be started."""

    def __init__(self, count: int, effects: Effects, patient: bool = False) -> None:
        self.count = count
        self.effects = effects
        self.patient = patient
        self.workers: set[Worker] = set()
        self.stopping = False
        self.current = 0  # the generation that serves; 0 is none
        self.coming = 0  # the one that is to take over
        self._latest = 0
        self._failures = 0
        self.failure: tuple[str, bool] | None = None
        self._reported = ""
        self._backoffs = [Backoff() for _ in range(count)]

    def of(self, generation: int, *states: str) -> list[Worker]:
        """The workers of a generation in one of these states, by slot."""
        found = [w for w in self.workers if w.generation == generation]
        return sorted((w for w in found if w.state in states), key=lambda w: w.slot)

    # Starting

    def reload(self) -> None:
        """Bring in a new generation: at the beginning the first."""
        if self.stopping:
            return
        self._dismiss(self.coming)
        self._latest += 1
        self.coming = self._latest
        self._failures = 0
        for slot in range(self.count):
            self._start(slot, self.coming)

    def _start(self, slot: int, generation: int) -> None:
        if self.stopping or generation not in (self.current, self.coming):
            return  # it was decided otherwise while this start waited
        try:
            worker = self.effects.start(slot)
        except OSError as error:
            delay = self._backoffs[slot].after(0)
            log.warning(f"can't start a worker: {error}; again in {delay:g} s")
            self.effects.later(max(delay, 1), self._start, slot, generation)
            return
        worker.generation = generation
        self.workers.add(worker)

    def ready(self, worker: Worker) -> None:
        """It has its application, and could serve."""
        if worker.state != STARTING:
            return
        worker.state = READY
        if worker.generation == self.current:
            worker.state = SERVING
            self._share_out()
        elif len(self.of(self.coming, READY)) == self.count:
            self._take_over()

    def _take_over(self) -> None:
        old, self.current, self.coming = self.current, self.coming, 0
        self._reported = ""
        for worker in self.of(self.current, READY):
            worker.state = SERVING
        self._share_out()
        self._dismiss(old)
        self.effects.serving(self.current)

    def _share_out(self) -> None:
        """Give every slot's sockets to a worker: its own, or for the time being one of
        the others. A connection waits in the queue of its slot until it is accepted."""
        serving = self.of(self.current, SERVING)
        own = [worker.slot for worker in serving]
        orphans = [slot for slot in range(self.count) if slot not in own]
        for number, worker in enumerate(serving):
            slots = [worker.slot, *orphans[number :: len(serving)]]
            if slots != worker.accepts:
                worker.accepts = slots
                self.effects.accept(worker, slots)

    # Ending

    def ended(self, worker: Worker, how: str) -> None:
        """Its process is gone; `how` says in words how it ended."""
        self.workers.discard(worker)
        wanted = worker.state != LEAVING and not self.stopping
        if wanted and worker.generation == self.coming:
            self._count_failure(worker, how)
        elif wanted:
            self._replace(worker, how)
            self._share_out()
        if self.stopping and not self.workers:
            self.effects.ended()

    def _replace(self, worker: Worker, how: str) -> None:
        lived = self.effects.time() - worker.since
        delay = self._backoffs[worker.slot].after(lived)
        self._tell(worker, f"{how}; another one starts in {delay:g} s")
        self.effects.later(delay, self._start, worker.slot, worker.generation)

    def _count_failure(self, worker: Worker, how: str) -> None:
        """A worker of the coming generation did not get as far as to serve."""
        self._failures += 1
        hopeless = worker.failure is not None and worker.failure[1]
        if self._failures < TRIES and not hopeless and not self.patient:
            self._replace(worker, how)
            return
        first = self.coming == 1
        self._dismiss(self.coming)
        self.coming = 0
        if first and (hopeless or not self.patient):
            self.failure = worker.failure if hopeless else NO_WORKER
            self.stopping = True
        if not (first and hopeless):
            self._tell(worker, how)
        if not self.stopping:
            hope = "the old ones go on" if self.current else "waiting for a change"
            log.warning(f"the new workers can't start; {hope}")

    def _tell(self, worker: Worker, how: str) -> None:
        """Say how a worker ended, and why; but a traceback not over and over."""
        if worker.failure and worker.failure[0] != self._reported:
            self._reported = worker.failure[0]
            log.warning(self._reported)
        log.warning(f"worker {worker.pid} {how}")

    def _dismiss(self, generation: int) -> None:
        for worker in self.of(generation, SERVING):
            worker.state = LEAVING
            self.effects.leave(worker, handed_on=True)
        for worker in self.of(generation, STARTING, READY):
            worker.state = LEAVING
            self.effects.kill(worker)  # it never had a connection

    def stop(self) -> None:
        """Let all finish and end; the second time, end them now."""
        if self.stopping:
            for worker in self.workers:
                self.effects.kill(worker)
            return
        self.stopping = True
        for worker in self.of(self.current, SERVING):
            worker.state = LEAVING
            self.effects.leave(worker, handed_on=False)
        for generation in (self.current, self.coming):
            self._dismiss(generation)
        if not self.workers:
            self.effects.ended()
