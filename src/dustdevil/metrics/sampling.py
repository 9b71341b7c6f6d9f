"""Where a thread spends its time: look at it now and then, from another thread.

To time every call would slow down what is timed. To look at the thread's stack, a
hundred times a second, costs it next to nothing, and what takes half of its time is
in half of the looks. So works a profiler for a server in production:

    with Profiler() as profiler:
        loop.run_forever()
    print(profiler.text())

The same look finds who keeps the loop. If the call that the loop is in is still the
one it was in a tenth of a second ago, everybody else has been waiting so long:

    Watchdog(loop).start()

Both see Python's functions only, sys._current_frames(). And they need the GIL
themselves: C code that holds it for a second is noticed when it lets go of it.
"""

import logging
import sys
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from time import monotonic
from types import CodeType, FrameType
from typing import Any, NamedTuple

log = logging.getLogger("dustdevil")

PACKAGE = __name__.partition(".")[0]


class Sampler:
    """Calls `sample(frame)` every `interval` seconds, in a thread of its own.

    `frame` is the innermost one of the thread that called `start()`, or of `thread`,
    the identifier of another.
    """

    def __init__(self, interval: float, thread: int | None = None) -> None:
        self.interval = interval
        self.thread = thread
        self._stopped = threading.Event()
        self._sampling: threading.Thread | None = None

    def start(self) -> None:
        """Begin to look."""
        if self.thread is None:
            self.thread = threading.get_ident()
        self._stopped.clear()
        # A daemon: that it still looks does not keep a program from ending.
        name = type(self).__name__
        self._sampling = threading.Thread(target=self._run, name=name, daemon=True)
        self._sampling.start()

    def stop(self) -> None:
        """Look no more. Stopping twice, or before it was started, does nothing."""
        self._stopped.set()
        if self._sampling is not None:
            self._sampling.join()
            self._sampling = None

    def __enter__(self) -> Any:
        self.start()
        return self

    def __exit__(self, *error: object) -> None:
        self.stop()

    def _run(self) -> None:
        assert self.thread is not None
        while not self._stopped.wait(self.interval):
            frame = sys._current_frames().get(self.thread)
            if frame is not None:
                self.sample(frame)
            # Not till the next look: a frame keeps alive all that is in it.
            del frame

    def sample(self, frame: FrameType) -> None:
        """What to do with a look at the thread."""
        raise NotImplementedError


class Profiler(Sampler):
    """Counts how often each stack was seen: `stacks`, from names to how many times."""

    def __init__(self, interval: float = 0.01, thread: int | None = None) -> None:
        super().__init__(interval, thread)
        self.stacks: Counter[str] = Counter()

    def sample(self, frame: FrameType) -> None:
        self.stacks[collapsed(frame)] += 1

    def text(self) -> str:
        """A line a stack, outermost function first, and how often it was seen.

        Tools that draw flame graphs call these "collapsed stacks", and read them.
        """
        return "".join(f"{stack} {n}\n" for stack, n in sorted(self.stacks.items()))


class SlowCall(NamedTuple):
    """A call that keeps the loop.

    `name` is the first function in it that is not ours, as a rule the handler;
    `place` the file and line where it is now; `seconds` how long the loop has waited,
    at least; `over` whether it has come back.
    """

    name: str
    place: str
    seconds: float
    stack: str
    over: bool


def log_slow_call(call: SlowCall) -> None:
    """Tell of it in the log."""
    if call.over:
        log.warning("%s kept the loop for %.2f s", call.name, call.seconds)
    else:
        words = "%s keeps the loop, for %.2f s so far; now in %s"
        log.warning(words, call.name, call.seconds, call.place)


class Watchdog(Sampler):
    """Names who keeps the loop longer than `limit` seconds, while it is kept.

    `report` is called, from the watchdog's thread, with a SlowCall once when a call is
    too long, and once when it has ended. To start in the thread in which the loop runs.
    """

    def __init__(
        self,
        loop: Any,
        limit: float = 0.1,
        report: Callable[[SlowCall], Any] = log_slow_call,
    ) -> None:
        super().__init__(limit / 4)
        self.loop = loop
        self.limit = limit
        self.report = report
        self._call: FrameType | None = None  # the one of the last look
        self._since = 0.0
        self._told: SlowCall | None = None

    def sample(self, frame: FrameType) -> None:
        call = self._call_in(frame)
        now = monotonic()
        seconds = now - self._since
        # The same frame is the same call: as long as we have it, no other can stand
        # in its place.
        if call is not self._call:
            if self._told is not None:
                self.report(self._told._replace(seconds=seconds, over=True))
            self._call, self._since, self._told = call, now, None
        elif call is not None and seconds >= self.limit and self._told is None:
            self._told = slow_call(frame, call, seconds)
            self.report(self._told)

    def _call_in(self, frame: FrameType) -> FrameType | None:
        """The frame of what the loop has called; None while it sleeps."""
        loop = type(self.loop)
        callers = loop.turn.__code__, loop.run_ready.__code__
        asleep: CodeType = type(self.loop.poller).poll.__code__
        call = None
        for outer in outwards(frame):
            if outer.f_code in callers:
                return None if call is None or call.f_code is asleep else call
            call = outer
        return None


def slow_call(frame: FrameType, call: FrameType, seconds: float) -> SlowCall:
    """Describe a call, of which `frame` is the innermost."""
    inside = list(outwards(frame))
    inside = inside[inside.index(call) :: -1]
    theirs = [one for one in inside if not module_of(one).startswith(PACKAGE)]
    place = f"{frame.f_code.co_filename}:{frame.f_lineno}"
    name = name_of((theirs or inside)[0])
    return SlowCall(name, place, seconds, collapsed(frame), over=False)


def outwards(frame: FrameType | None) -> Iterator[FrameType]:
    """A frame, its caller's, and so on."""
    while frame is not None:
        yield frame
        frame = frame.f_back


def collapsed(frame: FrameType) -> str:
    """The names of the functions on a stack, outermost first."""
    return ";".join(reversed([name_of(one) for one in outwards(frame)]))


def module_of(frame: FrameType) -> str:
    """The module that a frame's function stands in."""
    return str(frame.f_globals.get("__name__", "?"))


def name_of(frame: FrameType) -> str:
    """`module.function`, for a method `module.Class.method`."""
    return f"{module_of(frame)}.{frame.f_code.co_qualname}"
