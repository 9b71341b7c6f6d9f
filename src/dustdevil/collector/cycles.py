"""Objects that hold each other: how they are found, and what keeps one in memory.

A reference count of zero says that an object is garbage, and one above zero says
nothing: the references may come from garbage, too. CPython's collector finds out by
trial deletion. It subtracts, from each object's count, the references that come from
the objects it looks at. What stays above zero is referred to from somewhere else, and
is alive; so is everything that can be reached from there; the rest is garbage
(CPython's is in Python/gc.c, until 3.12 in Modules/gcmodule.c).

`trial_deletion` is that, for any graph that one can print. `Graph` makes such a graph
of real objects, and `LeakWatch` looks with it for objects that are over, a closed
connection for instance, and were not freed.
"""

import gc
import logging
import sys
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from types import FrameType, ModuleType
from typing import Any, NamedTuple
from weakref import ReferenceType, WeakSet, ref

from dustdevil.loop.eventloop import Loop

log = logging.getLogger("dustdevil")


class Step(NamedTuple):
    """One step of `trial_deletion`, so that it can be watched.

    `action` is "subtract": `by` refers to `node`, whose count is `left` without that;
    "outside": something is `left`, so `node` is referred to from outside the graph;
    "reach": `node` is referred to by a node that is alive; "garbage": it is not.
    """

    action: str
    node: Any
    by: Any
    left: int


def trial_deletion(
    references: Mapping[Any, Sequence[Any]], counts: Mapping[Any, int]
) -> Iterator[Step]:
    """Find the garbage in a graph, step by step, as CPython's collector does.

    `references` says for each node which others it refers to, once for each
    reference; `counts`, how many references to it there are, from inside the graph
    and outside. Raises ValueError for a count that is less than those inside.

    Where the references from outside are is not known, and not needed: what is left
    of a count without those from inside is their number.
    """
    left = {node: counts[node] for node in references}
    for node, others in references.items():
        for other in others:
            if other in left:
                left[other] -= 1
                yield Step("subtract", other, node, left[other])
    if min(left.values(), default=0) < 0:
        raise ValueError("a count is less than the references in the graph")
    alive = [node for node in references if left[node] > 0]
    for node in alive:
        yield Step("outside", node, None, left[node])
    seen = set(alive)
    for node in alive:  # it grows meanwhile
        for other in references[node]:
            if other in left and other not in seen:
                seen.add(other)
                alive.append(other)
                yield Step("reach", other, node, left[other])
    for node in references:
        if node not in seen:
            yield Step("garbage", node, None, left[node])


def shortest_cycle(start: Any, references: Mapping[Any, Sequence[Any]]) -> list[Any]:
    """The nodes on the shortest way from `start` back to it; [] if there is none."""
    came_from: dict[Any, Any] = {}
    queue = deque([start])
    while queue:
        node = queue.popleft()
        for other in references.get(node, ()):
            if other == start:
                way = [node]
                while way[-1] != start:
                    way.append(came_from[way[-1]])
                return way[::-1]
            if other not in came_from:
                came_from[other] = node
                queue.append(other)
    return []


class Graph:
    """The containers that can be reached from an object, their references and counts.

    They are named by their id(). At most `limit` are looked at, nearest first, and no
    modules, classes or namespaces of modules: from those one gets everywhere. What is
    left out counts as outside. The object is given by a weak reference, since one that
    the caller has would be counted.
    """

    def __init__(self, start: ReferenceType, limit: int = 5000) -> None:
        self.objects: dict[int, Any] = {}
        self.references: dict[int, list[int]] = {}
        self._explore(deque([start()]), limit)
        # Our own references are the same for all of them. How many that are differs
        # between versions of Python, so we ask with an object that only we refer to.
        self.objects[0] = object()
        counts = {key: sys.getrefcount(self.objects[key]) for key in self.objects}
        ours = counts.pop(0)
        del self.objects[0]
        self.counts = {key: count - ours for key, count in counts.items()}

    def _explore(self, queue: deque[Any], limit: int) -> None:
        self.objects = {id(thing): thing for thing in queue}
        while queue:
            thing = queue.popleft()
            others = [other for other in gc.get_referents(thing) if is_node(other)]
            self.references[id(thing)] = [id(other) for other in others]
            for other in others:
                if id(other) not in self.objects and len(self.objects) < limit:
                    self.objects[id(other)] = other
                    queue.append(other)

    def garbage(self) -> set[int]:
        """Those that nothing outside refers to, directly or not."""
        steps = trial_deletion(self.references, self.counts)
        return {step.node for step in steps if step.action == "garbage"}


def is_node(thing: object) -> bool:
    """Whether a Graph should go there."""
    if isinstance(thing, ModuleType | type) or not gc.is_tracked(thing):
        return False
    return not is_namespace(thing)


class LeakWatch:
    """Looks for objects of a class that are over and still there.

        watch = LeakWatch(Connection, lambda connection: connection.stream.closed)
        watch.start(loop)

    An object that is over in two looks, `interval` seconds apart, is named in the
    log, once: with the cycle that it is in, if it waits for the collector, or else
    with those who refer to it. A look goes through all objects that are not frozen,
    so this is for finding a leak, not for every day. The class must allow weak
    references.
    """

    def __init__(self, kind: type, over: Callable[[Any], bool]) -> None:
        self.kind = kind
        self.over = over
        self._seen: WeakSet = WeakSet()
        self._told: WeakSet = WeakSet()

    def start(self, loop: Loop, interval: float = 10.0) -> None:
        """Look every `interval` seconds, as long as the loop runs."""
        self.look()
        loop.call_later(interval, self.start, loop, interval)

    def look(self) -> list[str]:
        """Look once; return and log what is to be said of objects found twice."""
        found = [ref(thing) for thing in self._leftovers()]
        late = [one for one in found if one() in self._seen]
        self._seen = WeakSet(one() for one in found)
        self._told.update(one() for one in late)
        said = [explain(one) for one in late]
        for words in said:
            log.warning("%s", words)
        return said

    def _leftovers(self) -> list[Any]:
        return [
            thing
            for thing in gc.get_objects()
            if type(thing) is self.kind and self.over(thing) and thing not in self._told
        ]


def explain(leak: ReferenceType) -> str:
    """Say why an object, that should be gone, is still there."""
    graph = Graph(leak)
    garbage = graph.garbage()
    key = id(leak())
    if key in garbage:
        inside = {node: graph.references[node] for node in garbage}
        cycle = [describe(graph.objects[node]) for node in shortest_cycle(key, inside)]
        way = " → ".join([*cycle, cycle[0]])
        return f"{cycle[0]} is over, and waits for the collector: {way}"
    del graph  # it keeps the object, too
    name = describe(leak())
    keepers = " ← ".join(keepers_of(leak()))
    return f"{name} is over, and is kept by {keepers or 'a running function, or C'}"


def keepers_of(thing: object, limit: int = 5) -> list[str]:
    """What refers to an object, what refers to that, and so on: as far as a variable
    of a module, or as many as `limit`."""
    if frozen := gc.get_freeze_count():
        # What is frozen is not searched. To thaw it and freeze it again is quick,
        # but then all that is alive now is frozen, and no later look sees it.
        gc.collect()
        gc.unfreeze()
    chain = [thing]
    names: list[str] = []
    while len(names) < limit and not is_namespace(chain[-1]):
        keeper = next(
            (one for one in gc.get_referrers(chain[-1]) if is_news(one, chain)), None
        )
        if keeper is None:
            break
        names.append(describe(keeper, chain[-1]))
        chain.append(keeper)
    if frozen:
        gc.freeze()
    return names


def is_news(keeper: object, chain: list[Any]) -> bool:
    """Whether it is neither in the chain nor a function of ours that is running."""
    running: FrameType | None = sys._getframe()
    while running is not None and running is not keeper:
        running = running.f_back
    known = keeper is chain or any(keeper is link for link in chain)
    return running is None and not known


def is_namespace(thing: object) -> bool:
    """Whether it holds the variables of a module, be it written in Python or in C."""
    return isinstance(thing, dict) and "__spec__" in thing


def describe(thing: object, kept: object = None) -> str:
    """A few words for an object, and where in it another one is kept."""
    kind = type(thing).__name__
    if isinstance(thing, dict):
        key = next((key for key, value in thing.items() if value is kept), None)
        return f"{thing['__name__']}.{key}" if is_namespace(thing) else f"dict[{key!r}]"
    if isinstance(thing, FrameType):
        return f"frame of {thing.f_code.co_qualname}"
    if isinstance(thing, list | tuple | set | deque):
        return f"{kind} of {len(thing)}"
    name = getattr(thing, "__qualname__", None)
    return f"{kind} {name}" if isinstance(name, str) else kind
