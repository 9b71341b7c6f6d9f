"""Recorded traces: what a real loop did, turn by turn, as a moving figure.

`RecordedLoop` is the reference loop, and records the calls of its public methods
without changing what they do. `loop_player` draws such a trace.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from dustdevil.loop import Loop, Ready, Timer, default_poller
from workshop.figures import SMALL, Drawing, Player


@dataclass(frozen=True)
class Event:
    """One thing that happened, and the queues as they were right after it.

    `what` is one of: sleep, wake, call, return, queue, timer, due, run, done.
    """

    what: str
    who: tuple[str, ...]
    ready: tuple[str, ...]
    timers: tuple[str, ...]
    patience: float | None = None


class RecordedLoop(Loop):
    """A loop that records what it does in `trace`, under the callbacks' names."""

    def __init__(self) -> None:
        self.trace: list[Event] = []
        self.recording = False
        self.names: dict[int, str] = {}
        self._pending: list[tuple[Timer, str]] = []
        super().__init__(_RecordedPoller(self))

    def note(self, what: str, *who: str, patience: float | None = None) -> None:
        """Add an event to the trace, if it is being recorded."""
        if self.recording:
            ready = tuple(_name(callback) for callback, _ in self.ready)
            timers = tuple(label for _, label in self._pending)
            self.trace.append(Event(what, who, ready, timers, patience))

    def watch(
        self, fd: int, events: int, on_ready: Callable, edge: bool = False
    ) -> None:
        """`Loop.watch`, with calls of `on_ready` noted."""
        name = self.names.setdefault(fd, _name(on_ready).removeprefix("on_"))

        def noted(ready: int) -> None:
            self.note("call", name)
            on_ready(ready)
            self.note("return", name)

        super().watch(fd, events, noted, edge)

    def call_soon(self, callback: Callable, *args: Any) -> None:
        """`Loop.call_soon`, with the call noted now and when it is made."""
        label = _name(callback)

        def noted() -> None:
            self.note("run", label)
            callback(*args)
            self.note("done", label)

        noted.__name__ = label
        super().call_soon(noted)
        due = [p for p in self._pending if p[0].callback is callback]
        if due:
            self._pending.remove(due[0])
        self.note("due" if due else "queue", label)

    def call_at(self, when: float, callback: Callable, *args: Any) -> Timer:
        """`Loop.call_at`, noted."""
        timer = super().call_at(when, callback, *args)
        self._pending.append((timer, _name(callback)))
        self._pending.sort(key=lambda pending: pending[0].when)
        self.note("timer", _name(callback))
        return timer


class _RecordedPoller:
    """The system's poller, with going to sleep and waking up noted."""

    def __init__(self, loop: RecordedLoop) -> None:
        self._loop = loop
        self._poller = default_poller()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._poller, name)

    def poll(self, timeout: float | None) -> Ready:
        self._loop.note("sleep", patience=timeout)
        ready = self._poller.poll(timeout)
        self._loop.note("wake", *(self._loop.names[fd] for fd, _ in ready))
        return ready


def _name(callback: Callable) -> str:
    return getattr(callback, "__name__", type(callback).__name__).lstrip("_")


# --- the stage -------------------------------------------------------------------

STEPS = ("poll", "callbacks", "timers", "ready calls")
STEP_OF = {"sleep": 0, "wake": 0, "call": 1, "return": 1, "due": 2, "run": 3, "done": 3}
SLOTS = 3


def loop_player(loop: RecordedLoop, title: str, alt: str, *, still: int = 1) -> Player:
    """The trace of `loop` as a moving figure; its still is the frame of this number."""
    names = list(loop.names.values())
    state = _State(names)
    frames = []
    for event in loop.trace:
        if say := state.take(event):
            frames.append((say, state.picture(event)))
    player = Player(_stage(names, title, alt, frames[still - 1][1]))
    shown: dict[str, dict[str, object]] = {}
    for say, wanted in frames:
        changes = {key: v for key, v in wanted.items() if shown.get(key) != v}
        shown.update(wanted)
        player.frame(say, **changes)
    return player


def _stage(
    names: list[str], title: str, alt: str, now: dict[str, dict[str, object]]
) -> Drawing:
    """The figure as it stands in one frame, whose picture is `now`."""

    def fill(key: str) -> str:
        return str(now[key]["fill"])

    def said(key: str) -> object:
        return now[key]["text"]

    d = Drawing(title, alt, height=318)
    d.text(4, 16, "The kernel watches", fill="soft", size=SMALL)
    width = 412 / len(names)
    for n, name in enumerate(names):
        x = 4 + n * width
        d.rect(x, 24, width - 8, 44, key=f"fd{n}", fill=fill(f"fd{n}"), stroke="soft")
        d.text(x + (width - 8) / 2, 43, name, anchor="middle", bold=True)
        d.text(
            x + (width - 8) / 2,
            60,
            said(f"is{n}"),
            anchor="middle",
            size=SMALL,
            fill="soft",
            key=f"is{n}",
        )
    d.text(4, 100, "One turn of the loop", fill="soft", size=SMALL)
    d.text(416, 100, said("turn"), fill="soft", size=SMALL, anchor="end", key="turn")
    for n, step in enumerate(STEPS):
        x, key = 4 + n * 104, f"step{n}"
        d.rect(x, 108, 90, 36, key=key, fill=fill(key), stroke="soft", rx=18)
        d.text(49 + n * 104, 131, step, anchor="middle", size=13)
        if n:
            d.arrow(n * 104 - 10, 126, n * 104 + 2, 126)
    for side, queue in (("t", "Timers, the earliest first"), ("r", "Ready calls")):
        left = 4 if side == "t" else 216
        d.text(left, 176, queue, fill="soft", size=SMALL)
        for n in range(SLOTS):
            y, box, label = 184 + n * 44, f"{side}box{n}", f"{side}{n}"
            d.rect(left, y, 200, 36, key=box, fill=fill(box), stroke="line")
            middle = left + 100
            d.text(middle, y + 23, said(label), anchor="middle", key=label, mono=True)
    return d


class _State:
    """What the figure shows; each event changes it."""

    def __init__(self, names: list[str]) -> None:
        self.names = names
        self.is_ = dict.fromkeys(names, "idle")
        self.turn = 0
        self.step: int | None = None
        self.asleep = False
        self.running = ""

    def take(self, event: Event) -> str:
        """Apply an event; return its sentence, or "" if it needs no frame."""
        who = event.who[0] if event.who else ""
        self.asleep = event.what == "sleep"
        self.step = STEP_OF.get(event.what, self.step)
        if event.what == "sleep":
            self.turn += 1
            if event.patience is None:
                return "No call is ready, no timer runs: poll sleeps without limit."
            if event.patience == 0:
                return "A call is ready, so poll asks the kernel and does not sleep."
            return "No call is ready: poll sleeps, at most until the timer is due."
        if event.what == "wake":
            self.is_.update(dict.fromkeys(event.who, "ready"))
            if not who:
                return "The timer is due. The kernel has no descriptor to report."
            return f"The kernel reports {' and '.join(event.who)}."
        if event.what == "call":
            self.is_[who] = "called"
            return f"The loop calls the callback that watches {who}."
        if event.what == "return":
            self.is_[who] = "idle"
            return ""
        if event.what == "run":
            self.running = who
            return f"{who} is taken from the queue and called."
        if event.what == "done":
            self.running = ""
            return ""
        return {
            "queue": f"{who} joins the queue of ready calls.",
            "timer": f"{who} gets a timer.",
            "due": f"{who} is due: it joins the queue of ready calls.",
        }[event.what]

    def picture(self, event: Event) -> dict[str, dict[str, object]]:
        """The attributes of every shape that a frame can change."""
        tones = {"idle": "paper", "ready": "b-soft", "called": "c-soft"}
        now: dict[str, dict[str, object]] = {"turn": {"text": f"turn {self.turn}"}}
        for n, name in enumerate(self.names):
            now[f"fd{n}"] = {"fill": tones[self.is_[name]]}
            now[f"is{n}"] = {"text": self.is_[name]}
        for n in range(len(STEPS)):
            here = "a-soft" if self.asleep else "c-soft"
            now[f"step{n}"] = {"fill": here if n == self.step else "paper"}
        calls = ((f"{self.running}()",) if self.running else ()) + event.ready
        for side, queue in (("t", event.timers), ("r", calls)):
            for n in range(SLOTS):
                label = queue[n] if n < len(queue) else ""
                tone = "none"
                if label:
                    tone = "c-soft" if label.endswith("()") else "a-soft"
                now[f"{side}{n}"] = {"text": label}
                now[f"{side}box{n}"] = {"fill": tone}
        return now
