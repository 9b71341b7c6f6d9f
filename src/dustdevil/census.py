"""The metrics of all workers, asked for in any one of them.

Who wants to see them reaches one worker, whichever the kernel chose. That one asks the
master, the master asks the others, waits a moment for their answers, and sends back all
of them. What a worker counted that has left is kept here, so that a reload does not set
the counters back; one that was killed takes its counts with it.
"""

from collections.abc import Callable
from typing import Any

from dustdevil.metrics import Registry

# How long a worker may take to answer, in seconds. One that hangs is left out.
PATIENCE = 1.0

Metrics = dict[str, Any]
Send = Callable[..., Any]


class Census:
    """The master's part: questions that are under way, and what the dead have left."""

    def __init__(self, later: Callable[..., Any]) -> None:
        self.past: Metrics = {}
        self._later = later
        self._number = 0
        self._open: dict[int, tuple[Callable[[list], Any], set, list[Metrics]]] = {}

    def ask(self, answer: Callable[[list], Any], others: dict[Any, Send]) -> None:
        """Ask `others`, by worker; then `answer()` with the metrics of all of them."""
        self._number += 1
        self._open[self._number] = answer, set(others), [self.past]
        for send in others.values():
            send(tell=self._number)
        self._later(PATIENCE, self._close, self._number)
        self._close_if_complete(self._number)

    def told(self, worker: Any, number: int, metrics: list[Metrics]) -> None:
        """A worker has answered."""
        if number in self._open:
            _, missing, found = self._open[number]
            missing.discard(worker)
            found += metrics
            self._close_if_complete(number)

    def left(self, metrics: list[Metrics]) -> None:
        """A worker's last words."""
        self.past = Registry.merge([self.past, *metrics]).as_dict()

    def gone(self, worker: Any) -> None:
        """A worker has ended: nobody needs to wait for it."""
        for number in list(self._open):
            self.told(worker, number, [])

    def _close_if_complete(self, number: int) -> None:
        if not self._open[number][1]:
            self._close(number)

    def _close(self, number: int) -> None:
        answer, _, found = self._open.pop(number, (lambda _: None, None, []))
        answer(found)
