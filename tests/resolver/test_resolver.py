"""The resolver, with a name server of our own at a loopback port."""

import socket
import threading
from functools import partial

import pytest

import dustdevil
from dustdevil.coroutine import CancelledError, let_others_run
from dustdevil.resolver import Address, Resolver, alternate, lookup, race
from dustdevil.resolver import names as module
from dustdevil.stream import Listener, connect, listen
from dustdevil.sync import Event, gather, sleep
from support.name_server import V4, V6, NameServer

pytest.importorskip("pycares")

TABLE = {
    "both.test": ([(V4, "127.0.0.7"), (V6, "::1")], 60),
    "four.test": ([(V4, "127.0.0.1")], 60),
    "brief.test": ([(V4, "127.0.0.1")], 1),
    "empty.test": ([], 60),
}


@pytest.fixture
def server(loop):
    server = NameServer(loop, TABLE)
    yield server
    server.close()


def with_resolver(loop, server, body, **options):
    async def main():
        resolver = Resolver([server.address], **options)
        try:
            return await body(resolver)
        finally:
            resolver.close()

    return loop.run(main())


def test_a_name_has_its_addresses_of_both_families(loop, server):
    async def body(resolver):
        every = await resolver.resolve("Both.Test", 80)
        four = await resolver.resolve("both.test", 80, V4)
        return every, four

    every, four = with_resolver(loop, server, body)
    assert set(every) == {Address(V4, "127.0.0.7", 80), Address(V6, "::1", 80)}
    assert four == [Address(V4, "127.0.0.7", 80)]


@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
def test_numbers_need_no_server(loop, server, host):
    [address] = with_resolver(loop, server, lambda r: r.resolve(host, 80))
    assert address.host == host
    assert not server.asked


def test_names_of_the_hosts_file_need_no_server(loop, server):
    found = with_resolver(loop, server, lambda r: r.resolve("localhost", 80))
    assert Address(V4, "127.0.0.1", 80) in found
    assert not server.asked


@pytest.mark.parametrize("name", ["nowhere.test", "empty.test"])
def test_no_such_name(loop, server, name):
    async def body(resolver):
        for _ in range(2):
            with pytest.raises(socket.gaierror, match=f"'{name}': there is no") as got:
                await resolver.resolve(name, 80)
            assert got.value.errno == socket.EAI_NONAME
        return len(server.asked)

    # The second time, it is remembered: one question of each family.
    assert with_resolver(loop, server, body) <= 4
    assert len(set(server.asked)) == len(server.asked)


@pytest.mark.parametrize("name", ["", ".", "a b", "a" * 64 + ".test", "a..b", "a\n"])
def test_what_can_not_be_a_name_is_not_asked_for(loop, server, name):
    async def body(resolver):
        with pytest.raises(socket.gaierror, match="can't be a host's name"):
            await resolver.resolve(name, 80)

    with_resolver(loop, server, body)
    assert not server.asked


def test_answers_are_kept_for_their_ttl(loop, server, monkeypatch):
    ahead = 0.0
    time = loop.time
    monkeypatch.setattr(loop, "time", lambda: time() + ahead)

    async def body(resolver):
        nonlocal ahead
        questions = []

        class Backend:
            def ask(self, host, family, reply):
                questions.append(host)
                real.ask(host, family, reply)

            def close(self):
                real.close()

        real, resolver._backend = resolver._backend, Backend()
        for seconds in (0.0, 59.0, 61.0):
            ahead = seconds
            await resolver.resolve("four.test", 80, V4)
        return len(questions)

    assert with_resolver(loop, server, body) == 2


def test_the_cache_is_bounded(loop, server):
    async def body(resolver):
        for name in ("four.test", "both.test", "brief.test"):
            await resolver.resolve(name, 80)
        return [name for name, _ in resolver._cache]

    cached = with_resolver(loop, server, body, cache_size=2)
    assert cached == ["both.test", "brief.test"]


def test_those_who_ask_at_once_share_one_query(loop, server):
    async def body(resolver):
        return await gather(
            *[resolver.resolve("four.test", port, V4) for port in range(5)]
        )

    answers = with_resolver(loop, server, body)
    assert [answer[0].port for answer in answers] == [0, 1, 2, 3, 4]
    assert server.asked == [("four.test", 1)]


def test_one_who_gives_up_does_not_take_the_answer_from_the_others(loop, server):
    server.hold = True

    async def body(resolver):
        first = loop.spawn(resolver.resolve("four.test", 1, V4))
        second = loop.spawn(resolver.resolve("four.test", 2, V4))
        while not server.held:
            await sleep(0)
        first.cancel()
        server.release()
        return await second

    assert with_resolver(loop, server, body)[0].port == 2


def test_a_lost_packet_is_sent_again(loop, server):
    server.lose = 1

    def body(resolver):
        return resolver.resolve("four.test", 80, V4)

    found = with_resolver(loop, server, body, timeout=0.05, tries=4)
    assert found == [Address(V4, "127.0.0.1", 80)]
    assert server.lose == 0


def test_silence_is_an_error_in_the_end_and_is_not_remembered(loop, server):
    server.lose = 1000

    async def body(resolver):
        with pytest.raises(socket.gaierror) as got:
            await resolver.resolve("four.test", 80, V4)
        assert got.value.errno == socket.EAI_AGAIN
        server.lose = 0
        return await resolver.resolve("four.test", 80, V4)

    assert with_resolver(loop, server, body, timeout=0.02, tries=2)


def test_a_slow_server_delays_nobody_else(loop, server):
    server.hold = True

    async def body(resolver):
        slow = loop.spawn(resolver.resolve("four.test", 80, V4))
        while not server.held:
            await sleep(0)
        for _ in range(100):
            await let_others_run()
        quick = await resolver.resolve("localhost", 80)
        assert quick
        assert not slow.done()
        server.release()
        return await slow

    assert with_resolver(loop, server, body)


def test_closing_ends_the_waiting_and_leaves_nothing_watched(loop, server):
    server.hold = True
    before = set(loop._watched)

    async def body(resolver):
        task = loop.spawn(resolver.resolve("four.test", 80, V4))
        while not server.held:
            await sleep(0)
        resolver.close()
        resolver.close()
        with pytest.raises(socket.gaierror):
            await task

    with_resolver(loop, server, body)
    assert set(loop._watched) == before


# Without pycares


def test_threads_serve_where_there_is_no_pycares(loop, monkeypatch):
    monkeypatch.setattr(lookup, "pycares", None)
    asked = []
    release = threading.Event()

    def getaddrinfo(host, port, *rest, **options):
        if options:  # asked for a number
            raise socket.gaierror(socket.EAI_NONAME, "no number")
        asked.append((host, threading.current_thread()))
        release.wait(10)
        if host == "bad.test":
            raise socket.gaierror(socket.EAI_NONAME, "no such name")
        return [(V4, 1, 6, "", ("127.0.0.9", 0))]

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)

    async def main():
        resolver = Resolver()
        task = loop.spawn(resolver.resolve("some.test", 80))
        for _ in range(10):
            await let_others_run()
        assert not task.done()
        release.set()
        found = await task
        with pytest.raises(socket.gaierror, match="no such name"):
            await resolver.resolve("bad.test", 80)
        resolver.close()
        return found

    assert loop.run(main()) == [Address(V4, "127.0.0.9", 80)]
    assert asked[0][1] is not threading.current_thread()


# Connecting


def test_families_take_turns():
    four = [Address(V4, f"127.0.0.{n}", 1) for n in (1, 2, 3)]
    six = [Address(V6, "::1", 1)]
    assert alternate(six + four) == [six[0], *four]
    assert alternate(four + six) == [four[0], six[0], *four[1:]]


@pytest.fixture
def port(loop):
    def on_connection(stream, address):
        accepted.append(stream)

    accepted = []
    socks = listen("127.0.0.1", 0)
    listener = Listener(socks, on_connection, loop)
    yield socks[0].getsockname()[1]
    listener.close()
    for stream in accepted:
        stream.abort()


def test_connect_tries_the_next_address_when_one_refuses(loop, server, port):
    async def body(resolver):
        # ::1 and 127.0.0.7 have nobody at this port of ours.
        server.table = {"x.test": ([(V6, "::1"), (V4, "127.0.0.1")], 60)}
        stream = await resolver.connect("x.test", port)
        peer = stream.sock.getpeername()
        stream.close()
        return peer

    assert with_resolver(loop, server, body) == ("127.0.0.1", port)


def test_connect_raises_the_last_error(loop, server):
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))  # bound, and not listening
        port = unused.getsockname()[1]

        async def body(resolver):
            with pytest.raises(ConnectionRefusedError):
                await resolver.connect("four.test", port)

        with_resolver(loop, server, body)


def test_an_attempt_that_hangs_is_overtaken_and_cancelled(loop, port, monkeypatch):
    monkeypatch.setattr(module, "ATTEMPT_DELAY", 0.001)
    ended = []

    async def hang():
        try:
            await sleep(3600)
        finally:
            ended.append("hang")

    async def main():
        stream = await race([hang(), connect("127.0.0.1", port), hang()])
        assert not stream.closed
        stream.close()
        await let_others_run()
        await let_others_run()

    loop.run(main())
    assert ended  # those that were started


class Made:
    """What an attempt made; it knows whether it was closed."""

    def __init__(self):
        self.aborted = False

    def abort(self):
        self.aborted = True


@pytest.mark.parametrize("late", [True, False])
def test_a_second_connection_is_closed(loop, monkeypatch, late):
    monkeypatch.setattr(module, "ATTEMPT_DELAY", 0)
    made = []
    begun, answer = [], Event()

    async def attempt(number):
        begun.append(number)
        if len(begun) == 3:
            answer.set()
        try:
            await answer.wait()
        except CancelledError:
            if not late:
                raise
        # Late: too far to be cancelled any more, as a connection may be.
        made.append(Made())
        return made[-1]

    async def main():
        winner = await race([attempt(number) for number in range(3)])
        for _ in range(10):
            await let_others_run()
        return winner

    winner = loop.run(main())
    assert [one for one in made if not one.aborted] == [winner]
    assert len(made) > 1


def test_connect_looks_names_up_by_the_resolver_of_the_loop(
    loop, server, port, monkeypatch
):
    monkeypatch.setattr(module, "Resolver", partial(Resolver, [server.address]))

    async def main():
        for host in "four.test", "127.0.0.1", "Four.Test":
            stream = await dustdevil.connect(host, port)
            assert stream.sock.getpeername() == ("127.0.0.1", port)
            stream.close()
        with pytest.raises(socket.gaierror, match="no such name"):
            await dustdevil.connect("nowhere.test", port)

    loop.run(main())
    questions = [name for name, _ in server.asked]
    assert questions.count("four.test") <= 2  # one of each family: it is remembered
