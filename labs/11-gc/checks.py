"""The checks of lab 11: `cycles` and `collector`, rebuilt.

Graphs are made up and counted by the check itself. Clocks, pollers and what the
interpreter says that it has counted are made up, too; real objects are collected only
when the check calls for it. So nothing depends on the machine or on the version.
"""

import gc
import weakref
from collections import Counter

from workshop.labs.checks import (
    Bench,
    Wrong,
    check,
    expect,
    expect_raises,
    expect_true,
)


class Node:
    """A thing that refers to others."""

    def __init__(self, *others):
        self.others = list(others)


def draw(references) -> str:
    """A graph in words: "a → b, b; b → nobody"."""
    return "; ".join(
        f"{node} → {', '.join(others) or 'nobody'}"
        for node, others in references.items()
    )


def count(references, outside) -> dict[str, int]:
    """Reference counts of a made-up graph; `outside` is held from there, so often."""
    return {
        node: sum(others.count(node) for others in references.values())
        + outside.get(node, 0)
        for node in references
    }


def steps_of(bench: Bench, references, counts) -> list:
    """All steps of the learner's `trial_deletion`."""
    steps = bench.collector.cycles.trial_deletion(references, counts)
    if steps is None or not hasattr(steps, "__iter__"):
        raise Wrong(
            "trial_deletion(references, counts)\n  expected: steps, one after the "
            "other\n"
            f"  got:      {steps!r}"
        )
    steps = list(steps)
    for step in steps:
        if not isinstance(step, bench.collector.cycles.Step):
            raise Wrong(
                "what trial_deletion() yields\n  expected: Step(action, node, by, "
                "left)\n"
                f"  got:      {step!r}"
            )
    return steps


def two_pairs(bench: Bench):
    """Two cycles of two; somebody outside holds one of the second."""
    a, b, c, d = (bench.word() for _ in range(4))
    references = {a: [b], b: [a], c: [d], d: [c]}
    return references, {c: bench.random.randint(1, 3)}


@check(
    "Subtract every reference that comes from inside",
    step=1,
    read="Subtract",
    hints=[
        "Begin with a dictionary of your own: for each node, how much is left of its "
        "count. In the beginning that is all of it.",
        "Go through the nodes, and for each through those that it refers to. Each "
        "reference takes one away, also the second from the same node, and one to "
        "itself.",
        "left[other] -= 1, and then yield Step('subtract', other, node, left[other]); "
        "but only `if other in left`.",
    ],
)
def subtracts(bench: Bench) -> None:
    a, b, c, stranger = (bench.word() for _ in range(4))
    references = {a: [b, b, stranger], b: [a, b], c: [a]}
    counts = count(references, {b: bench.random.randint(1, 4)})
    before = dict(counts)
    left, wanted = dict(counts), []
    for node, other in ((a, b), (a, b), (b, a), (b, b), (c, a)):
        left[other] -= 1
        wanted.append(("subtract", other, node, left[other]))
    steps = steps_of(bench, references, counts)
    got = [tuple(step) for step in steps if step.action == "subtract"]
    why = ""
    if len(got) < len(wanted):
        why = "A reference that is there twice is in the count twice."
    if any(node == stranger for _, node, *_ in got):
        why = f"{stranger} is not in the graph: nothing of it can be subtracted."
    expect(
        f"{draw(references)}; counts {before}; the steps that subtract: (action, node, "
        "by, left)",
        got,
        wanted,
        why,
    )
    expect(
        "counts, after trial_deletion()",
        counts,
        before,
        "It is a trial: what the caller has given must stay as it is.",
    )
    a, b = bench.word(), bench.word()
    for low in (-1, -2):
        with expect_raises(
            ValueError,
            f"{a} → {b}, {b}; the count of {b} is {2 + low}",
            "There are two references to it in the graph: such a count can't be.",
        ):
            list(
                bench.collector.cycles.trial_deletion(
                    {a: [b, b], b: []}, {a: 1, b: 2 + low}
                )
            )
    expect("the steps of an empty graph", steps_of(bench, {}, {}), [])


@check(
    "Who has something left is alive, and so is all that it reaches",
    step=1,
    read="Subtract",
    hints=[
        "There are three groups after the subtraction. Who has something left; who has "
        "nothing left, and is reached from one who has; and the rest.",
        "Keep a list of the living and go through it while it grows: each of them may "
        "refer to some who are not in it yet.",
        "for node in alive: for other in references[node]: if other in left and other "
        "not in seen: add it to seen and to alive, and yield Step('reach', other, "
        "node, "
        "left[other]).",
    ],
)
def rescues(bench: Bench) -> None:
    references, outside = two_pairs(bench)
    a, b, c, d = references
    _tell_apart(bench, references, outside, {c}, {d}, {a, b})
    # A long way from the one that is held; garbage that points at it; a hanger-on.
    names = [bench.word() for _ in range(8)]
    held, one, two, three, four, lost, twin, tail = names
    references = {
        tail: [],
        four: [held],
        three: [four, "elsewhere"],
        two: [three, one],
        lost: [twin, held, tail, lost],
        one: [two],
        twin: [lost],
        held: [one],
    }
    _tell_apart(
        bench,
        references,
        {held: 2},
        {held},
        {one, two, three, four},
        {lost, twin, tail},
    )
    _tell_apart(bench, {a: [], b: [a]}, {a: 1, b: 1}, {a, b}, set(), set())


def _tell_apart(bench: Bench, references, outside, held, reached, lost) -> None:
    counts = count(references, outside)
    steps = steps_of(bench, references, counts)
    what = f"{draw(references)}; held from outside: {', '.join(outside)}"
    groups = {
        action: [step.node for step in steps if step.action == action]
        for action in ("outside", "reach", "garbage")
    }
    for action, wanted in ("outside", held), ("reach", reached), ("garbage", lost):
        expect(
            f'{what}; the nodes of the steps "{action}"',
            sorted(groups[action]),
            sorted(wanted),
            _about(action, groups[action], wanted),
        )
    order = [step.action for step in steps]
    expect(
        f"{what}; the order of the actions",
        list(dict.fromkeys(order)),
        [
            action
            for action in ("subtract", "outside", "reach", "garbage")
            if action in order
        ],
        "Nobody is known to be alive before all has been subtracted, and nobody to be "
        "garbage before all the living are known.",
    )
    left = dict(counts)
    for others in references.values():
        for other in others:
            if other in left:
                left[other] -= 1
    known: set = set()
    for step in steps:
        if step.action == "subtract":
            continue
        expect(
            f"{what}; left of {step.node}, {step.action}", step.left, left[step.node]
        )
        if step.action == "reach":
            expect_true(
                f"{what}; {step.node} is reached from",
                step.by in known and step.node in references[step.by],
                "one that is known to be alive, and refers to it",
                f"{step.by}",
            )
        else:
            expect(f"{what}; `by` of {step.node}, {step.action}", step.by, None)
        if step.action != "garbage":
            known.add(step.node)


def _about(action: str, got: list, wanted: set) -> str:
    if len(got) > len(set(got)):
        return "Each node is told once."
    if action == "outside":
        return "Who has something left of its count is held from outside, nobody else."
    if action == "garbage" and set(got) < wanted:
        return "Garbage need not be in a cycle: who is held by garbage only is garbage."
    if action == "reach" and not got:
        return "Nothing left does not mean garbage: one that is alive may refer to it."
    if action == "reach" and set(got) < wanted:
        return "Who is reached may reach others."
    return ""


@check(
    "The shortest way back to where it began",
    step=2,
    read="A graph of real objects",
    hints=[
        "Look at the neighbours of the start, then at their neighbours, and so on: "
        "then "
        "the first way back that you meet is a shortest one.",
        "A queue holds whose neighbours are still to be looked at. For each node that "
        "is "
        "met for the first time, write down from which one you came.",
        "When other == start: begin with the present node, follow came_from back to "
        "start, and turn the list round.",
    ],
)
def goes_round(bench: Bench) -> None:
    names = [bench.word() for _ in range(9)]
    start, a, b, c, d, e, f, g, nowhere = names
    graph = {
        start: [a, d, nowhere],  # the long way is met first
        a: [b],
        b: [c, b],
        c: [g],
        g: [start],
        d: [e, f],
        e: [start, d],
        f: [f, d],
    }
    _expect_cycle(bench, graph, start, [start, d, e])
    graph[start].reverse()
    _expect_cycle(bench, graph, start, [start, d, e])
    _expect_cycle(bench, {start: [start, a], a: [start]}, start, [start])
    _expect_cycle(bench, {start: [a], a: [b, start], b: [start]}, start, [start, a])
    _expect_cycle(bench, {start: [a, b], a: [b], b: [a, c], c: []}, start, [])
    _expect_cycle(bench, {a: [a]}, start, [])
    ring = [bench.word() for _ in range(bench.random.randint(5, 9))]
    pairs = zip(ring, ring[1:] + ring[:1], strict=True)
    _expect_cycle(bench, {node: [other] for node, other in pairs}, ring[0], ring)


def _expect_cycle(bench: Bench, graph, start, wanted) -> None:
    got = bench.collector.cycles.shortest_cycle(start, graph)
    why = ""
    if not wanted:
        why = f"No way leads from {start} back to it."
    elif not isinstance(got, list) or start not in got:
        why = f"The cycle that is asked for goes through {start}."
    elif (got and got[0] != start) or sorted(got) == sorted(wanted):
        why = f"It begins with {start}, and each refers to the next."
    elif len(got) > len(wanted):
        why = "There is a shorter one."
    expect(f"shortest_cycle({start!r}), {draw(graph)}", got, wanted, why)


@check(
    "A graph of what can be reached",
    step=3,
    read="A graph of real objects",
    hints=[
        "The queue holds objects whose references are still to be asked for. "
        "gc.get_referents gives them, and is_node says where not to go.",
        "For each object from the queue: the ids of its referents, one for each "
        "reference, go into self.references. Who is new goes into self.objects, as "
        "long "
        "as there are fewer than `limit`, and into the queue.",
        "others = [o for o in gc.get_referents(thing) if is_node(o)]; "
        "self.references[id(thing)] = [id(o) for o in others]; then, for each other "
        "that "
        "is not in self.objects: self.objects[id(other)] = other; queue.append(other).",
    ],
)
def explores(bench: Bench) -> None:
    gc.disable()
    first = [Node() for _ in range(bench.random.randint(3, 5))]
    root = Node(*first, first[0], gc, Node, "text", 7)
    first[-1].others.append(root)
    graph = bench.collector.cycles.Graph(weakref.ref(root))
    seen = list(graph.objects.values())
    wanted = [root, *first, *(node.others for node in (root, *first))]
    kinds = Counter(type(one).__name__ for one in seen).most_common()
    listed = ", ".join(f"{count} {kind}" for kind, count in kinds)
    expect_true(
        "what a Graph finds: a node, with a list, in which are "
        f"{len(first)} nodes, the first of them twice, a module, a class, a text",
        _same(seen, wanted),
        f"{len(wanted)} objects: the {len(first) + 1} nodes, and the list of each",
        f"{len(seen)} objects: "
        + (listed if len(seen) < 100 else "texts, functions, classes and much else"),
        "From a module or a class one gets to everything there is."
        if len(seen) >= 100
        else "",
    )
    expect(
        "the list's references: the first node's place in it",
        [graph.references[id(root.others)].count(id(one)) for one in first],
        [2] + [1] * (len(first) - 1),
        "A reference that is there twice is in its count twice.",
    )
    expect(
        "a node's references",
        graph.references[id(root)],
        [id(root.others)],
    )
    expect_true(
        "the keys of references and those of objects",
        set(graph.references) == set(graph.objects),
        "the same: each object was asked",
        "others",
    )
    expect(
        "the counts of the nodes: each is in our list, and in the node's",
        [graph.counts[id(one)] for one in first],
        [_count_in(one, root, first) for one in first],
        "What the graph itself has is subtracted for each alike: keep the objects in "
        "self.objects only.",
    )
    _keeps_to_the_limit(bench)


def _same(seen: list, wanted: list) -> bool:
    return {id(one) for one in seen} == {id(one) for one in wanted}


def _count_in(one, root, first) -> int:
    inside = sum(other is one for other in root.others)
    return inside + sum(other is one for other in first)


def _keeps_to_the_limit(bench: Bench) -> None:
    width, depth = bench.random.randint(5, 9), bench.random.randint(5, 9)
    near = [Node() for _ in range(width)]
    root = Node(*near)
    for node in (near[0], near[-1]):
        for _ in range(depth):
            node.others.append(Node())
            node = node.others[0]
    limit = 2 + 2 * width  # the root and its list, those in it and their lists
    graph = bench.collector.cycles.Graph(weakref.ref(root), limit)
    found = list(graph.objects.values())
    wanted = [root, root.others, *near, *(node.others for node in near)]
    expect_true(
        f"a node with {width} in its list, of which the first and the last begin a "
        f"chain of {depth}; Graph(…, limit={limit})",
        _same(found, wanted),
        f"{limit} objects, the nearest",
        f"{len(found)} objects, {sum(any(f is w for w in wanted) for f in found)} of "
        "them among the nearest",
    )


@check(
    "Garbage among real objects",
    step=3,
    read="A graph of real objects",
    hints=[
        "The graph has references and counts: just what trial_deletion wants.",
        "Of all the steps only those of one action are of interest.",
        "{step.node for step in trial_deletion(self.references, self.counts) if "
        "step.action == 'garbage'}",
    ],
)
def finds_garbage(bench: Bench) -> None:
    gc.disable()
    look = _pair()
    _expect_garbage(bench, look, 4, "two nodes that hold each other, and nobody else")
    holder = look().others[0]
    _expect_garbage(bench, look, 0, "the same two, one of them in a variable")
    del holder
    look().others.append(Node())
    _expect_garbage(bench, look, 6, "the same two, and one that only they hold")
    held = look().others[-1]
    _expect_garbage(bench, look, 4, "the same, and that one in a variable")
    expect_true("the variable", held is not None, "there", "gone")
    gc.collect()
    expect_true(
        "the two, after gc.collect()",
        look() is None,
        "collected: nobody but themselves held them",
        "still there",
    )


def _pair() -> weakref.ref:
    one = Node()
    one.others.append(Node(one))
    return weakref.ref(one)


def _expect_garbage(bench: Bench, look, wanted: int, what: str) -> None:
    graph = bench.collector.cycles.Graph(look)
    garbage = graph.garbage()
    expect_true(
        f"{what}; garbage()",
        isinstance(garbage, set)
        and len(garbage) == wanted
        and garbage <= set(graph.objects),
        f"the ids of {wanted} objects, each node and its list"
        if wanted
        else "an empty set",
        f"{len(garbage)} of {len(graph.objects)} objects"
        if isinstance(garbage, set)
        else f"{type(garbage).__name__}",
    )


@check(
    "What is over in two looks is told, once",
    step=4,
    read="What should be gone",
    hints=[
        "_leftovers: of all that the collector knows, gc.get_objects(), those of the "
        "class, which are over, and of which nothing has been told yet.",
        "look: keep weak references to what you have found while you work. Those that "
        "were in self._seen are told; afterwards self._seen is what was found now.",
        "late = [one for one in found if one() in self._seen]; self._seen = "
        "WeakSet(one() "
        "for one in found); self._told.update(…); then explain(one) for each of late, "
        "and "
        "log.warning.",
    ],
)
def watches(bench: Bench) -> None:
    gc.disable()
    over: set[int] = set()
    watch = bench.collector.cycles.LeakWatch(Node, lambda node: id(node) in over)
    log: list[str] = []
    bench.collector.cycles.log.warning = lambda words, *rest: log.append(words % rest)
    keeper = [Node(), Node()]
    over.add(id(keeper[0]))
    expect("the first look, with one object that is over", watch.look(), [])
    over.add(id(keeper[1]))
    said = watch.look()
    expect(
        "the second look: the same is over still, another one has just become so; how "
        "many are told",
        _length(said),
        1,
        "An object that is over may be on its way out. Found twice, it is a leak.",
    )
    expect_true(
        "what is said of it",
        "Node is over, and is kept by list of 2" in said[0],
        "explain(…): who keeps it",
        said[0],
    )
    expect("what is in the log then", log, said)
    expect("the third look: the other one is told", _length(watch.look()), 1)
    expect(
        "the fourth look: both are still there, and known",
        watch.look(),
        [],
        "Every ten seconds the same line would bury the next.",
    )
    keeper.append(Node())
    over.add(id(keeper[2]))
    watch.look()
    del keeper[2]
    expect("one that is over in one look, and gone before the next", watch.look(), [])
    _keeps_nothing(bench)


def _length(said) -> int:
    if not isinstance(said, list):
        raise Wrong(f"look()\n  expected: a list of str\n  got:      {said!r}")
    return len(said)


def _keeps_nothing(bench: Bench) -> None:
    watch = bench.collector.cycles.LeakWatch(Node, lambda node: True)
    look = _pair()
    watch.look()
    said = watch.look()
    what = "two nodes in a cycle that nobody else holds, found twice; what is said"
    expect_true(
        what,
        any(
            "waits for the collector: Node → list of 1 → Node" in line for line in said
        ),
        "Node is over, and waits for the collector: Node → list of 1 → …",
        f"{said}",
        "Whoever holds an object while explain() looks at it keeps it alive: weak "
        "references only.",
    )
    gc.collect()
    expect_true(
        "the same two, after gc.collect()",
        look() is None,
        "gone",
        "still there: the watch keeps them",
        "A watch for leaks must not be one.",
    )


@check(
    "Freeze: first collect, then set apart",
    step=5,
    read="Five settings, one at a time",
    hints=[
        "The module gc has a function for each of the three things.",
        "What is garbage when you freeze is kept for ever. So there is something to be "
        "done first.",
        "gc.collect(); gc.freeze(); return gc.get_freeze_count()",
    ],
)
def freezes(bench: Bench) -> None:
    gc.disable()
    look = _pair()
    thing = Node()
    number = bench.collector.policy.freeze()
    expect_true(
        "a cycle that was garbage before freeze()",
        look() is None,
        "collected",
        "still there, and frozen: now it will never be collected",
    )
    expect_true(
        "a thing in use, after freeze(): is it among gc.get_objects()?",
        not any(one is thing for one in gc.get_objects()),
        "no: the collector does not look at it any more",
        "yes",
    )
    expect("what freeze() returns", number, gc.get_freeze_count())


@check(
    "Start, and leave everything as it was",
    step=5,
    read="When, and how much",
    hints=[
        "start changes four things: what there is is frozen, the first threshold is "
        "raised, the interpreter is asked to call _on_collection, and the loop's "
        "poller "
        "gets an IdlePoller around it. stop takes all four back.",
        "gc.get_threshold() gives three numbers. Keep them in self._usual: stop needs "
        "them, and so does due. Only the first is multiplied.",
        "self._usual = often, *others = gc.get_threshold(); freeze(); "
        "gc.set_threshold(often * self.net, *others); "
        "gc.callbacks.append(self._on_collection); self.loop.poller = "
        "IdlePoller(self.loop.poller, self.due)",
    ],
)
def starts_and_stops(bench: Bench) -> None:
    usual = tuple(bench.random.randint(low, 50) for low in (20, 5, 5))
    net = bench.random.randint(2, 9)
    gc.collect()
    gc.set_threshold(*usual)
    loop = bench.loop.eventloop.Loop()
    poller, callbacks = loop.poller, list(gc.callbacks)
    collector = bench.collector.policy.Collector(loop, net=net)
    expect("the threshold before start()", gc.get_threshold(), usual)
    collector.start()
    during = gc.get_threshold(), gc.get_freeze_count(), loop.poller, list(gc.callbacks)
    collector.stop()
    threshold, frozen, idle, called = during
    expect(
        f"usual thresholds {usual}, net={net}; gc.get_threshold() after start()",
        threshold,
        (usual[0] * net, *usual[1:]),
        "The net is wider, and it is there: a loop that is never idle makes garbage, "
        "too."
        if threshold[0] == 0 or threshold == usual
        else "The other two count collections, and stay.",
    )
    expect_true(
        "frozen objects after start()", frozen > 1000, "all there were", str(frozen)
    )
    expect_true(
        "the loop's poller after start()",
        isinstance(idle, bench.collector.policy.IdlePoller) and idle.inner is poller,
        "an IdlePoller around the one that it had",
        type(idle).__name__,
    )
    expect_true(
        "gc.callbacks after start()",
        len(called) == len(callbacks) + 1,
        "one more",
        f"{len(called) - len(callbacks)} more",
    )
    expect("gc.get_threshold() after stop()", gc.get_threshold(), usual)
    expect("frozen objects after stop()", gc.get_freeze_count(), 0)
    expect_true(
        "the loop's poller after stop()",
        loop.poller is poller,
        "the one from before",
        type(loop.poller).__name__,
    )
    expect_true(
        "gc.callbacks after stop()",
        gc.callbacks == callbacks,
        "as before",
        "another list",
    )
    loop.close()


class MadeUpPoller:
    """Reports what is written into `ready`, and notes how it is asked."""

    def register(self, *args):
        pass

    modify = unregister = register

    def close(self):
        pass

    def __init__(self, log: list) -> None:
        self.log = log
        self.ready: list[tuple[int, int]] = []

    def poll(self, timeout):
        self.log.append(f"poll({timeout})")
        return list(self.ready)


@check(
    "Work is done before a sleep, and only then",
    step=6,
    read="Choose the moment",
    hints=[
        "The timeout says what the loop wants. 0: have a look, do not sleep. Anything "
        "else: it would sleep.",
        "Who would sleep may be wrong: perhaps something is ready already. Ask the "
        "inner "
        "poller without waiting. Only if nothing is ready is it idle.",
        "work = self._idle(timeout) if timeout != 0 else None; without work: return "
        "self.inner.poll(timeout); else ready = self.inner.poll(0), work() if not "
        "ready, "
        "and return ready.",
    ],
)
def idles(bench: Bench) -> None:
    log: list[str] = []
    inner = MadeUpPoller(log)
    wanted = bench.random.randint(2, 9)
    useful = True

    def idle(timeout):
        log.append(f"idle({timeout})")
        return (lambda: log.append("work")) if useful else None

    poller = bench.collector.policy.IdlePoller(inner, idle)
    got = poller.poll(wanted)
    _expect_calls(
        f"poll({wanted}), nothing is ready, and there is work",
        log,
        [f"idle({wanted})", "poll(0)", "work"],
        "First it looks whether something is ready: somebody may be waiting."
        if "poll(0)" not in log
        else "After the work poll() returns, so that the loop looks at its clock.",
    )
    expect(f"what poll({wanted}) returns then", got, [])
    poller.poll(None)
    _expect_calls(
        "poll(None), which is to sleep for ever; nothing is ready, and there is work",
        log,
        ["idle(None)", "poll(0)", "work"],
        "A loop without timers is idle, too.",
    )
    poller.poll(0)
    _expect_calls(
        "poll(0)", log, ["poll(0)"], "Who does not mean to sleep is not idle."
    )
    inner.ready = [(bench.random.randint(3, 99), bench.loop.poller.READ)]
    got = poller.poll(wanted)
    _expect_calls(
        f"poll({wanted}), there is work, and a socket is ready",
        log,
        [f"idle({wanted})", "poll(0)"],
        "Somebody waits for the loop: the work can wait.",
    )
    expect(f"what poll({wanted}) returns then", got, inner.ready)
    useful = False
    got = poller.poll(wanted)
    _expect_calls(
        f"poll({wanted}), and there is no work",
        log,
        [f"idle({wanted})", f"poll({wanted})"],
        "Without work it sleeps as long as the loop wants.",
    )
    expect(f"what poll({wanted}) returns then", got, inner.ready)


def _expect_calls(what: str, log: list[str], wanted: list[str], why: str) -> None:
    calls = list(log)
    log.clear()
    expect(f"{what}; what is called", calls, wanted, why)


class Clock:
    """A clock in the place of the module's `perf_counter`."""

    def __init__(self, bench: Bench) -> None:
        self.now = float(bench.random.randint(100, 1000))
        bench.collector.policy.perf_counter = lambda: self.now


def collect(collector, clock: Clock, generation: int, pause: float) -> None:
    """What the interpreter says when it collects."""
    collector._on_collection("start", {"generation": generation})
    clock.now += pause
    collector._on_collection(
        "stop", {"generation": generation, "collected": 0, "uncollectable": 0}
    )


@check(
    "How long the pauses were, for each generation",
    step=7,
    read="When, and how much",
    hints=[
        "The interpreter calls _on_collection twice for each collection, with the "
        "phase "
        '"start" and then "stop".',
        "At the start, note the time in self._began. At the stop, info tells the "
        "generation, and the difference is the pause.",
        'self.pauses[info["generation"]].observe(perf_counter() - self._began), and '
        "the "
        "pause goes into self._last[generation], too.",
    ],
)
def measures(bench: Bench) -> None:
    clock = Clock(bench)
    collector = bench.collector.policy.Collector(bench.loop.eventloop.Loop())
    pauses = {
        generation: [bench.random.randint(1, 500) / 1000 for _ in range(generation + 1)]
        for generation in (2, 0, 1)
    }
    for generation, several in pauses.items():
        for pause in several:
            collect(collector, clock, generation, pause)
            clock.now += 3.0
    for generation, several in pauses.items():
        histogram = collector.pauses[generation]
        expect(
            f"collections of generation {generation}, that took {several} s; how many "
            "are in the histogram",
            histogram.count,
            len(several),
            "Two calls are one collection." if histogram.count > len(several) else "",
        )
        expect_true(
            f"the longest pause of generation {generation}",
            abs(histogram.max - max(several)) < 1e-6,
            f"{max(several):g} s",
            f"{histogram.max:g} s",
        )
    collector.loop.close()


@check(
    "Which generation is due",
    step=7,
    read="When, and how much",
    hints=[
        "gc.get_count() gives three numbers, and self._usual the three thresholds that "
        "they are compared with.",
        "If not more than `often` objects were made, nothing is due. Else look from "
        "the "
        "oldest down: more than `rarely` collections of the middle one, more than "
        "`seldom` of the youngest, or the youngest it is.",
        "A pause of everything at time t of p seconds: self._rest_until = t + p / "
        "self.share. Before that, generation 2 is out of the question. And if timeout "
        "is "
        "not None and timeout < self._last[generation]: None.",
    ],
)
def chooses(bench: Bench) -> None:
    clock = Clock(bench)
    counts = [0, 0, 0]
    usual = tuple(bench.random.randint(20, 50) for _ in range(3))
    gc.disable()
    gc.set_threshold(*usual)
    gc.get_count = lambda: tuple(counts)
    collector = bench.collector.policy.Collector(
        bench.loop.eventloop.Loop(), share=0.01
    )
    collected: list[int] = []
    gc.collect = lambda generation=2: collected.append(generation)

    def due(made, timeout=None):
        counts[:] = made
        collected.clear()
        work = collector.due(timeout)
        expect_true(
            f"due({timeout}), thresholds {usual}, counted {made}",
            not collected,
            "a function that collects, or None",
            "it has collected already",
            "due() is asked before the loop knows whether something is ready.",
        )
        if work is None:
            return None
        work()
        return collected[0] if collected else "no collection"

    often, seldom, rarely = usual
    told = f"thresholds {usual}, counted"
    for made, wanted in (
        ((often, seldom + 50, rarely + 50), None),
        ((often + 1, 0, 0), 0),
        ((often + 1, seldom, rarely), 0),
        ((often + 1, seldom + 1, rarely), 1),
        ((often + 1, seldom + 1, rarely + 1), 2),
        ((often + 1, 0, rarely + 1), 2),
        ((often * 5, seldom, 0), 0),
    ):
        expect(
            f"{told} {made}; the generation that is due",
            due(made),
            wanted,
            _about_due(made, usual),
        )
    _leaves_timers_in_peace(bench, collector, clock, due, usual)
    _takes_its_share(bench, collector, clock, due, usual)
    collector.loop.close()


def _about_due(made, usual) -> str:
    if made[0] <= usual[0]:
        return "Hardly anything is new: there is nothing to be gained."
    if made[1] > usual[1] or made[2] > usual[2]:
        return "What has survived a collection is older: somebody must look there, too."
    if made[1:] == usual[1:]:
        return "More than the threshold, as for the interpreter; not as many."
    return ""


def _leaves_timers_in_peace(bench: Bench, collector, clock, due, usual) -> None:
    often, seldom, _ = usual
    long, short = 0.5, bench.random.randint(1, 9) / 1000
    collect(collector, clock, 0, short)
    collect(collector, clock, 1, long)
    why = "A timer must not wait for a collection that is known to take longer."
    for timeout, made, wanted in (
        (short / 2, (often + 1, 0, 0), None),
        (short * 2, (often + 1, 0, 0), 0),
        (short * 2, (often + 1, seldom + 1, 0), None),
        (long * 2, (often + 1, seldom + 1, 0), 1),
        (None, (often + 1, seldom + 1, 0), 1),
    ):
        expect(
            f"the last collection of generation 0 took {short:g} s, of 1 {long:g} s; "
            f"thresholds {usual}, counted {made}; due in a sleep of "
            f"{'no end' if timeout is None else f'{timeout:g} s'}",
            due(made, timeout),
            wanted,
            why,
        )


def _takes_its_share(bench: Bench, collector, clock, due, usual) -> None:
    often, seldom, rarely = usual
    pause = bench.random.randint(10, 90) / 1000
    old = (often + 1, 0, rarely + 1)
    collect(collector, clock, 2, pause)
    what = f"a collection of everything took {pause:g} s, and may take 1 % of the time"
    why = f"{pause:g} s are a hundredth of {100 * pause:g} s."
    clock.now += 99 * pause
    expect(f"{what}; due {99 * pause:g} s later", due(old), 0, why)
    both = (often + 1, seldom + 1, rarely + 1)
    expect(f"{what}; due then, with generation 1 due, too", due(both), 1)
    collect(collector, clock, 0, pause)  # says nothing of everything
    clock.now += pause
    expect(f"{what}; due {101 * pause:g} s later", due(old), 2, why)


@check(
    "On the loop: garbage waits until nobody else does",
    step=7,
    read="In the server",
    hints=[
        "This is all of it together, on a real loop. If the checks above pass and this "
        "one does not, look at what start puts around the loop's poller.",
        "While a callback works, nothing may be collected: the threshold is raised by "
        "then. When the loop would sleep, due must find enough new objects.",
        "start keeps the usual thresholds in self._usual before it raises the first; "
        "due "
        "compares with self._usual, and not with gc.get_threshold().",
    ],
)
def on_the_loop(bench: Bench) -> None:
    gc.collect()
    gc.set_threshold(60, 10, 10)
    loop = bench.loop.eventloop.Loop(MadeUpPoller([]))
    looks: list[weakref.ref] = []
    seen: list[bool] = []

    def work():
        looks.extend(_pair() for _ in range(60))
        seen.append(all(look() is not None for look in looks))

    with bench.collector.policy.Collector(loop, net=100) as collector:
        loop.call_later(1000, loop.stop)
        loop.call_soon(work)
        loop.turn()
        expect(
            "60 pairs that hold each other, made in a callback; were all of them there "
            "at "
            "its end",
            seen,
            [True],
            "Somebody waits for this callback, and it had to wait for the collector.",
        )
        loop.turn()
        left = sum(look() is not None for look in looks)
        expect(
            "how many are there after a turn with nothing to do (the next timer is due "
            "in a quarter of an hour)",
            left,
            0,
        )
        expect_true(
            "collections that were measured",
            sum(pause.count for pause in collector.pauses) >= 1,
            "at least one",
            "none",
        )
    loop.close()
