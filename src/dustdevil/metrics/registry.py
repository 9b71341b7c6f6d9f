"""Numbers that a server keeps of itself: counters, gauges, histograms.

A mean hides what hurts. Of a thousand answers, ten that took a second disappear in
it, and each of these ten had somebody waiting. So times are kept in histograms, that
can say what the slowest hundredth took. A list of all the values could, too, but it
grows for ever; a histogram only counts how many fell between two bounds. None of
these is safe to change from two threads: they belong to the loop's.

    registry = Registry()
    latency = registry.histogram("request_seconds", "Time to answer a request.")
    latency.observe(0.003)
    print(latency.quantile(0.99), registry.text())

Workers are processes of their own, with numbers of their own. `as_dict()` turns a
registry into plain dicts and lists that can be sent as JSON, and `Registry.merge()`
adds those of all the workers up. Counts can be added, bucket by bucket; quantiles
can't, which is one more reason to keep histograms.
"""

import logging
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from math import ceil, frexp, inf, ldexp
from typing import Any

log = logging.getLogger("dustdevil")

# What Prometheus lets a metric and a label be called.
METRIC_NAME = re.compile(r"[a-zA-Z_:][a-zA-Z0-9_:]*")
LABEL_NAME = re.compile(r"(?!__)[a-zA-Z_][a-zA-Z0-9_]*")

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"

# A histogram cuts every octave, from a power of two to the next, into buckets.
PARTS = 16
# The bucket for what is not positive: its index is below that of the smallest float.
BELOW_ALL = -2000 * PARTS
# The octaves that `text()` shows one by one, for times: 2**-20 s is a microsecond,
# 2**6 s a minute. What is above or below is counted as well.
OCTAVES = range(-20, 7)


class Counter:
    """A number that only grows: requests so far, errors so far."""

    kind = "counter"

    def __init__(self) -> None:
        self.value: float = 0

    def inc(self, amount: float = 1) -> None:
        """Count; ValueError for a negative amount."""
        if amount < 0:
            raise ValueError(f"a counter only grows, and {amount} is negative")
        self.value += amount

    def state(self) -> float:
        """The value: what `add` takes, and adds to that of another one."""
        return self.value

    def add(self, state: float) -> None:
        self.value += state


class Gauge(Counter):
    """A number that goes up and down: open connections. Workers' gauges add up."""

    kind = "gauge"

    def inc(self, amount: float = 1) -> None:
        """Let it rise; with a negative amount, fall."""
        self.value += amount

    def set(self, value: float) -> None:
        """Say what it is now."""
        self.value = value


class Reading:
    """A counter or gauge that somebody else keeps, and we ask for when we are asked.

    What is counted anyway need not be counted twice, and costs a request nothing.
    """

    def __init__(self, kind: str, read: Callable[[], float]) -> None:
        self.kind = kind
        self.state = read


class Histogram:
    """How many values fell into each of a row of buckets, that grow with the values.

    A bucket holds what is above its lower bound, up to its upper one. It is never
    wider than a sixteenth of its lower bound, so to take its middle for any value in
    it is wrong by 1/32 at most, about 3 %, for microseconds as for minutes. Values
    that are not positive share one bucket, whose middle is 0.
    """

    kind = "histogram"

    def __init__(self) -> None:
        self.count = 0
        self.sum = 0.0
        self.max = 0.0
        self._buckets: dict[int, int] = {}  # from index to how many

    def observe(self, value: float) -> None:
        """Count a value; ValueError for what is no finite number."""
        # In binary, a float is mantissa * 2**exponent, and 0.5 <= mantissa < 1. The
        # logarithm that we need is there already, and nothing has to be searched.
        mantissa, exponent = frexp(value)
        try:
            part = ceil(mantissa * 2 * PARTS)
        except (ValueError, OverflowError):
            raise ValueError(f"a histogram can't count {value}") from None
        index = exponent * PARTS + part if value > 0 else BELOW_ALL
        self._buckets[index] = self._buckets.get(index, 0) + 1
        self.count += 1
        self.sum += value
        if value > self.max:
            self.max = value

    def quantile(self, q: float) -> float:
        """The value that the share `q`, from 0 to 1, of all values does not exceed.

        Off by 1/32 of it at most; NaN when nothing was counted. Raises ValueError
        for what is no share.
        """
        if not 0 <= q <= 1:
            raise ValueError(f"a quantile is a share from 0 to 1, not {q}")
        rank = max(1, ceil(q * self.count))
        for index in sorted(self._buckets):
            rank -= self._buckets[index]
            if rank <= 0:
                lower, upper = bounds(index)
                return min((lower + upper) / 2, self.max)
        return float("nan")

    def cumulative(self) -> Iterator[tuple[float, int]]:
        """Yield pairs: an upper bound, and how many values do not exceed it.

        The bounds are powers of two, and exact, since no bucket lies across one.
        """
        for octave in OCTAVES:
            last = (octave + 1) * PARTS + PARTS
            below = [many for index, many in self._buckets.items() if index <= last]
            yield ldexp(1.0, octave), sum(below)
        yield inf, self.count

    def state(self) -> dict[str, Any]:
        """What was counted, as plain values that JSON knows."""
        buckets = [list(pair) for pair in sorted(self._buckets.items())]
        return {"sum": self.sum, "max": self.max, "buckets": buckets}

    def add(self, state: dict[str, Any]) -> None:
        """Add what another histogram counted; KeyError, TypeError, ValueError."""
        buckets = [(int(index), int(many)) for index, many in state["buckets"]]
        total, most = float(state["sum"]), float(state["max"])
        for index, many in buckets:
            self._buckets[index] = self._buckets.get(index, 0) + many
            self.count += many
        self.sum += total
        self.max = max(self.max, most)


def bounds(index: int) -> tuple[float, float]:
    """The lower and the upper bound of a histogram's bucket."""
    if index == BELOW_ALL:
        return 0.0, 0.0
    part = (index - 1) % PARTS + PARTS + 1
    exponent = (index - part) // PARTS
    unit = 2 * PARTS
    return ldexp((part - 1) / unit, exponent), ldexp(part / unit, exponent)


KINDS: dict[str, Any] = {cls.kind: cls for cls in (Counter, Gauge, Histogram)}
Labels = tuple[tuple[str, str], ...]


@dataclass
class Family:
    """All the metrics of one name, by labels."""

    kind: str
    help: str
    series: dict[Labels, Any] = field(default_factory=dict)


class Registry:
    """The metrics of a process, by name.

    To ask for a name and labels again gives the same metric. ValueError for a name
    that Prometheus would not take, or that is of another kind already.
    """

    def __init__(self) -> None:
        self.families: dict[str, Family] = {}

    def counter(self, name: str, help: str, /, **labels: str) -> Counter:
        """A Counter. Its name ends in `_total`, by custom."""
        return self._get("counter", name, help, labels)

    def gauge(self, name: str, help: str, /, **labels: str) -> Gauge:
        """A Gauge. Its name ends in the unit, by custom, if there is one."""
        return self._get("gauge", name, help, labels)

    def histogram(self, name: str, help: str, /, **labels: str) -> Histogram:
        """A Histogram, of seconds if `text()` is to show it well."""
        return self._get("histogram", name, help, labels)

    def attach(self, metric: Any, name: str, help: str, /, **labels: str) -> None:
        """Show a metric that stands elsewhere, or a Reading; it replaces what there
        was of that name and these labels."""
        self._family(metric.kind, name, help).series[checked(labels)] = metric

    def _get(self, kind: str, name: str, help: str, labels: dict[str, str]) -> Any:
        series, key = self._family(kind, name, help).series, checked(labels)
        if key not in series:
            series[key] = KINDS[kind]()
        return series[key]

    def _family(self, kind: str, name: str, help: str) -> Family:
        if not METRIC_NAME.fullmatch(name):
            raise ValueError(f"a metric can't be called {name!r}")
        family = self.families.setdefault(name, Family(kind, help))
        if family.kind != kind:
            raise ValueError(f"{name} is a {family.kind} already, and no {kind}")
        return family

    def as_dict(self) -> dict[str, Any]:
        """All values, as dicts, lists, numbers and text: what `merge` takes."""
        return {
            name: {
                "kind": family.kind,
                "help": family.help,
                "series": [[dict(k), m.state()] for k, m in family.series.items()],
            }
            for name, family in self.families.items()
        }

    @classmethod
    def merge(cls, dicts: Iterable[dict[str, Any]]) -> "Registry":
        """A new registry with the sums of what several `as_dict()` say.

        What can't be added, from a worker of another version perhaps, is named in
        the log and left out: the numbers of the others are worth more than none.
        A worker that ends takes its counts with it, unless its last dict is kept.
        """
        merged = cls()
        for families in dicts:
            for name, family in families.items():
                try:
                    for labels, state in family["series"]:
                        key = family["kind"], name, family["help"], labels
                        merged._get(*key).add(state)
                except (KeyError, TypeError, ValueError, AttributeError) as error:
                    log.warning("the metric %s can't be merged: %r", name, error)
        return merged

    def text(self) -> str:
        """All values in Prometheus' text format, version 0.0.4.

        Its specification is "Exposition formats" in Prometheus' documentation.
        """
        return "".join(f"{line}\n" for line in self._lines())

    def _lines(self) -> Iterator[str]:
        for name, family in sorted(self.families.items()):
            yield f"# HELP {name} {escape_label(family.help)}"
            yield f"# TYPE {name} {family.kind}"
            for labels, metric in sorted(family.series.items()):
                if isinstance(metric, Histogram):
                    for bound, many in metric.cumulative():
                        bucket = (*labels, ("le", format_number(bound)))
                        yield sample(f"{name}_bucket", bucket, many)
                    yield sample(f"{name}_sum", labels, metric.sum)
                    yield sample(f"{name}_count", labels, metric.count)
                else:
                    yield sample(name, labels, metric.state())


def checked(labels: dict[str, str]) -> Labels:
    """The labels as a key; ValueError for a name that none may have."""
    for name in labels:
        if not LABEL_NAME.fullmatch(name) or name == "le":
            raise ValueError(f"a label can't be called {name!r}")
    return tuple(sorted((name, str(value)) for name, value in labels.items()))


def sample(name: str, labels: Labels, value: float) -> str:
    """One line of the text format."""
    pairs = (f'{key}="{escape_label(text, True)}"' for key, text in labels)
    braces = f"{{{','.join(pairs)}}}" if labels else ""
    return f"{name}{braces} {format_number(value)}"


def escape_label(text: str, quoted: bool = False) -> str:
    """Text on one line; within quotes, those are escaped as well."""
    text = text.replace("\\", r"\\").replace("\n", r"\n")
    return text.replace('"', r"\"") if quoted else text


def format_number(value: float) -> str:
    """A number as Go's strconv.ParseFloat reads it."""
    return {inf: "+Inf", -inf: "-Inf"}.get(value) or repr(value)
