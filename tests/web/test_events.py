"""Topics, long polling and server-sent events."""

import json

import httpx
import pytest

from dustdevil.coroutine import CancelledError, Scheduler, let_others_run
from dustdevil.sync import Event, timeout
from dustdevil.web import (
    Application,
    EventStream,
    HTTPError,
    ServerSentEvent,
    Topic,
    last_number,
)
from support.asking import request
from support.serving import PATIENCE, Client, Latch, Running


def run(coroutine):
    return Scheduler().run(coroutine)


# Topics


def test_messages_are_numbered_and_the_last_ones_kept():
    topic = Topic(keep=3)
    assert [topic.publish(text) for text in "abcde"] == [1, 2, 3, 4, 5]
    assert topic.since(5) == []
    assert topic.since(3) == [(4, "d"), (5, "e")]
    assert topic.since(1) == [(3, "c"), (4, "d"), (5, "e")]
    # A number that is not known yet is from before a restart.
    assert topic.since(6) == topic.since(0) == topic.since(-3) == topic.since(2)


def test_numbers_can_come_from_elsewhere():
    topic = Topic(keep=3)
    assert [topic.publish("a", 5), topic.publish("b", 9)] == [5, 9]
    assert topic.since(7) == [(9, "b")]
    topic.forget()
    assert (topic.number, topic.since(0), topic.publish("c")) == (0, [], 1)
    assert topic.since(9) == [(1, "c")]


@pytest.mark.parametrize("turns", range(6))
@pytest.mark.parametrize("tell", [lambda topic: topic.publish("a"), Topic.wake])
def test_what_comes_while_somebody_begins_to_wait_is_heard(loop, turns, tell):
    topic = Topic()

    async def main():
        task = loop.spawn(topic.after(0, 10 * PATIENCE))
        for _ in range(turns):
            await let_others_run()
        loop.ready.rotate(1)  # be the first in the turn that comes
        await let_others_run()
        tell(topic)
        async with timeout(PATIENCE):
            return await task

    assert loop.run(main()) == topic.since(0)


def test_those_who_wait_can_be_woken_without_a_message():
    topic, scheduler = Topic(), Scheduler()

    async def main():
        task = scheduler.spawn(topic.after(0))
        await let_others_run()
        topic.wake()
        assert await task == []

    scheduler.run(main())


def test_observers_are_told_at_once_and_bound_methods_can_leave(caplog):
    class Reader:
        def __init__(self):
            self.seen = []

        def on_message(self, number, message):
            self.seen.append((number, message))

    def broken(number, message):
        raise ZeroDivisionError

    topic, one, other = Topic(), Reader(), Reader()
    topic.observers |= {one.on_message, broken, other.on_message}
    topic.observers.add(one.on_message)  # another object, and equal
    assert len(topic.observers) == 3
    topic.publish("a")
    topic.observers.discard(one.on_message)
    topic.publish("b")
    assert (one.seen, other.seen) == ([(1, "a")], [(1, "a"), (2, "b")])
    assert "ZeroDivisionError" in caplog.text


def test_an_observer_may_leave_while_it_is_told():
    topic = Topic()

    def once(number, message):
        topic.observers.discard(once)

    topic.observers.add(once)
    topic.publish("a")
    assert topic.observers == set()


def test_who_waits_is_woken_and_who_is_late_is_answered_at_once():
    topic = Topic()

    async def main():
        scheduler = topic_scheduler
        waiting = [scheduler.spawn(topic.after(0)) for _ in range(3)]
        await let_others_run()
        assert len(topic) == 3
        topic.publish("a")
        assert len(topic) == 0
        found = [await task for task in waiting]
        assert found == [[(1, "a")]] * 3
        assert await topic.after(0) == [(1, "a")]

    topic_scheduler = Scheduler()
    topic_scheduler.run(main())


def test_waiting_has_an_end(loop):
    topic = Topic()
    assert loop.run(topic.after(0, seconds=0.001)) == []
    assert len(topic) == 0


def test_who_is_cancelled_does_not_wait_any_more():
    topic, scheduler = Topic(), Scheduler()

    async def main():
        task = scheduler.spawn(topic.after(0))
        await let_others_run()
        assert len(topic) == 1
        task.cancel()
        with pytest.raises(CancelledError):
            await task
        assert len(topic) == 0
        topic.publish("a")

    scheduler.run(main())


def test_no_more_wait_than_may():
    topic, scheduler = Topic(max_waiting=2), Scheduler()

    async def main():
        waiting = [scheduler.spawn(topic.after(0)) for _ in range(2)]
        await let_others_run()
        with pytest.raises(HTTPError) as caught:
            await topic.after(0)
        assert caught.value.status == 503
        topic.publish("a")
        for task in waiting:
            await task

    scheduler.run(main())


def test_following():
    topic, scheduler, seen = Topic(keep=2), Scheduler(), []

    async def follow(number):
        async for numbered in topic.follow(number):
            seen.append(numbered)
            if numbered[1] == "end":
                return

    async def main():
        topic.publish("before")
        tasks = [scheduler.spawn(follow(number)) for number in (None, 0)]
        await let_others_run()
        topic.publish("a")
        await let_others_run()
        await let_others_run()
        topic.publish("end")
        for task in tasks:
            await task

    scheduler.run(main())
    assert sorted(seen) == [
        (1, "before"), (2, "a"), (2, "a"), (3, "end"), (3, "end")
    ]  # fmt: skip


def test_who_comes_from_before_a_restart_waits_for_the_first_message():
    # With nothing to give and nothing to wait for, he would ask again for ever.
    topic, scheduler = Topic(), Scheduler()

    async def first(messages):
        return await anext(messages)

    async def main():
        poll = scheduler.spawn(topic.after(7))
        follow = scheduler.spawn(first(topic.follow(7)))
        await let_others_run()
        await let_others_run()
        assert len(topic) == 2
        topic.publish("a")
        assert await poll == [(1, "a")]
        assert await follow == (1, "a")

    scheduler.run(main())


def test_the_last_number_a_client_had():
    assert last_number(request("/?after=7")) == 7
    assert last_number(request("/?after=7", "Last-Event-ID: 8")) == 8
    for wrong in ("", "x", "-1", "+1", "1_0", "9" * 19, "1.0", "%E0%A5%A7"):
        assert last_number(request(f"/?after={wrong}")) is None
    assert last_number(request("/")) is None


# Events


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (("a",), "data: a\n\n"),
        (("",), "data: \n\n"),
        (("a\nb\r\nc\rd\u2028e",), "data: a\ndata: b\ndata: c\ndata: d\u2028e\n\n"),
        (("a\n",), "data: a\ndata: \n\n"),
        (("a", "x", 7, 100), "event: x\nid: 7\nretry: 100\ndata: a\n\n"),
        (("id: 1\n\nevent: y",), "data: id: 1\ndata: \ndata: event: y\n\n"),
    ],
)
def test_events_as_text(arguments, text):
    assert ServerSentEvent(*arguments).text == text


@pytest.mark.parametrize("wrong", ["a\nb", "a\rb", "a\0b"])
@pytest.mark.parametrize("field", ["id", "event"])
def test_no_line_can_be_smuggled_into_an_event(field, wrong):
    with pytest.raises(ValueError, match=f"can't be the {field}"):
        ServerSentEvent("a", **{field: wrong})


def test_a_stream_of_events():
    async def source():
        yield "one"
        yield ServerSentEvent("two", id=2)

    async def main():
        return [piece async for piece in response.body]

    response = EventStream(source(), keep_alive=None)
    assert response.headers["Content-Type"] == "text/event-stream"
    assert run(main()) == [b"data: one\n\n", b"id: 2\ndata: two\n\n"]


def test_silence_is_filled_and_loses_nothing(loop):
    going_on = Event()

    async def source():
        yield "one"
        await going_on.wait()
        yield "two"

    async def main():
        pieces = []
        async for piece in EventStream(source(), keep_alive=0.001).body:
            pieces.append(piece)
            if pieces.count(b":\n\n") == 2:
                going_on.set()
        return pieces

    first, *comments, last = loop.run(main())
    assert (first, last) == (b"data: one\n\n", b"data: two\n\n")
    assert set(comments) == {b":\n\n"}
    assert len(comments) >= 2


def test_an_error_of_the_source_goes_through(loop):
    async def source():
        yield "one"
        raise TimeoutError("its own")

    async def main():
        async for _ in EventStream(source()).body:
            pass

    with pytest.raises(TimeoutError, match="its own"):
        loop.run(main())


# Served


@pytest.fixture
def served():
    app, topic, gone = Application(), Topic(), Latch()

    @app.get("/poll")
    async def poll(request):
        try:
            return await topic.after(last_number(request) or 0, 30)
        except CancelledError:
            gone.set(len(topic))
            raise

    @app.get("/stream")
    async def stream(request):
        async def events():
            try:
                async for number, message in topic.follow(last_number(request)):
                    yield ServerSentEvent(json.dumps(message), id=number)
            finally:
                gone.set(len(topic))

        return EventStream(events())

    server = Running(app)
    server.topic, server.gone = topic, gone
    yield server
    server.stop()
    server.loop.close()


def open_stream(server, *lines):
    """Ask for the events; return a client that has read the head of the answer."""
    client = Client(server.port)
    lines = ("GET /stream HTTP/1.0", "Host: a", *lines, "", "")
    client.send("\r\n".join(lines).encode())
    while client.file.readline() != b"\r\n":
        pass
    return client


def test_a_client_that_comes_again_gets_what_it_missed(served):
    for text in "abc":
        served.soon(served.topic.publish, text)
    with open_stream(served, "Last-Event-ID: 1") as client:
        lines = [client.file.readline() for _ in range(6)]
        served.soon(served.topic.publish, "d")
        lines += [client.file.readline() for _ in range(3)]
    assert b"".join(lines) == (
        b'id: 2\ndata: "b"\n\nid: 3\ndata: "c"\n\nid: 4\ndata: "d"\n\n'
    )


def test_the_source_ends_when_the_client_goes_away(served):
    served.soon(served.topic.publish, "a")
    client = open_stream(served, "Last-Event-ID: 0")
    client.file.readline()
    client.reset()
    assert served.gone.wait() == 0


def test_polling(served):
    served.soon(served.topic.publish, "a")
    url = served.url + "/poll"
    with httpx.Client(timeout=PATIENCE) as client:
        assert client.get(url).json() == [[1, "a"]]
        served.topic.observers.add(lambda number, message: None)
        served.soon(served.loop.call_later, 0, served.topic.publish, "b")
        assert client.get(url + "?after=1").json() == [[2, "b"]]


def test_a_poll_ends_when_its_client_goes_away(served):
    client = Client(served.port)
    client.send(b"GET /poll?after=0 HTTP/1.1\r\nHost: a\r\n\r\n")
    waits = Latch()

    def look():
        waits.set() if len(served.topic) else served.loop.call_soon(look)

    served.soon(look)
    waits.wait()
    # A reset: an end of file could be that of a client that still waits.
    client.reset()
    assert served.gone.wait() == 0
