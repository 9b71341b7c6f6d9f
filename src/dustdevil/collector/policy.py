"""Garbage collection, at moments when no request waits for it.

CPython counts references, and frees an object the moment its last one goes. Two
objects that refer to each other keep each other's count above zero, and for those
there is the collector, `gc`. It looks at every container there is, and while
it looks, nothing else runs: about 35 ms for a million objects. It comes when enough
objects have been made, which in a server means in the middle of a request.

    with Collector(loop):
        loop.run_forever()

What the server has loaded before it starts is frozen: set apart, and not looked at
any more. Collections are made when the loop is about to sleep, and `pauses` tells how
long they took. How garbage is found at all is told in `cycles`.

Each of the three settings has its own effect, which chapter 11 measures alone: freezing
makes the long collections shorter, the raised threshold makes the short ones rarer, and
collecting in idle moments takes both out of the requests. It does so only together with
the threshold, since with the usual one the interpreter always comes first. A loop that
is never idle has the first two, and its young collections are rarer and larger.
`benchmarks/collector.py` asks clients how long they waited.
"""

import gc
from collections.abc import Callable
from functools import partial
from time import perf_counter
from typing import Any

from dustdevil.loop.eventloop import Loop
from dustdevil.loop.poller import Poller, Ready
from dustdevil.metrics.registry import Histogram

# How many times more new objects than usual may gather before the interpreter
# collects by itself: the net below a loop that is never idle.
NET = 3
# The share of the time that full collections may take. One that took 20 ms is not
# repeated within two seconds, however much garbage there is.
SHARE = 0.01
GENERATIONS = range(3)


def freeze() -> int:
    """Set apart all objects that are alive now; return how many are.

    The collector will not look at them again. Before a fork, that also keeps it from
    writing into each of them, and so their memory stays shared by all the workers.
    Garbage is collected first, since it would stay if it were frozen; where there is
    much of it, the holes that it leaves are filled, and so copied, by the workers (gc).
    """
    gc.collect()
    gc.freeze()
    return gc.get_freeze_count()


class IdlePoller:
    """A poller that does something useful before it sleeps.

    It stands in the place of the loop's poller, and so the loop need not know of
    it. `idle(timeout)` says what to do in a sleep of that many seconds, or None.
    """

    def __init__(self, poller: Poller, idle: Callable[..., Callable[[], Any] | None]):
        self.inner = poller
        self.register = poller.register
        self.modify = poller.modify
        self.unregister = poller.unregister
        self.close = poller.close
        self._idle = idle

    def poll(self, timeout: float | None) -> Ready:
        """As any poller does; early and with nothing after it was useful."""
        work = self._idle(timeout) if timeout != 0 else None
        if work is None:
            return self.inner.poll(timeout)
        # Is it a sleep? On a busy loop something is ready already.
        ready = self.inner.poll(0)
        if not ready:
            # That took time. The loop looks at its clock, and comes back.
            work()
        return ready


class Collector:
    """Has garbage collected while `loop` is idle, and notes how long it takes.

    `pauses` has one Histogram a generation, in seconds, of all collections that the
    process makes: two calls a collection, see gc.callbacks. The settings of `gc` are
    those of the process, so there can be one Collector at a time.
    """

    def __init__(self, loop: Loop, net: int = NET, share: float = SHARE) -> None:
        self.loop = loop
        self.net = net
        self.share = share
        self.pauses = [Histogram() for _ in GENERATIONS]
        self._last = [0.0 for _ in GENERATIONS]  # pauses, in seconds
        self._began = 0.0
        self._rest_until = 0.0
        self._usual = gc.get_threshold()

    def start(self) -> None:
        """Freeze what there is, and from now on collect at idle moments."""
        self._usual = often, *others = gc.get_threshold()
        freeze()
        gc.set_threshold(often * self.net, *others)
        gc.callbacks.append(self._on_collection)
        self.loop.poller = IdlePoller(self.loop.poller, self.due)

    def stop(self) -> None:
        """Leave it to the interpreter again."""
        assert isinstance(self.loop.poller, IdlePoller)
        self.loop.poller = self.loop.poller.inner
        gc.callbacks.remove(self._on_collection)
        gc.set_threshold(*self._usual)
        gc.unfreeze()

    def __enter__(self) -> "Collector":
        self.start()
        return self

    def __exit__(self, *error: object) -> None:
        self.stop()

    def due(self, timeout: float | None) -> Callable[[], Any] | None:
        """What the loop should do before it sleeps for so many seconds, or None.

        The interpreter's own rule, at another moment: a generation is collected when
        so many objects were made, or so many collections of the next younger one.
        """
        made, young, middle = gc.get_count()
        often, seldom, rarely = self._usual
        if made <= often:
            return None
        if middle > rarely and perf_counter() >= self._rest_until:
            generation = 2
        else:
            generation = 1 if young > seldom else 0
        if timeout is not None and timeout < self._last[generation]:
            return None  # a timer would have to wait for it
        return partial(gc.collect, generation)

    def _on_collection(self, phase: str, info: dict[str, int]) -> None:
        now = perf_counter()
        if phase == "start":
            self._began = now
            return
        generation, pause = info["generation"], now - self._began
        self.pauses[generation].observe(pause)
        self._last[generation] = pause
        if generation == GENERATIONS[-1]:
            self._rest_until = now + pause / self.share
