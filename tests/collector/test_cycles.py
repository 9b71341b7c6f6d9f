"""The contract of dustdevil.collector.cycles."""

import builtins
import gc
import sys
import weakref

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dustdevil.collector import (
    Graph,
    LeakWatch,
    Step,
    shortest_cycle,
    trial_deletion,
)
from dustdevil.coroutine import let_others_run
from dustdevil.http import Connection, Server
from dustdevil.loop import Loop
from dustdevil.stream import connect
from dustdevil.web import Response


class Node:
    """A thing that refers to others."""

    def __init__(self, *others):
        self.others = list(others)


@pytest.fixture
def no_gc():
    """The collector comes when it is called."""
    gc.collect()
    gc.disable()
    yield
    gc.enable()
    gc.collect()


def garbage_of(references, counts):
    steps = trial_deletion(references, counts)
    return [step.node for step in steps if step.action == "garbage"]


# Trial deletion


def test_every_step_of_two_cycles_one_of_which_has_a_friend_outside():
    references = {"a": ["b"], "b": ["a"], "c": ["d"], "d": ["c"]}
    counts = {"a": 1, "b": 1, "c": 2, "d": 1}
    assert list(trial_deletion(references, counts)) == [
        Step("subtract", "b", "a", 0),
        Step("subtract", "a", "b", 0),
        Step("subtract", "d", "c", 0),
        Step("subtract", "c", "d", 1),
        Step("outside", "c", None, 1),
        Step("reach", "d", "c", 0),
        Step("garbage", "a", None, 0),
        Step("garbage", "b", None, 0),
    ]


def test_a_reference_that_comes_twice_counts_twice():
    assert garbage_of({"a": ["a", "a"]}, {"a": 2}) == ["a"]
    assert garbage_of({"a": ["a", "a"]}, {"a": 3}) == []


def test_what_is_not_in_the_graph_is_left_out():
    assert garbage_of({"a": ["b", "a"]}, {"a": 1}) == ["a"]


def test_a_count_too_low_is_an_error():
    with pytest.raises(ValueError, match="less than the references"):
        garbage_of({"a": ["b"], "b": []}, {"a": 1, "b": 0})


nodes = st.integers(0, 7)
graphs = st.lists(st.tuples(nodes, nodes), max_size=20)


@given(graphs, st.sets(nodes))
def test_garbage_is_what_cannot_be_reached_from_outside(edges, held):
    references = {node: [b for a, b in edges if a == node] for node in range(8)}
    counts = {
        node: sum(b == node for _, b in edges) + (node in held) for node in range(8)
    }
    reached = set(held)
    for _ in range(8):
        reached |= {b for a, b in edges if a in reached}
    assert set(garbage_of(references, counts)) == set(range(8)) - reached


@given(graphs, st.sets(nodes))
def test_the_collector_itself_comes_to_the_same_verdict(edges, held):
    gc.disable()
    gc.freeze()  # what else there is need not be looked at
    things = [Node() for _ in range(8)]
    for a, b in edges:
        things[a].others.append(things[b])
    refs = [weakref.ref(thing) for thing in things]
    kept = [things[number] for number in held]
    del things
    said = {}
    for number, ref in enumerate(refs):
        if ref() is not None:
            graph = Graph(ref)
            said[number] = id(ref()) in graph.garbage()
            del graph
    gc.collect()
    gc.unfreeze()
    gc.enable()
    # A thing that only refers out of the others' garbage can't know of it.
    for number, garbage in said.items():
        if garbage:
            assert refs[number]() is None
        else:
            upstream = reaching(number, edges) - reaching_from(number, edges)
            assert refs[number]() is not None or upstream
    assert len(kept) == len(held)


def reaching_from(start, edges):
    reached = {start}
    for _ in range(8):
        reached |= {b for a, b in edges if a in reached}
    return reached


def reaching(end, edges):
    return reaching_from(end, [(b, a) for a, b in edges])


def test_a_graph_does_not_go_from_a_function_to_everything():
    def function():
        return thing

    thing = Node(function)
    graph = Graph(weakref.ref(thing))
    found = graph.objects.values()
    assert any(other is function for other in found)
    for module in (builtins, sys, gc, weakref):
        assert not any(other in (module, vars(module)) for other in found)
    assert len(found) < 10


# Cycles


@pytest.mark.parametrize(
    ("references", "cycle"),
    [
        ({"a": ["a"]}, ["a"]),
        ({"a": ["b"], "b": ["c", "a"], "c": ["a"]}, ["a", "b"]),
        ({"a": ["b", "c"], "b": ["d"], "c": ["a"], "d": ["a"]}, ["a", "c"]),
        ({"a": ["b"], "b": ["b"]}, []),
        ({"a": ["b"]}, []),
        ({}, []),
    ],
)
def test_the_shortest_way_back(references, cycle):
    assert shortest_cycle("a", references) == cycle


# Leaks


def watching():
    return LeakWatch(Node, lambda node: True)


def make_cycle():
    a = Node()
    a.others.append(Node(a))
    return weakref.ref(a)


@pytest.mark.usefixtures("no_gc")
def test_a_cycle_is_named_member_by_member():
    watch = watching()
    ref = make_cycle()
    ref().others[0].me = "the other one is garbage, too"
    assert watch.look() == []
    said = watch.look()
    cycle = "Node → list of 1 → Node → list of 1 → Node"
    assert said == [f"Node is over, and waits for the collector: {cycle}"] * 2
    assert watch.look() == []
    gc.collect()
    assert ref() is None, "the watch itself keeps nothing"


cache = {}


@pytest.fixture
def cached():
    cache["leak"] = [Node()]
    yield
    cache.clear()


@pytest.mark.usefixtures("cached", "no_gc")
def test_who_keeps_it_is_named_as_far_as_a_variable(caplog):
    watch = watching()
    watch.look()
    [said] = watch.look()
    keepers = f"list of 1 ← dict['leak'] ← {__name__}.cache"
    assert said == f"Node is over, and is kept by {keepers}"
    assert said in caplog.text
    assert watch.look() == []


@pytest.mark.usefixtures("no_gc")
def test_a_keeper_that_is_frozen_is_found_and_stays_frozen():
    keeper = Node()
    gc.freeze()
    frozen = gc.get_freeze_count()
    keeper.others.append(Node())
    watch = watching()
    watch.look()
    [said] = watch.look()
    assert "kept by list of 1 ← Node" in said
    assert gc.get_freeze_count() >= frozen > 0
    gc.unfreeze()


@pytest.mark.usefixtures("no_gc")
def test_a_coroutine_that_waits_is_named_by_its_name():
    def waits(node):
        yield node

    waiting = waits(Node())
    next(waiting)
    watch = watching()
    watch.look()
    [said] = watch.look()
    assert "kept by generator test_a_coroutine" in said
    assert "waits" in said
    waiting.close()


@pytest.mark.usefixtures("no_gc")
def test_a_traceback_that_somebody_keeps_is_told_by_its_frame():
    def fails(node):
        raise ValueError

    try:
        fails(Node())
    except ValueError as error:
        kept = error
    watch = watching()
    watch.look()
    [said] = watch.look()
    assert ".fails ← traceback ← traceback ← ValueError" in said
    assert kept.__traceback__


@pytest.mark.usefixtures("no_gc")
def test_what_is_not_over_is_no_leak():
    node = Node()
    watch = LeakWatch(Node, lambda node: False)
    assert [watch.look(), watch.look()] == [[], []]
    assert node.others == []


@pytest.mark.parametrize("keeps", [False, True], ids=["forgets", "keeps"])
def test_a_closed_connection_is_freed_unless_a_handler_keeps_it(keeps, caplog):
    kept = []
    loop = Loop()

    def application(head, body, connection):
        if keeps:
            kept.append(connection)
        return Response("hello")

    server = Server(application, loop=loop)
    port = server.listen("127.0.0.1", 0)
    server.start()
    # Other tests may have left some; only ours are looked at.
    watch = LeakWatch(Connection, lambda c: c.server is server and c.stream.closed)

    async def main():
        stream = await connect("127.0.0.1", port)
        stream.write(b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        while await stream.read():
            pass
        stream.close()
        while server.connections:
            await let_others_run()
        await server.stop(0)

    gc.disable()
    loop.run(main())
    watch.start(loop, 0)
    loop.turn()
    loop.close()
    gc.enable()
    said = [line for line in caplog.messages if "Connection is over" in line]
    assert len(said) == keeps
    assert all("kept by list of 1" in line for line in said)
