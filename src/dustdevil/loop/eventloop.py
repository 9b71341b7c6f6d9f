"""The event loop: wait until something can be done, do it, wait again.

A loop is a scheduler that can sleep. When no call is ready it asks the poller which
descriptors are, and sleeps at most until the next timer is due. All work of a server
is done in callbacks that the loop makes, in one thread, one at a time: no two of them
run at once, so they need no locks, and none may take long.

    loop = Loop()
    loop.watch(sock.fileno(), READ, on_readable)
    loop.call_later(0.5, print, "half a second later")
    loop.run_forever()
"""

import heapq
import signal
import socket
from collections.abc import Callable
from itertools import count
from time import monotonic
from typing import Any, TypeVar

from dustdevil.coroutine import (
    Callback,
    Future,
    Scheduler,
    current_scheduler,
)
from dustdevil.loop.poller import READ, Poller, default_poller

OnReady = Callable[[int], Any]
T = TypeVar("T")


class Timer:
    """A call that waits for its time. `when` is on the loop's clock, in seconds."""

    __slots__ = ("_loop", "args", "callback", "when")

    def __init__(self, loop: "Loop", when: float, callback: Callback, args: tuple):
        self._loop = loop
        self.when = when
        self.callback: Callback | None = callback
        self.args = args

    def cancel(self) -> None:
        """Never make the call. Cancelling twice, or too late, does nothing."""
        if self.callback is not None:
            # What the call would have used can be freed now, and not when its time
            # comes: a minute's timeout would keep each connection for a minute.
            self.callback, self.args = None, ()
            self._loop.forget_timer()


class Loop(Scheduler):
    """A scheduler with a poller, timers, signals, and calls from other threads."""

    def __init__(self, poller: Poller | None = None) -> None:
        super().__init__()
        self.poller = default_poller() if poller is None else poller
        self._watched: dict[int, OnReady] = {}
        self._edges: set[int] = set()
        self._timers: list[tuple[float, int, Timer]] = []
        self._order = count()
        self._cancelled = 0
        self._signals: dict[int, tuple[Callback, tuple, Any]] = {}
        self._stopping = False
        self._shared: dict[Callable, Any] = {}
        self._woken = False
        self._wake_send, self._wake_recv = socket.socketpair()
        self._wake_send.setblocking(False)
        self._wake_recv.setblocking(False)
        self.watch(self._wake_recv.fileno(), READ, self._on_wake)

    # One turn

    def turn(self) -> None:
        """Wait for something to do, and do all of it, once.

        Descriptors first, then the timers that are due, then the calls that were
        ready or became so. What these calls add waits for the next turn.
        """
        watched = self._watched
        for fd, events in self.poller.poll(self._patience()):
            # An earlier callback of this turn may have stopped watching this one.
            on_ready = watched.get(fd)
            if on_ready is not None:
                try:
                    on_ready(events)
                except Exception as error:
                    self.on_error(error, on_ready)
        self._release_timers()
        self.run_ready()

    def _patience(self) -> float | None:
        """How long this turn may sleep: seconds, or None for no limit."""
        if self.ready or self._stopping:
            return 0
        if not self._timers:
            return None
        return max(0, self._timers[0][0] - monotonic())

    def run_forever(self) -> None:
        """Take turns until `stop()`."""
        self._stopping = False
        self.run_until(lambda: self._stopping)

    def stop(self) -> None:
        """End `run_forever()` with this turn; only from the loop's own thread."""
        self._stopping = True

    # Descriptors

    def watch(self, fd: int, events: int, on_ready: OnReady, edge: bool = False):
        """Call `on_ready(events)` whenever the descriptor is ready for `events`.

        A report can be stale: an earlier callback of the same turn may have read
        the bytes. So descriptors are non-blocking, and a callback takes
        BlockingIOError for "not now". Raises what the poller's `register` does.
        """
        self.poller.register(fd, events, edge)
        self._watched[fd] = on_ready
        if edge:
            self._edges.add(fd)

    def rewatch(self, fd: int, events: int) -> None:
        """Ask for other events on a watched descriptor; the callback stays."""
        self.poller.modify(fd, events, fd in self._edges)

    def unwatch(self, fd: int) -> None:
        """Stop watching. Call it before closing the descriptor, not after: the
        kernel gives a closed descriptor's number to the next socket."""
        self.poller.unregister(fd)
        del self._watched[fd]
        self._edges.discard(fd)

    # Timers

    def time(self) -> float:
        """The loop's clock, in seconds: its zero is arbitrary, and it is never set.

        The time of day, `time.time()`, jumps when the system corrects it.
        """
        return monotonic()

    def call_later(self, delay: float, callback: Callback, *args: Any) -> Timer:
        """Call `callback(*args)` in `delay` seconds; the Timer can cancel that."""
        return self.call_at(monotonic() + delay, callback, *args)

    def call_at(self, when: float, callback: Callback, *args: Any) -> Timer:
        """Call `callback(*args)` when `time()` has reached `when`."""
        timer = Timer(self, when, callback, args)
        # The number in the middle keeps timers of the same moment in the order in
        # which they were made, and the heap from comparing two Timers.
        heapq.heappush(self._timers, (when, next(self._order), timer))
        return timer

    def _release_timers(self) -> None:
        """Queue the calls of the timers that are due."""
        timers = self._timers
        now = monotonic()
        while timers and timers[0][0] <= now:
            timer = heapq.heappop(timers)[2]
            if timer.callback is None:
                self._cancelled -= 1
            else:
                self.call_soon(timer.callback, *timer.args)
                timer.callback = None  # from here on, cancel() has no effect

    def forget_timer(self) -> None:
        """Count a cancelled timer; clear them out when they are most of the heap.

        Taking one out of the middle would mean a search through the whole heap.
        Leaving all of them there takes memory, and most timeouts are cancelled.
        """
        self._cancelled += 1
        if self._cancelled > 100 and self._cancelled > len(self._timers) // 2:
            self._timers = [entry for entry in self._timers if entry[2].callback]
            heapq.heapify(self._timers)
            self._cancelled = 0

    # Other threads, and signals

    def call_from_thread(self, callback: Callback, *args: Any) -> None:
        """`call_soon` for another thread, which may use no other method of a loop.

        A loop that sleeps in the poller doesn't notice a longer queue, so this sends
        a byte to a socket that it watches: one byte for all calls until it wakes.
        """
        self.call_soon(callback, *args)
        if not self._woken:
            self._woken = True
            self._wake()

    def _wake(self) -> None:
        try:
            self._wake_send.send(b"\0")
        except BlockingIOError:
            pass  # the buffer is full, and its bytes will wake the loop
        except OSError:
            pass  # the loop is closed: there is nothing to wake

    def _on_wake(self, events: int) -> None:
        for number in self._wake_recv.recv(4096):
            if number in self._signals:  # 0 comes from a thread
                callback, args, _ = self._signals[number]
                self.call_soon(callback, *args)
        # After recv: it would swallow a byte sent since, and the flag would stay up.
        # Before the calls are made: one that is queued later has to send a byte again.
        self._woken = False

    def on_signal(self, number: int, callback: Callback, *args: Any) -> None:
        """Call `callback(*args)` when the process gets this signal, signal(7).

        The call is made in a turn of the loop, not in the middle of another callback.
        Raises ValueError outside the main thread, where Python handles no signals,
        and OSError or ValueError for a signal that can't be caught.
        """
        earlier = signal.signal(number, lambda *_: None)
        if not self._signals:
            # Python's C handler writes the signal's number to this socket.
            wake = self._wake_send.fileno()
            self._earlier_wakeup = signal.set_wakeup_fd(wake, warn_on_full_buffer=False)
        if number in self._signals:
            earlier = self._signals[number][2]
        self._signals[number] = callback, args, earlier

    # What lives as long as the loop

    def shared(self, make: Callable[[], T]) -> T:
        """Return the loop's own `make()`: made by the first call, then kept.

        It has a `close()`, which is called when the loop closes.
        """
        if make not in self._shared:
            self._shared[make] = make()
        return self._shared[make]

    def close(self) -> None:
        """Close all that the loop holds. Closing twice does nothing."""
        while self._shared:
            self._shared.popitem()[1].close()  # newest first: it may need the others
        if self._signals:
            signal.set_wakeup_fd(self._earlier_wakeup)
        for number, (_, _, earlier) in self._signals.items():
            signal.signal(number, earlier)
        self._signals.clear()
        self._watched.clear()
        self._timers.clear()
        self.ready.clear()
        self.poller.close()
        self._wake_send.close()
        self._wake_recv.close()


def running_loop() -> Loop:
    """Return the loop that runs in this thread; RuntimeError if there is none."""
    loop = current_scheduler()
    if not isinstance(loop, Loop):
        raise RuntimeError("this needs a Loop, and a bare Scheduler runs here")
    return loop


async def until_ready(loop: Loop, fd: int, events: int) -> None:
    """Wait until a descriptor that is not watched yet is ready for `events`."""
    future = Future(loop)

    def on_ready(_: int) -> None:
        if not future.done():
            future.set_result(None)

    loop.watch(fd, events, on_ready)
    try:
        await future
    finally:
        loop.unwatch(fd)
