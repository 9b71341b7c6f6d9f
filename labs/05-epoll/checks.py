"""The checks of lab 5: `poller` and `loop`, rebuilt.

Time and readiness are made up wherever they can be: a poller that tells what we want
it to tell, and a clock that moves when somebody sleeps. Then nothing depends on how
busy the machine is.
"""

import os
import select
import signal
import socket
import sys
import threading
import time

from workshop.labs.checks import (
    Bench,
    Wrong,
    check,
    expect,
    expect_raises,
    expect_same,
    expect_true,
)

NOON = 1_000_000.0  # where the made-up clock begins, in seconds
PATIENCE = 2.0  # seconds the real poller sleeps at most: a loop that nobody woke


class Clock:
    """A clock that stands still until somebody moves it."""

    def __init__(self, bench: Bench) -> None:
        self.now = NOON
        module = bench.loop.eventloop
        real, wall = time.monotonic, time.time
        time.monotonic, time.time = self, self.wall
        for name, value in list(vars(module).items()):
            if value is real:
                setattr(module, name, self)
            elif value is wall:
                setattr(module, name, self.wall)
        self.shift = 1_700_000_000.0

    def __call__(self) -> float:
        return self.now

    def wall(self) -> float:
        """The clock on the wall, which somebody may set."""
        return self.now + self.shift


class MadeUpPoller:
    """A poller that reports what is written into `script`, one list a poll."""

    def __init__(self, clock: Clock | None = None) -> None:
        self.clock = clock
        self.script: list[list[tuple[int, int]]] = []
        self.asked: list[float | None] = []
        self.told: list[tuple] = []
        self.known: set[int] = set()

    def register(self, fd, events, edge=False):
        if fd in self.known:
            raise FileExistsError(fd)
        self.known.add(fd)
        self.told.append(("register", fd, events, bool(edge)))

    def modify(self, fd, events, edge=False):
        self.told.append(("modify", fd, events, bool(edge)))

    def unregister(self, fd):
        if fd not in self.known:
            raise FileNotFoundError(fd)
        self.known.remove(fd)
        self.told.append(("unregister", fd))

    def poll(self, timeout):
        self.asked.append(timeout)
        if self.script:
            return self.script.pop(0)
        if self.clock and timeout:
            self.clock.now += timeout
        return []

    def close(self):
        pass


def made_up_loop(bench: Bench):
    """A loop on a poller and a clock that we move; watching nothing yet."""
    clock = Clock(bench)
    poller = MadeUpPoller(clock)
    loop = bench.loop.eventloop.Loop(poller)
    poller.told.clear()
    return loop, poller, clock


def names_of(bench: Bench, bits: int) -> str:
    """Event bits in words: "READ | WRITE"."""
    poller = bench.loop.poller
    names = [
        name
        for name in ("READ", "WRITE", "ERROR", "HANGUP", "RDHUP")
        if bits & getattr(poller, name)
    ]
    return " | ".join(names) or "nothing"


def expect_ready(bench: Bench, poller, sock: socket.socket, wanted: int, when: str):
    """Look at what a poller reports about one socket, now."""
    ready = poller.poll(0)
    if not isinstance(ready, list):
        raise Wrong(
            f"poll(0), {when}\n  expected: a list of pairs (descriptor, events)\n"
            f"  got:      {ready!r}"
        )
    got = dict(ready).get(sock.fileno(), 0)
    expect_true(
        f"poll(0), {when}",
        got == wanted,
        names_of(bench, wanted),
        names_of(bench, got),
    )


def pair() -> tuple[socket.socket, socket.socket]:
    """Two connected sockets that do not block."""
    a, b = socket.socketpair()
    a.setblocking(False)
    b.setblocking(False)
    return a, b


def fill(sock: socket.socket) -> None:
    """Write until the kernel's buffer takes no more."""
    try:
        while True:
            sock.send(b"x" * 65536)
    except BlockingIOError:
        pass


@check(
    "A poller made from select()",
    step=1,
    read="Three pollers",
    hints=[
        "select() takes three lists of descriptors and gives back the three parts of "
        "them that are ready. self._events remembers, for each descriptor, for what "
        "it is to be looked at.",
        "Who wants READ goes into the first list, who wants WRITE into the second. A "
        "descriptor may be in both, and its answer is then one pair with both bits.",
        "readable, writable, _ = select.select(reading, writing, [], timeout); then "
        "ready = dict.fromkeys(readable, READ), and or WRITE into it for the others.",
    ],
)
def asks_with_select(bench: Bench) -> None:
    READ, WRITE = bench.loop.poller.READ, bench.loop.poller.WRITE
    poller = bench.loop.poller.SelectPoller()
    (a, b), (c, d) = pair(), pair()
    poller.register(a.fileno(), READ)
    expect_ready(bench, poller, a, 0, "registered for READ, nothing sent yet")
    data = bench.word().encode()
    b.send(data)
    expect_ready(bench, poller, a, READ, "after a byte came")
    expect_ready(bench, poller, a, READ, "asked again, and nobody has read it")
    poller.modify(a.fileno(), READ | WRITE)
    expect_ready(bench, poller, a, READ | WRITE, "now looked at for READ | WRITE")
    poller.modify(a.fileno(), WRITE)
    expect_ready(bench, poller, a, WRITE, "now looked at for WRITE only")
    poller.modify(a.fileno(), READ | WRITE)
    a.recv(100)
    expect_ready(bench, poller, a, WRITE, "after everything was read")
    fill(a)
    expect_ready(bench, poller, a, 0, "after the send buffer was filled")
    poller.register(c.fileno(), READ)
    d.close()
    expect_ready(bench, poller, c, READ, "the other side closed (READ: end of file)")
    poller.unregister(c.fileno())
    expect_ready(bench, poller, c, 0, "after unregister")
    poller.register(c.fileno(), bench.loop.poller.RDHUP)
    expect_ready(bench, poller, c, READ, "looked at for RDHUP, at its end of file")
    poller.unregister(c.fileno())
    with expect_raises(FileExistsError, "register of a descriptor that is registered"):
        poller.register(a.fileno(), READ)
    with expect_raises(FileNotFoundError, "unregister of one that is not registered"):
        poller.unregister(c.fileno())
    with expect_raises(FileNotFoundError, "modify of one that is not registered"):
        poller.modify(c.fileno(), READ)
    for fd in (5000, -1, poller.LIMIT):
        with expect_raises(
            ValueError,
            f"register of descriptor {fd}",
            "select() takes a bit mask with the bits 0 to 1023: below LIMIT.",
        ):
            poller.register(fd, READ)
    for name, fd in (("register", c.fileno()), ("modify", a.fileno())):
        with expect_raises(
            ValueError,
            f"{name} with edge=True",
            "select() knows no edges; _set() says so, if it is told.",
        ):
            getattr(poller, name)(fd, READ, edge=True)
    poller.register(0, READ)  # the smallest descriptor has a bit, too
    poller.unregister(0)


@check(
    "The same with epoll: levels, edges, and half a close",
    step=2,
    read="Ten bytes, read three at a time",
    hints=[
        "self._epoll is a select.epoll object: register, modify, unregister and poll "
        "are its methods, and our bits are the kernel's own.",
        "With edge=True one more bit goes to the kernel along with the events. It "
        "stands at the top of the file.",
        "self._epoll.register(fd, events | EDGE if edge else events); modify likewise; "
        "and poll returns self._epoll.poll(timeout).",
    ],
)
def asks_with_epoll(bench: Bench) -> None:
    if not hasattr(select, "epoll"):
        return  # not on this system: chapter 5 tells what it has in its place
    READ, WRITE, RDHUP = (
        getattr(bench.loop.poller, n) for n in ("READ", "WRITE", "RDHUP")
    )
    poller = bench.loop.poller.EpollPoller()
    (a, b), (c, d) = pair(), pair()
    poller.register(a.fileno(), READ)
    b.send(bench.word().encode())
    expect_ready(bench, poller, a, READ, "registered for READ, and a byte came")
    expect_ready(bench, poller, a, READ, "asked again: the level is still high")
    poller.modify(a.fileno(), READ | WRITE)
    expect_ready(bench, poller, a, READ | WRITE, "looked at for READ | WRITE")
    expect_ready(bench, poller, a, READ | WRITE, "and asked once more")
    poller.register(c.fileno(), READ | RDHUP, edge=True)
    d.send(b"1")
    expect_ready(bench, poller, c, READ, "edge=True, and a byte came")
    expect_ready(bench, poller, c, 0, "edge=True, asked again: nothing new came")
    d.send(b"2")
    expect_ready(bench, poller, c, READ, "edge=True, and another byte came")
    d.shutdown(socket.SHUT_WR)
    expect_ready(bench, poller, c, READ | RDHUP, "the peer will send no more")
    poller.modify(a.fileno(), WRITE, edge=True)
    expect_ready(bench, poller, a, WRITE, "modify(fd, WRITE, edge=True)")
    expect_ready(bench, poller, a, 0, "modify(fd, WRITE, edge=True), asked again")
    began = time.monotonic()
    poller.poll(0.01)
    expect_true(
        "poll(0.01) with nothing ready",
        time.monotonic() - began >= 0.009,
        "a sleep of 0.01 seconds",
        "no sleep",
        "The timeout is in seconds, for epoll as for select.",
    )


@check(
    "Watch, rewatch, unwatch",
    step=3,
    read="A turn",
    hints=[
        "The poller knows descriptors, the loop knows callbacks. self._watched keeps "
        "the callback of each descriptor.",
        "Look at who may raise: if the poller refuses a descriptor, the loop should "
        "not remember it. So the poller is asked first.",
        "rewatch keeps the callback, and passes on whether the descriptor was watched "
        "for edges: fd in self._edges.",
    ],
)
def watches(bench: Bench) -> None:
    loop, poller, _ = made_up_loop(bench)
    READ, WRITE = bench.loop.poller.READ, bench.loop.poller.WRITE
    fd, edgy = bench.random.sample(range(100, 1000), 2)
    log: list[tuple[int, int]] = []
    loop.watch(fd, READ, lambda events: log.append((fd, events)))
    loop.watch(edgy, WRITE, lambda events: log.append((edgy, events)), edge=True)
    loop.rewatch(fd, READ | WRITE)
    loop.rewatch(edgy, READ)
    expect(
        f"watch({fd}, READ), watch({edgy}, WRITE, edge=True), rewatch({fd}, READ | "
        f"WRITE), rewatch({edgy}, READ); what the poller is told",
        poller.told,
        [
            ("register", fd, READ, False),
            ("register", edgy, WRITE, True),
            ("modify", fd, READ | WRITE, False),
            ("modify", edgy, READ, True),
        ],
        "The last entry says whether edges are asked for; rewatch does not change it.",
    )
    poller.told.clear()
    loop.unwatch(edgy)
    expect(
        f"what the poller is told by unwatch({edgy})",
        poller.told,
        [("unregister", edgy)],
    )
    expect_true(
        f"the callback of {edgy} after unwatch({edgy})",
        edgy not in loop._watched,
        "it is in loop._watched no more",
        "it is still there",
        "What the callback holds, a connection say, would stay in memory.",
    )
    level = fd + 2000
    loop.watch(level, READ, len)
    loop.unwatch(level)
    poller.told.clear()
    loop.watch(edgy, READ, lambda events: log.append((edgy, -events)))
    loop.rewatch(edgy, WRITE)
    expect(
        f"watch({edgy}, READ) after unwatch, then rewatch({edgy}, WRITE)",
        poller.told,
        [("register", edgy, READ, False), ("modify", edgy, WRITE, False)],
        "The descriptor's number is used again, by another socket: that the first one "
        "was watched for edges must be forgotten.",
    )
    _asks_the_poller_first(loop, poller, fd)
    for number, callback in loop._watched.items():
        if number in (fd, edgy):
            callback(READ)
    expect(
        "who is called for READ at both",
        sorted(log),
        sorted([(fd, READ), (edgy, -READ)]),
    )


def _asks_the_poller_first(loop, poller: MadeUpPoller, fd: int) -> None:
    nobody = fd + 1000
    with expect_raises(FileNotFoundError, "unwatch() of one that nobody watches"):
        loop.unwatch(nobody)
    before = loop._watched.get(fd)
    with expect_raises(FileExistsError, "watch() of one that is watched already"):
        loop.watch(fd, 1, len, edge=True)
    expect_true(
        "the callback of a descriptor after a second watch() that was refused",
        loop._watched.get(fd) is before,
        "the first one, as before",
        "the second one",
        "Ask the poller first: if it raises, nothing has happened yet.",
    )
    expect_true(
        "the same, after the second watch() asked for edges",
        fd not in loop._edges,
        "it is not in loop._edges, as before",
        "it is in loop._edges",
        "Ask the poller first: if it raises, nothing has happened yet.",
    )


@check(
    "Timers do not care when somebody sets the clock",
    step=4,
    read="Timers",
    hints=[
        "There are two clocks: one says what time it is, the other how much time has "
        "passed.",
        "time.time() is the clock on the wall. It is put right from time to time, and "
        "then jumps.",
        "monotonic() in call_later and in _release_timers.",
    ],
)
def the_right_clock(bench: Bench) -> None:
    loop, _, clock = made_up_loop(bench)
    log: list[str] = []
    delay = bench.random.randint(5, 50)
    loop.call_later(delay, log.append, "rung")
    clock.shift += 3600  # the hour that daylight saving time takes away
    _release(loop, clock, 0)
    what = f"call_later({delay}), then the clock on the wall is set"
    expect(f"{what} an hour ahead; calls made at once", log, [])
    clock.shift -= 7200
    _release(loop, clock, delay + 1)
    expect(f"{what} back; calls made {delay + 1} seconds later", log, ["rung"])


@check(
    "Timers come in order, once, and not when cancelled",
    step=4,
    read="Timers",
    hints=[
        "heapq keeps the smallest entry of a list at its front. An entry is a tuple: "
        "the time first.",
        "Two timers of the same moment would make the heap compare the timers "
        "themselves. A number between, next(self._order), settles it, and keeps them "
        "in the order in which they were made.",
        "_release_timers: while timers and timers[0][0] <= now: pop one; unless it was "
        "cancelled, self.call_soon(timer.callback, *timer.args).",
    ],
)
def timers(bench: Bench) -> None:
    loop, _, clock = made_up_loop(bench)
    log: list[str] = []
    delays = bench.random.sample(range(1, 50), 6)
    for delay in delays:
        loop.call_later(delay, log.append, f"after {delay}")
    same = bench.random.randint(60, 90)
    for letter in "abc":
        timer = loop.call_at(NOON + same, log.append, letter)
        expect_true(
            f"what call_at({NOON + same:.0f}, …) returns",
            getattr(timer, "when", None) == NOON + same,
            "a Timer whose `when` is that moment",
            f"{type(timer).__name__}, when={getattr(timer, 'when', None)}",
        )
    cancelled = loop.call_later(20.5, log.append, "cancelled")
    cancelled.cancel()
    cancelled.cancel()
    said = f"call_later({', '.join(map(str, delays))}), now at {{}} seconds"
    _release(loop, clock, 0)
    expect(said.format(0), log, [])
    half = sorted(delays)[2]
    _release(loop, clock, half)
    wanted = [f"after {delay}" for delay in sorted(delays) if delay <= half]
    expect(
        said.format(half),
        log,
        wanted,
        "A timer whose moment is just now is due." if log == wanted[:-1] else "",
    )
    _release(loop, clock, 100)
    wanted = [f"after {delay}" for delay in sorted(delays)] + ["a", "b", "c"]
    expect(
        f"{said.format(100)}; a, b, c all at {same}", log, wanted, _about(log, wanted)
    )
    _release(loop, clock, 200)
    expect("the same timers at 200 seconds: what was called, in all", log, wanted)
    _lets_go(loop)
    _keeps_count(loop, clock)
    _stays_cheap(bench, loop)


def _about(log: list[str], wanted: list[str]) -> str:
    if "cancelled" in log:
        return "A cancelled timer's call was made."
    if sorted(log) == sorted(wanted):
        return "Timers of the same moment are called in the order they were made."
    return ""


def _release(loop, clock: Clock, seconds: float) -> None:
    """Move the clock and make the calls whose time has come."""
    clock.now = NOON + seconds
    loop._release_timers()
    loop.run_ready()


def _lets_go(loop) -> None:
    keeps = []
    timer = loop.call_later(60, keeps.append, bytearray(100))
    timer.cancel()
    expect_true(
        "what a cancelled timer still holds, an hour before its time",
        timer.callback is None and not timer.args,
        "neither the callback nor its arguments",
        f"the callback: {'no' if timer.callback is None else 'yes'}, "
        f"arguments: {'yes' if timer.args else 'no'}",
        "A timeout of a minute would keep its connection in memory for a minute after "
        "it has closed.",
    )


def _keeps_count(loop, clock: Clock) -> None:
    rung = loop.call_later(1, len, "")
    _release(loop, clock, 3600)
    rung.cancel()
    for delay in range(20):
        timer = loop.call_later(delay, len, "")
        timer.cancel()
        timer.cancel()
    expect(
        "20 timers cancelled, twice each, and one that has rung already; "
        "loop._cancelled, which forget_timer() counts",
        loop._cancelled,
        20,
        "A cancel() that changes nothing is not counted, or the loop would tidy up for "
        "nothing.",
    )
    _release(loop, clock, 7200)
    expect("loop._cancelled, after their time has passed", loop._cancelled, 0)


class Moment(float):
    """A time that counts how often it is compared."""

    compared = 0

    def __lt__(self, other):
        Moment.compared += 1
        return float(self) < float(other)

    def __gt__(self, other):
        Moment.compared += 1
        return float(self) > float(other)

    def __le__(self, other):
        Moment.compared += 1
        return float(self) <= float(other)


def _stays_cheap(bench: Bench, loop) -> None:
    for number in range(500):
        loop.call_at(Moment(NOON + 1000 + number * 7 % 500), print)
    Moment.compared = 0
    loop.call_at(Moment(NOON + 1000 + bench.random.random()), print)
    expect_true(
        "comparisons of times to add one timer to 500",
        Moment.compared <= 50,
        "a few more than log2(500), 9",
        # In tens: Python's versions sort with a comparison more or less.
        f"about {round(Moment.compared, -1)}",
        "Sorting a list anew for each timer looks at all of them; a heap looks at one "
        "branch.",
    )


@check(
    "How long poll() may sleep",
    step=5,
    read="A turn",
    hints=[
        "_patience answers one question: is there anything to do later, and when? If "
        "nothing is ready and no timer is set, what should poll() be told?",
        "0 where a call is ready or the loop is stopping; None where there are no "
        "timers; else the time to the first one, which may have passed already.",
        "return max(0, self._timers[0][0] - monotonic())",
    ],
)
def patience(bench: Bench) -> None:
    loop, _, clock = made_up_loop(bench)
    delay = bench.random.randint(3, 300)
    _expect_patience(loop, "nothing is ready, and no timer is set", None)
    loop.call_later(delay, len, "")
    loop.call_later(delay + 1000, len, "")
    clock.now += 1
    _expect_patience(loop, f"the next timer is due in {delay - 1} seconds", delay - 1)
    clock.now += delay
    _expect_patience(loop, "a timer is overdue", 0)
    loop._release_timers()
    loop.run_ready()
    loop.call_soon(len, "")
    _expect_patience(loop, "a call is ready", 0)
    loop.run_ready()
    loop.stop()
    _expect_patience(loop, "stop() was called", 0)


def _expect_patience(loop, when: str, wanted: float | None) -> None:
    got, why = loop._patience(), ""
    if wanted != 0 and got == 0:
        why = "A loop that never sleeps keeps a core busy and does nothing with it."
    elif got is not None and got < 0:
        why = "To epoll a negative timeout means: for as long as it takes."
    elif got is not None and (wanted is None or got < wanted):
        why = "It would wake, find nothing to do, and sleep again, all day long."
    elif got is None or (wanted is not None and got > wanted):
        why = "It would sleep past what there is to do."
    expect(f"_patience(), when {when}", got, wanted, why)


def echo(loop, bench: Bench, listener: socket.socket) -> None:
    """Accept connections and send back what they send, as callbacks of a loop."""
    READ = bench.loop.poller.READ
    listener.setblocking(False)

    def on_connection(events):
        sock, _ = listener.accept()
        sock.setblocking(False)
        loop.watch(sock.fileno(), READ, lambda events: on_readable(sock))

    def on_readable(sock):
        data = sock.recv(65536)
        if data:
            sock.send(data)
        else:
            loop.unwatch(sock.fileno())
            sock.close()

    loop.watch(listener.fileno(), READ, on_connection)


def serve(bench: Bench, listener: socket.socket) -> None:
    """What `workshop lab serve 5` runs: the echo server of the check below."""
    loop = bench.loop.eventloop.Loop()
    echo(loop, bench, listener)
    loop.run_forever()


@check(
    "An echo server for three clients at once",
    step=5,
    read="A loop in twenty lines",
    hints=[
        "The lines above say how far it came. Which callback of the server was called "
        "once too few?",
        "A descriptor stays watched until unwatch(): its callback is called each time "
        "it is ready. And poll() may report several at once.",
        "for fd, events in self.poller.poll(self._patience()): look the callback up in "
        "self._watched, leave it there, and call it with events.",
    ],
)
def echo_server(bench: Bench) -> None:
    listener = socket.create_server(("127.0.0.1", 0))
    address = listener.getsockname()
    failed: list[Exception] = []

    def in_background():
        try:
            serve(bench, listener)
        except Exception as error:
            failed.append(error)

    threading.Thread(target=in_background, daemon=True).start()
    by_hand = (
        ".venv/bin/workshop lab serve 5 --port 8005 in one terminal, and in another: "
        "echo hello | curl -s -m 1 telnet://127.0.0.1:8005"
    )
    first, *others = (
        bench.client(address, f"client {number}", by_hand) for number in (1, 2, 3)
    )
    for client in (*others, *others, first):
        text = f"{bench.word()}\n".encode()
        client.send(text)
        got = client.receive(len(text))
        if failed:
            raise failed[0]
        expect(f"what {client.name} gets back", got, text)


@check(
    "One turn: all that are ready, and nothing that comes up meanwhile",
    step=5,
    read="A turn",
    hints=[
        "Three things in order: the descriptors that poll() reports, the timers that "
        "are due, the calls that are ready.",
        "What a callback does is not in our hands: it may unwatch a descriptor that is "
        "in the same report, raise, or add a call that adds a call.",
        "For each (fd, events): on_ready = self._watched.get(fd), and if it is there, "
        "on_ready(events) inside try … except Exception as error: "
        "self.on_error(error, on_ready). Then self._release_timers() and "
        "self.run_ready().",
    ],
)
def one_turn(bench: Bench) -> None:
    loop, poller, clock = made_up_loop(bench)
    READ = bench.loop.poller.READ
    log: list = []
    fds = bench.random.sample(range(100, 1000), 3)
    for fd in fds:
        loop.watch(fd, READ, lambda events, fd=fd: log.append((fd, events)))
    loop.call_later(1, log.append, "timer")
    loop.call_soon(log.append, "call")
    clock.now += 1
    poller.script = [[(fd, READ) for fd in fds]]
    loop.turn()
    expect(
        f"one turn; {', '.join(map(str, fds))} are ready, one timer is due",
        log,
        [*((fd, READ) for fd in fds), "call", "timer"],
        _about_turn(log),
    )
    _sleeps(bench, loop, poller)
    _unwatched_meanwhile(loop, poller, fds, READ)
    _goes_on(loop, poller, fds, READ)
    _starves_nobody(loop, poller)


def _about_turn(log: list) -> str:
    if log[:1] in (["call"], ["timer"]):
        return "poll() comes first: what its callbacks make ready is called at once."
    if "call" in log and len(log) < 5:
        return "The report of poll() is a list, and everybody in it is ready."
    return ""


def _sleeps(bench: Bench, loop, poller: MadeUpPoller) -> None:
    delay, log = bench.random.randint(3, 300), []
    loop.call_later(delay, log.append, "timer")
    poller.asked = []
    loop.turn()
    expect(
        f"one turn, nothing is ready, a timer is due in {delay} seconds; the timeouts "
        "that poll() is given",
        poller.asked,
        [delay],
    )
    expect("the calls made in that turn, when poll() has slept so long", log, ["timer"])


def _unwatched_meanwhile(loop, poller: MadeUpPoller, fds: list[int], READ: int) -> None:
    first, second, _ = fds
    log: list = []
    loop.on_error = lambda error, where: log.append(f"{error} in {where}")
    for fd, other in ((first, second), (second, first)):
        loop.unwatch(fd)

        def callback(events, fd=fd, other=other):
            log.append(fd)
            loop.unwatch(other)

        loop.watch(fd, READ, callback)
    poller.script = [[(first, READ), (second, READ)]]
    what = (
        f"{first} and {second} are ready, and each one's callback unwatches the other"
    )
    why = "After unwatch() nobody wants to hear of that descriptor; it may be closed."
    try:
        loop.turn()
    except KeyError as error:
        raise Wrong(
            f"{what}\n  expected: only {first} is called\n"
            f"  got:      KeyError: {error}\n{why}"
        ) from error
    expect(what, log, [first], why)


def _goes_on(loop, poller: MadeUpPoller, fds: list[int], READ: int) -> None:
    log: list = []
    told: list = []

    def on_error(error, where):
        log.append(type(error).__name__)
        told.append(where)

    def divides(events):
        return 1 // 0

    loop.on_error = on_error
    first, last = fds[0], fds[2]
    loop.unwatch(first)
    loop.unwatch(last)
    loop.watch(first, READ, divides)
    loop.watch(last, READ, lambda events: log.append(last))
    poller.script = [[(first, READ), (last, READ)]]
    what = f"{first} and {last} are ready; the callback of {first} divides by zero"
    try:
        loop.turn()
    except ZeroDivisionError as error:
        raise Wrong(
            f"{what}\n  expected: on_error() is told, and the turn goes on\n"
            "  got:      the exception ends the loop, and with it every connection"
        ) from error
    expect(
        f"{what}; on_error() and {last} are called", log, ["ZeroDivisionError", last]
    )
    expect_same(f"{what}; in what, on_error() is told", got=told[0], wanted=divides)
    _ctrl_c_ends_it(loop, poller, last, READ)


def _ctrl_c_ends_it(loop, poller: MadeUpPoller, fd: int, READ: int) -> None:
    def interrupted(events):
        raise KeyboardInterrupt

    loop.unwatch(fd)
    loop.watch(fd, READ, interrupted)
    poller.script = [[(fd, READ)]]
    with expect_raises(
        KeyboardInterrupt,
        f"Ctrl-C comes while the callback of {fd} runs",
        "It is meant for the program, and no mistake of a callback.",
    ):
        loop.turn()


def _starves_nobody(loop, poller: MadeUpPoller) -> None:
    count = 0
    poller.asked = []

    def again():
        nonlocal count
        count += 1
        if count < 1000:
            loop.call_soon(again)

    loop.call_soon(again)
    loop.turn()
    expect_true(
        "a call that does call_soon() of itself, again and again; calls in one turn",
        count == 1,
        "1: what comes up in a turn waits for the next",
        f"{count}",
        "As long as calls make calls, nobody looks at the sockets.",
    )


@check(
    "A call from another thread wakes the sleeping loop",
    step=6,
    read="A call from another thread",
    hints=[
        "The loop sleeps in the kernel, in poll(). A longer queue in Python's memory "
        "does not wake it. What does?",
        "The loop watches one end of a socket pair, self._wake_recv; the other end is "
        "self._wake_send. A byte sent there makes the other end readable.",
        "call_from_thread: self.call_soon(callback, *args), then, unless self._woken "
        "is true already, make it so and self._wake(). _on_wake: "
        "self._wake_recv.recv(4096), so that nothing is readable any more, and "
        "self._woken = False.",
    ],
)
def wakes(bench: Bench) -> None:
    loop, asleep, slept_through = _sleeper(bench)
    log: list = []

    def called(word):
        log.append((word, threading.current_thread() is threading.main_thread()))
        loop.stop()

    word = bench.word()

    def other():
        asleep.wait()
        loop.call_from_thread(called, word)

    thread = threading.Thread(target=other)
    thread.start()
    loop.run_forever()
    thread.join()
    expect(
        "what is called, and whether in the loop's thread",
        log,
        [(word, True)],
        "Two threads would be at work on the loop's data at the same time."
        if log == [(word, False)]
        else "",
    )
    expect_true(
        "call_from_thread() while the loop sleeps in poll()",
        not slept_through,
        "poll() returns at once",
        f"it slept on, until we gave up waiting after {PATIENCE:g} s",
        "call_soon() only makes the queue longer. A byte must come for the poller to "
        "notice.",
    )
    _falls_silent(loop)
    _rings_once(loop)


def _sleeper(bench: Bench):
    """A loop on a real poller, an event set when it sleeps, and a list of its sins."""
    loop = bench.loop.eventloop.Loop()
    asleep, slept_through = threading.Event(), []
    poll = loop.poller.poll

    def patient_poll(timeout):
        if timeout == 0:
            return poll(0)
        asleep.set()
        ready = poll(PATIENCE if timeout is None else timeout)
        if not ready:
            slept_through.append(timeout)
        return ready

    loop.poller.poll = patient_poll
    return loop, asleep, slept_through


def _falls_silent(loop) -> None:
    for _ in range(3):
        loop.call_from_thread(len, "")
    for _ in range(10):
        loop.call_soon(len, "")
        loop.turn()
    ready = loop.poller.poll(0)
    expect_true(
        "poll(0), ten turns after the last call_from_thread()",
        not ready,
        "nothing: the bytes that woke it were read",
        "self._wake_recv is still readable",
        "Bytes that nobody reads keep the level high: the loop never sleeps again.",
    )


def _rings_once(loop) -> None:
    for when in ("while the loop sleeps", "after it has woken, and sleeps again"):
        for _ in range(3):
            loop.call_from_thread(len, "")
        came = (
            len(loop._wake_recv.recv(100, socket.MSG_PEEK))
            if loop.poller.poll(0)
            else 0
        )
        expect(
            f"three times call_from_thread() {when}; bytes that wait to be read",
            came,
            1,
            "self._woken says that a byte is on its way: _on_wake takes it back."
            if came == 0
            else "The first byte wakes the loop, and it makes all the calls then.",
        )
        loop.turn()


@check(
    "A signal becomes a call in a turn",
    step=7,
    read="Signals",
    hints=[
        "Python runs a signal's handler between any two bytecodes of the main thread, "
        "in the middle of whatever runs there. The loop wants it later, in a turn.",
        "signal.set_wakeup_fd makes Python write the number of each signal to a "
        "descriptor. self._wake_send is one that wakes the loop; _on_wake gets the "
        "number.",
        "signal.signal(number, lambda *_: None) so that the signal does nothing else, "
        "set_wakeup_fd(self._wake_send.fileno(), warn_on_full_buffer=False) the first "
        "time, "
        "and self._signals[number] = callback, args, earlier.",
    ],
)
def signals(bench: Bench) -> None:
    loop, asleep, slept_through = _sleeper(bench)
    number = bench.random.choice([signal.SIGUSR1, signal.SIGUSR2])
    name, word = signal.Signals(number).name, bench.word()
    log: list[str] = []
    before = signal.getsignal(number)

    def called(text):
        log.append(text)
        loop.stop()

    def interrupted():
        log.append("begins")
        os.kill(os.getpid(), number)
        log.append("ends")

    loop.on_signal(number, called, word)
    loop.call_soon(interrupted)
    loop.run_forever()
    expect(
        f"{name} comes while a callback runs; what runs when",
        log,
        ["begins", "ends", word],
        "A handler that runs in the middle of another function finds everything half "
        "done."
        if log[1:2] == [word]
        else "",
    )
    log.clear()
    asleep.clear()

    def other():
        asleep.wait()
        os.kill(os.getpid(), number)

    thread = threading.Thread(target=other)
    thread.start()
    loop.run_forever()
    thread.join()
    expect(f"{name} comes while the loop sleeps; what is called", log, [word])
    expect_true(
        f"{name} comes while the loop sleeps in poll()",
        not slept_through,
        "it wakes at once",
        f"it slept on, until we gave up waiting after {PATIENCE:g} s",
    )
    _may_change_its_mind(loop, number, log, called)
    _full_of_bytes(loop, number, name)
    loop.close()
    expect(
        "the descriptor that signal.set_wakeup_fd() has after close(); on_signal() was "
        "called twice",
        signal.set_wakeup_fd(-1),
        -1,
        "close() puts back self._earlier_wakeup: the one from before the first call, "
        "since at the second one it is our own socket, which is closed by now.",
    )
    expect_true(
        f"the handler of {name} after close()",
        signal.getsignal(number) == before,
        "the one from before the loop",
        "another one",
        "close() takes it from the third entry of self._signals[number].",
    )


def _may_change_its_mind(loop, number: int, log: list[str], called) -> None:
    log.clear()
    loop.on_signal(number, called, "second")
    loop.call_soon(os.kill, os.getpid(), number)
    loop.run_forever()
    expect("on_signal() for the same signal again; what is called", log, ["second"])


def _full_of_bytes(loop, number: int, name: str) -> None:
    complaints: list[str] = []
    hook, sys.unraisablehook = sys.unraisablehook, lambda it: complaints.append(it)
    fill(loop._wake_send)
    os.kill(os.getpid(), number)
    sys.unraisablehook = hook
    expect_true(
        f"{name} comes when the socket is full of bytes",
        not complaints,
        "not a word: it has been rung",
        "Python complains that there was no room for the signal's number",
        "set_wakeup_fd() can be told so: warn_on_full_buffer=False.",
    )
