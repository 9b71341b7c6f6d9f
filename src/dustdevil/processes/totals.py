"""The metrics of all workers, asked for in any one of them.

Who wants to see them reaches one worker, whichever the kernel chose. That one asks the
master, the master has the others tell what they count, waits a moment for them, and
sends it back. What each said last is kept: it speaks for a worker that hangs, and after
the end of one for what it had counted, so that a reload or a crash does not set the
counters back. Gauges, which say what is now, end with their worker.
"""

from collections.abc import Callable
from itertools import chain
from typing import Any, NamedTuple

from dustdevil.metrics.registry import Registry

# How long a worker may take to tell, in seconds. Then its last word counts.
PATIENCE = 1.0

Metrics = dict[str, Any]
Send = Callable[..., Any]


class Question(NamedTuple):
    """One that is under way: `missing` are the workers that have not told yet."""

    worker: Any
    answer: Callable[[list[Metrics]], Any]
    missing: set[Any]


class Totals:
    """The master's part: what the workers have counted, and who wants to know."""

    def __init__(self, later: Callable[..., Any]) -> None:
        self._later = later
        self._past: Metrics = {}  # the counts of those that have ended
        self._latest: dict[Any, list[Metrics]] = {}
        self._open: list[Question] = []

    def ask(
        self, worker: Any, answer: Callable[[list], Any], others: dict[Any, Send]
    ) -> None:
        """Have the others tell, by worker; then `answer()` `worker` what they said."""
        question = Question(worker, answer, set(others))
        self._open.append(question)
        for send in others.values():
            send(tell=True)
        self._later(PATIENCE, self._close, question)
        self._heard_of(worker)

    def told(self, worker: Any, metrics: list[Metrics]) -> None:
        """What a worker has counted so far."""
        self._latest[worker] = metrics
        self._heard_of(worker)

    def gone(self, worker: Any) -> None:
        """A worker has ended: its last word is kept, and nobody waits for another."""
        last = self._latest.pop(worker, [])
        counted = Registry.merge([self._past, *last]).as_dict().items()
        self._past = {name: m for name, m in counted if m["kind"] != "gauge"}
        self._heard_of(worker)

    def _heard_of(self, worker: Any) -> None:
        for question in list(self._open):
            question.missing.discard(worker)
            if not question.missing:
                self._close(question)

    def _close(self, question: Question) -> None:
        if question in self._open:
            self._open.remove(question)
            others = (m for w, m in self._latest.items() if w != question.worker)
            question.answer([self._past, *chain.from_iterable(others)])
