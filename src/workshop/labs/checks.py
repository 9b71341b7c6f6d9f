"""What the checks of a lab are written with.

A check is a function that gets a `Bench` and looks at what the learner's module does:

    @check("The name still means your function", step=1,
           hints=["gentle", "more", "nearly the answer"], read="Hand it back")
    def hands_it_back(bench):
        router = bench.routing.Router()
        ...
        expect("what dune is now", got=dune, wanted=original)

`checks.py` must not import `dustdevil` itself: `bench.routing` does, in the child
process where the learner's module has taken its place.
"""

import importlib
import random
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from workshop.labs.wire import Client

TIME_LIMIT = 5.0  # seconds; a check on a right answer takes some milliseconds


class Wrong(AssertionError):
    """The learner's code ran, and did something else than it should."""


@dataclass(frozen=True)
class Check:
    """A check, and what the learner is told about it."""

    name: str
    title: str
    step: int
    hints: tuple[str, ...]
    read: str
    limit: float
    function: Callable[["Bench"], None]


def check(
    title: str,
    *,
    step: int,
    hints: Sequence[str],
    read: str,
    limit: float = TIME_LIMIT,
) -> Callable[[Callable[["Bench"], None]], Callable[["Bench"], None]]:
    """Declare a function as a check of a step.

    `hints` go from gentle to nearly the answer; `read` is the heading in the chapter
    that explains it; `limit` is the time the check may take, in seconds.
    """

    def declare(function: Callable[["Bench"], None]) -> Callable[["Bench"], None]:
        function.check = Check(  # type: ignore[attr-defined]
            function.__name__, title, step, tuple(hints), read, limit, function
        )
        return function

    return declare


def collect(module: Any) -> list[Check]:
    """The checks of a module in the order of its text."""
    return [value.check for value in vars(module).values() if hasattr(value, "check")]


class Bench:
    """What a check works with: the learner's modules, seeded chance, clients.

    `bench.loop.poller` is the module `dustdevil.loop.poller`, the learner's where the
    lab asks for it. The same seed makes the same inputs.
    """

    def __init__(self, seed: int, name: str = "") -> None:
        self.seed = seed
        self.random = random.Random(f"{seed} {name}")
        self.clients: list[Client] = []
        self._words: set[str] = set()

    def __getattr__(self, module: str) -> Any:
        if module.startswith("_"):
            raise AttributeError(module)
        return importlib.import_module(f"dustdevil.{module}")

    def word(self) -> str:
        """A made-up word that can be said, and that this check has not used yet."""
        syllables = self.random.randint(2, 4)
        word = "".join(
            self.random.choice("bdfgklmnprstvz") + self.random.choice("aeiou")
            for _ in range(syllables)
        )
        if word in self._words:
            return self.word()
        self._words.add(word)
        return word

    def client(self, address: tuple[str, int], name: str, by_hand: str) -> Client:
        """A connected client whose bytes are shown when the check fails.

        `by_hand` is a command line that does the same.
        """
        client = Client(address, name, by_hand)
        self.clients.append(client)
        return client

    def transcript(self) -> list[str]:
        """What all clients sent and received, and how to do it by hand."""
        lines = [line for client in self.clients for line in client.transcript()]
        by_hand = dict.fromkeys(client.by_hand for client in self.clients)
        return lines + [f"by hand: {command}" for command in by_hand]


def expect(what: str, got: Any, wanted: Any, why: str = "") -> None:
    """Go on if `got == wanted`, else tell what was expected and what came."""
    if got != wanted:
        raise Wrong(_tell(what, repr(wanted), repr(got), why))


def expect_same(what: str, got: Any, wanted: Any, why: str = "") -> None:
    """Go on if `got` is the very object `wanted`."""
    if got is not wanted:
        shown = name_of(got)
        if shown == name_of(wanted):
            shown += ", but another object of that name"
        raise Wrong(_tell(what, name_of(wanted), shown, why))


def expect_true(what: str, holds: Any, wanted: str, got: str, why: str = "") -> None:
    """Go on if `holds`; `wanted` and `got` say it in words."""
    if not holds:
        raise Wrong(_tell(what, wanted, got, why))


@contextmanager
def expect_raises(
    kind: type[BaseException], what: str, why: str = ""
) -> Iterator[list[Any]]:
    """Go on if the block raises `kind`; the list that is yielded then holds it."""
    caught: list[Any] = []
    try:
        yield caught
    except kind as error:
        caught.append(error)
    except NotImplementedError:
        raise
    except Exception as error:
        got = f"{type(error).__name__}: {error}"
        raise Wrong(_tell(what, f"{kind.__name__} is raised", got, why)) from error
    else:
        raise Wrong(_tell(what, f"{kind.__name__} is raised", "no exception", why))


def name_of(thing: Any) -> str:
    """A short name for a value: no memory addresses, which differ every time."""
    if isinstance(thing, type):
        return f"the class {thing.__name__}"
    if hasattr(thing, "__qualname__"):
        return f"{thing.__qualname__.rpartition('.')[2]}()"
    text = repr(thing)
    return f"a {type(thing).__name__} object" if " at 0x" in text else text


def _tell(what: str, wanted: str, got: str, why: str) -> str:
    lines = [what, f"  expected: {wanted}", f"  got:      {got}"]
    return "\n".join([*lines, why] if why else lines)
