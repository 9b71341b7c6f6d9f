"""The fast path in C: what it does at all, and that nothing shows which path it was.

Every test of `test_server` with a server that runs is done on both paths. Here the two
are set side by side, on one socket each, and the C is given what it can't expect.
"""

import gc
import http
import re
import subprocess
import sys
import weakref
from contextlib import closing, suppress
from email.utils import formatdate
from socket import SHUT_WR, SO_LINGER, SOL_SOCKET, socket, socketpair
from struct import pack
from time import time

import pytest
from extension import (
    ROOT,
    bind,
    compiled,
    compiled_fast_path,
    in_other_interpreters,
    load,
)
from hypothesis import given
from hypothesis import strategies as st
from test_server import Answer, hello, post, request

import dustdevil.http.connection
from dustdevil.coroutine import CancelledError, Future, let_others_run
from dustdevil.http import NO_BODY, Connection, ProtocolError, Server
from dustdevil.http import parser as http1
from dustdevil.loop import Loop
from dustdevil.stream import Stream

BARE = request()


@pytest.fixture(scope="module")
def library(tmp_path_factory):
    return compiled(tmp_path_factory.mktemp("c"), "_fastpath")


@pytest.fixture(scope="module")
def fast_path():
    return compiled_fast_path()


class Pair:
    """A server with one connection, and the client's end of its socket."""

    def __init__(self, application, path):
        self.loop = Loop()
        self.server = Server(application, loop=self.loop)
        self.server._set_time(100.0)
        self.client, sock = socketpair()
        self.client.setblocking(False)
        earlier, dustdevil.http.connection.FastPath = (
            dustdevil.http.connection.FastPath,
            path,
        )
        self.connection = Connection(self.server, Stream(sock, self.loop), None)
        self.server.connections.add(self.connection)
        dustdevil.http.connection.FastPath = earlier

    def turns(self, number=4):
        """Take so many turns, none of which waits."""
        for _ in range(number):
            self.loop.call_soon(int)
            self.loop.turn()

    def ask(self, data=BARE):
        """Send bytes, take turns, and return what comes."""
        self.server._set_time(self.server.now + 1)
        self.client.send(data)
        self.turns()
        return self.received()

    def received(self):
        try:
            return self.client.recv(1 << 20)
        except BlockingIOError:
            return None

    def state(self):
        """All that the next request depends on."""
        connection, server = self.connection, self.server
        stream = connection.stream
        return (
            connection._resting,
            connection._head and vars(connection._head),
            connection.deadline,
            connection._late,
            connection._task and type(connection._task),
            stream.closed,
            stream.eof,
            stream._events,
            undated(bytes(stream._out)),
            server.requests,
            server.refused,
            {data: vars(head) for data, head in server.known.items()},
        )

    def close(self):
        self.connection.stream.abort()
        self.turns()  # what waits hears of it
        self.client.close()
        self.loop.close()


@pytest.fixture
def pair(fast_path):
    """`pair(application)`: on the fast path, known and at rest."""
    made = []

    def make(application):
        made.append(Pair(application, fast_path))
        made[-1].ask()
        made[-1].ask()  # the first comes to a connection that never rested yet
        assert made[-1].connection._resting
        assert BARE in made[-1].server.known
        return made[-1]

    yield make
    for one in made:
        one.close()


@pytest.fixture
def python(monkeypatch):
    """The methods of Python that are called from now on, in order."""
    called = []
    for owner, names in (
        (Stream, ("_on_ready", "_on_end", "_lost", "_flush", "_keep_from")),
        (Connection, ("_on_data", "_take", "_carry_on", "_fail", "_serve")),
    ):
        for name in names:
            monkeypatch.setattr(owner, name, spy(called, getattr(owner, name)))
    return called


def spy(called, method):
    def call(*args):
        called.append(method.__name__)
        return method(*args)

    return call


# What it does


def test_a_known_request_is_answered_without_a_method_of_ours(pair, python):
    one = pair(hello)
    python.clear()
    first, second = one.ask(), one.ask()
    assert python == []
    assert first == second
    assert first.startswith(b"HTTP/1.1 200 OK\r\nDate: ")
    assert first.endswith(b"\r\nContent-Length: 5\r\n\r\nhello")
    assert one.server.requests == 4
    assert one.connection.deadline == 164
    assert one.connection._resting


def test_the_application_is_called_as_ever(pair):
    calls = []

    async def application(head, body, connection):
        calls.append((head, body, connection, connection._head))
        return Answer(b"x")

    one = pair(application)
    one.ask()
    [*_, (head, body, connection, current)] = calls
    assert head is current is one.server.known[BARE]
    assert body is NO_BODY
    assert connection is one.connection
    assert connection._head is None


def test_what_is_written_is_sent_after_the_callbacks_of_the_turn(pair):
    one = pair(hello)
    one.client.send(BARE)
    for fd, events in one.loop.poller.poll(1):
        one.loop._watched[fd](events)
    assert one.received() is None
    assert one.connection.stream.unsent > 5
    one.loop.run_ready()
    assert one.received().endswith(b"hello")
    assert one.connection.stream.unsent == 0


def test_what_is_written_meanwhile_is_sent_with_it(pair, python):
    one = pair(hello)
    python.clear()
    one.client.send(BARE)
    for fd, events in one.loop.poller.poll(1):
        one.loop._watched[fd](events)
    one.connection.stream.write(b"; and more")
    one.loop.run_ready()
    assert one.received().endswith(b"hello; and more")
    assert python == ["_flush"]


def test_all_that_was_answered_in_a_turn_is_sent_by_one_call(
    fast_path, python, monkeypatch
):
    """And where one of them fails, the others get theirs."""
    one, *others = [Pair(hello, fast_path) for _ in range(3)]
    failed = []
    monkeypatch.setattr(sys, "unraisablehook", lambda it: failed.append(it.exc_type))
    with closing(one), closing(others[0]), closing(others[1]):
        for pair in one, *others:
            pair.ask(), pair.ask()
            pair.connection.server = one.server
        python.clear()
        paths = [pair.connection.stream._stand_in for pair in (one, *others)]
        for n, pair in enumerate((one, *others)):
            pair.client.send(BARE)
            fast = type(paths[n])(pair.connection)
            one.server.known[BARE] = pair.server.known[BARE]
            fast(1)
        assert len(one.server.unsent) == 3
        assert len(one.loop.ready) == 1
        others[0].connection.stream._out = bytearray(b"kept by somebody")
        monkeypatch.setattr(Stream, "_flush", lambda _: 1 / 0)
        one.loop.run_ready()
        assert one.server.unsent == []
        assert one.received().endswith(b"hello")
        assert others[1].received().endswith(b"hello")
        assert failed == [ZeroDivisionError]
        monkeypatch.undo()
        others[0].connection.stream._out = b""


def test_the_date_is_that_of_the_moment(pair):
    """What a response begins with is kept for a second, and no longer."""
    one = pair(hello)
    dates = set()
    while len(dates) < 2:
        before = int(time())
        [date] = re.findall(rb"\r\nDate: ([^\r]*)\r\n", one.ask())
        after = int(time())
        assert date.decode() in {
            formatdate(second, usegmt=True) for second in (before, after)
        }
        dates.add(date)


async def waits(head, body, connection):
    await let_others_run()
    return Answer(b"waited")


async def fails(head, body, connection):
    raise LookupError("no such thing")


async def is_cancelled(head, body, connection):
    raise CancelledError


async def refuses(head, body, connection):
    raise ProtocolError(413, "too much")


def generates(head, body, connection):
    yield
    return Answer(b"generated")


def soon(head, body, connection):
    future = Future(connection.server.loop)
    connection.server.loop.call_soon(future.set_result, Answer(b"later"))
    return future


async def waits_longer(head, body, connection):
    return await soon(head, body, connection)


async def pieces(head, body, connection):
    async def two():
        yield b"one;"
        yield b"two;"

    return Answer(two())


async def closes(head, body, connection):
    if connection.server.requests > 2:
        connection.stream.close()
    return Answer(b"for nobody")


async def writes_first(head, body, connection):
    connection.stream.write(b"before;")
    return Answer(b"x")


async def ends(head, body, connection):
    if connection.server.requests > 2:
        connection.stream.write_eof()
    return Answer(b"too late")


async def stops(head, body, connection):
    connection.server.stopping = connection.server.requests > 2
    return Answer(b"the last")


async def lists(head, body, connection):
    return Answer(b"x", headers=[("A", "b")])


def answers(*args, **options):
    async def application(head, body, connection):
        return Answer(*args, **options)

    return application


APPLICATIONS = {
    "plain": hello,
    "coroutine": answers(b"x" * 1000),
    "empty": answers(),
    "headers": answers(b"x", headers=[("X-A", "1"), ("X-A", "2")]),
    "status": answers(b"x", http.HTTPStatus.NOT_FOUND),
    "waits": waits,
    "fails": fails,
    "cancelled": is_cancelled,
    "refuses": refuses,
    "generates": generates,
    "future": soon,
    "waits longer": waits_longer,
    "no response": lambda *_: "text",
    "nothing": lambda *_: None,
    "raises": lambda *_: 1 / 0,
    "pieces": pieces,
    "no content": answers(status=204),
    "reset content": answers(b"x", status=205),
    "not modified": answers(status=304),
    "switching": answers(status=101),
    "no status": answers(b"x", status=99),
    "too high a status": answers(b"x", status=600),
    "huge status": answers(b"x", status=1 << 80),
    "text as status": answers(b"x", status="200"),
    "bad header": answers(b"x", headers=[("X-A", "1\r\nX-B: 2")]),
    "bad pair": answers(b"x", headers=["X"]),
    "no headers": answers(b"x", headers=None),
    "unhashable": answers(b"x", headers=[(["X"], "1")]),
    "our header": answers(b"x", headers=[("Content-Length", "7")]),
    "body of text": answers("text"),
    "bytearray": answers(bytearray(b"x")),
    "upgrade": answers(b"x", upgrade=print),
    "closes": closes,
    "writes first": writes_first,
    "ends": ends,
    "stops": stops,
    "lists": lists,
    "large": answers(b"x" * 70_000),
}
REQUESTS = [
    BARE,
    BARE * 2,
    BARE * 40,
    BARE[:7],
    BARE[7:],
    b"\r\n",
    request("/b?c=%20"),
    request(method="HEAD"),
    request(version="1.0"),
    request("/", "Connection: close"),
    request("/", "X: " + "x" * 300),
    request("/", "Upgrade: that", "Connection: upgrade"),
    post(b"some"),
    post(b"more")[:-2],
    b"GET",
    b"nonsense\r\n\r\n",
]


@pytest.mark.parametrize("name", APPLICATIONS)
@given(sent=st.lists(st.sampled_from(REQUESTS), max_size=6))
def test_nothing_shows_which_path_it_was(fast_path, name, sent):
    """The same bytes come back, and all is left as it would be, after each piece."""
    application = APPLICATIONS[name]
    made = [Pair(application, path) for path in (fast_path, None)]
    try:
        for data in (BARE, BARE, *sent, BARE):
            seen = []
            for one in made:
                if one.connection.stream.closed:
                    continue
                try:
                    answered = one.ask(data)
                except ConnectionError as error:
                    answered = type(error)
                seen.append((undated(answered), one.state()))
            assert seen[:1] == seen[1:]
    finally:
        for one in made:
            one.close()


def undated(answer):
    """The answer without its Date: a second may pass between the two."""
    if not isinstance(answer, bytes):
        return answer
    lines = answer.split(b"\r\n")
    return [line for line in lines if not line.startswith(b"Date: ")]


def use_everything(module):
    """Answer some of all requests with each application: for valgrind to watch."""
    with suppress(RuntimeError):  # the second time
        bind(module)
    for application in APPLICATIONS.values():
        one = Pair(application, module.FastPath)
        with closing(one):
            for data in (BARE, BARE, BARE, REQUESTS[6], BARE):
                if not one.connection.stream.closed:
                    one.ask(data)


# What it leaves to Python


@pytest.mark.parametrize(
    ("name", "methods"),
    [
        ("waits", ["_carry_on", "_take", "_serve"]),
        ("generates", ["_carry_on", "_take", "_serve"]),
        ("future", ["_take", "_serve"]),
        ("fails", ["_fail"]),
        ("pieces", ["_take", "_serve"]),
        ("bad header", ["_take", "_fail"]),
        ("no content", ["_take", "_serve"]),
    ],
)
def test_the_method_that_is_called_is_the_next_one(pair, python, name, methods):
    one = pair(lambda *args: now(*args))
    now = APPLICATIONS[name]
    python.clear()
    one.client.send(BARE)
    for fd, events in one.loop.poller.poll(1):
        one.loop._watched[fd](events)
    assert python == methods


def test_bytes_that_are_not_known_are_read_in_python(pair, python):
    one = pair(hello)
    for data in (request("/new"), BARE * 2, request(method="HEAD"), BARE + b"\r\n"):
        python.clear()
        assert one.ask(data).startswith(b"HTTP/1.1 200 OK")
        assert python[0] == "_on_data"


def test_a_piece_that_is_longer_than_what_is_read_at_once(pair):
    one = pair(hello)
    answered = one.ask(BARE * 1000)  # 25 KB
    one.turns(50)
    answered += one.received() or b""
    assert answered.count(b"hello") == 1000


def test_the_end(pair, python):
    one = pair(hello)
    python.clear()
    one.client.shutdown(SHUT_WR)
    one.turns()
    assert python[:2] == ["_on_end", "_on_data"]
    assert one.received() == b""
    assert one.connection.stream.closed
    assert not one.server.connections


def tcp_pair():
    with closing(socket()) as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        client = socket()
        client.connect(listener.getsockname())
        return client, listener.accept()[0]


def test_a_reset_is_an_error(fast_path):
    loop = Loop()
    with closing(loop):
        client, sock = tcp_pair()
        stream = Stream(sock, loop)
        connection = Connection(Server(hello, loop=loop), stream, None)
        errors = []
        stream.on_close = errors.append
        connection._resting = True
        client.setsockopt(SOL_SOCKET, SO_LINGER, pack("ii", 1, 0))
        client.close()
        fast_path(connection)(1)  # as if epoll had not seen yet that it is an error
        loop.run_ready()
        assert [type(error) for error in errors] == [ConnectionResetError]
        assert stream.closed


def test_a_client_that_is_gone_when_it_should_be_answered(pair):
    one = pair(hello)
    one.client.send(BARE)
    one.client.close()
    one.turns()
    assert one.connection.stream.closed
    assert not one.server.connections


def test_ready_for_nothing(pair, python):
    """A report can be stale: then there is nothing to read, and nothing happens."""
    one = pair(hello)
    python.clear()
    one.connection.stream._stand_in(1)
    assert python == []
    assert one.connection._resting


def test_other_events_are_for_python(pair, python):
    one = pair(hello)
    python.clear()
    one.client.send(BARE)
    one.connection.stream._stand_in(1 | 4)
    assert python[:3] == ["_on_ready", "_flush", "_on_data"]


def test_a_socket_without_room(pair, python):
    size = 10
    one = pair(lambda *_: Answer(b"x" * size))
    size = 1_000_000
    python.clear()
    received = one.ask()
    assert python == ["_keep_from"]
    assert one.connection.stream.full
    assert one.connection.stream.unsent
    while one.connection.stream.unsent:
        received += one.received() or b""
        one.turns()
    received += one.received() or b""
    assert received.endswith(b"\r\n\r\n" + b"x" * size)
    assert one.connection._resting


def test_what_ends_the_program_ends_it(pair):
    one = pair(lambda *args: now())
    for error in (KeyboardInterrupt, SystemExit):

        def now(error=error):
            raise error

        with pytest.raises(error):
            one.ask()
        one.connection._head = None


@pytest.mark.parametrize("name", ["status", "headers", "body", "upgrade"])
def test_what_ends_the_program_ends_it_in_a_response_too(pair, name):
    class Late:
        status, headers, body, length, upgrade = 200, (), b"", None, None

        def __getattribute__(self, asked):
            if asked == name:
                raise KeyboardInterrupt
            return super().__getattribute__(asked)

    one = pair(lambda *_: now())
    now = Late
    with pytest.raises(KeyboardInterrupt):
        one.ask()
    one.connection._head = None


def test_after_a_pause_it_stands_in_again(pair, python):
    one = pair(hello)
    one.connection.stream.pause_reading()
    one.connection.stream.resume_reading()
    python.clear()
    assert one.ask().endswith(b"hello")
    assert python == []


def test_another_protocol_gets_the_stream_without_it(pair):
    streams = []

    async def that(stream):
        streams.append(stream)
        stream.write(b"other")
        await stream.drain()

    one = pair(lambda head, *_: Answer(status=101, upgrade=that) if head.upgrade
               else hello(0, 0, 0))  # fmt: skip
    path = weakref.ref(one.connection)
    answered = one.ask(request("/", "Upgrade: that", "Connection: upgrade"))
    assert answered.endswith(b"\r\n\r\nother")
    assert streams[0]._stand_in is None
    one.connection = one  # for its close()
    one.stream = streams[0]
    gc.collect()
    assert path() is None


# What it is not given


def test_it_forgets_when_it_knows_too_many(pair, monkeypatch):
    monkeypatch.setattr(http1, "MOST_KNOWN", 10)
    one = pair(hello)
    for n in range(30):
        assert one.ask(request(f"/{n}")).endswith(b"hello")
        assert len(one.server.known) <= 10


def test_what_may_be_known(pair):
    one = pair(hello)
    long = request("/" + "x" * (256 - len(BARE)))
    assert len(long) == 256
    for data in (long, long.replace(b"x ", b"xx "), request(method="HEAD"), post(b"x")):
        one.ask(data)
    assert {*one.server.known} == {BARE, long}


@pytest.mark.parametrize(
    "name", ["known", "requests", "application", "enqueue", "unsent", "opened"]
)
def test_an_attribute_that_was_deleted(pair, name, caplog):
    one = pair(hello)
    delattr(one.server, name)
    one.client.send(BARE)
    one.turns()
    if name in ("enqueue", "unsent", "opened"):
        assert one.received().endswith(b"hello")
        assert one.ask().endswith(b"hello")
    else:
        assert "TypeError" in caplog.text or "SystemError" in caplog.text


def test_it_takes_connections_of_ours_only(library, fast_path):
    module = load(library)
    one = Pair(hello, None)
    with closing(one):
        with pytest.raises(RuntimeError, match="bind"):
            module.FastPath(one.connection)
        bind(module)
        module.FastPath(connection=one.connection)
        for wrong in (None, 1, one.server, one.connection.stream, object()):
            with pytest.raises(TypeError):
                module.FastPath(wrong)
            with pytest.raises(TypeError, match="flush"):
                module.flush(wrong)
        # What is in the list and not of ours is left alone.
        one.connection.stream._out = b"unsent"
        unsent = [None, fast_path(one.connection), module.FastPath]
        module.flush(unsent)
        assert unsent == []
        assert one.connection.stream._out == b"unsent"
        module.flush([module.FastPath(one.connection)])
        assert one.received() == b"unsent"
        with pytest.raises(TypeError):
            module.FastPath()
        path = module.FastPath(one.connection)
        for arguments in ((), (1, 2)):
            with pytest.raises(TypeError, match="one argument"):
                path(*arguments)
        with pytest.raises(TypeError, match="one argument"):
            path(events=1)
        for part in ("stream", "server"):
            there = getattr(one.connection, part)
            setattr(one.connection, part, object())
            with pytest.raises(TypeError, match=f"its {part} is a object"):
                module.FastPath(one.connection)
            setattr(one.connection, part, there)


def test_it_is_bound_to_classes_with_slots_only(library):
    module = load(library)
    given = [Connection, Stream, dustdevil.http.channel.Host, None, None, None]

    class Bare:
        pass

    class Wrong(Stream):
        _ending = True

    class Number(Stream):
        _ending = vars(complex)["real"]  # a member, but no reference

    for place, wrong, error in (
        (0, Bare, AttributeError),
        (1, Bare, AttributeError),
        (1, Wrong, TypeError),
        (1, Number, TypeError),
        (2, "Host", TypeError),
    ):
        with pytest.raises(error):
            module.bind(*given[:place], wrong, *given[place + 1 :])
    with pytest.raises(TypeError):
        module.bind(*given[:5])
    module.bind(*given)
    with pytest.raises(RuntimeError, match="before"):
        module.bind(*given)


def test_what_opens_a_response_need_not_give_bytes(library):
    module = load(library)
    host = dustdevil.http.channel.Host
    module.bind(Connection, Stream, host, NO_BODY, print, CancelledError)
    one = Pair(hello, module.FastPath)
    with closing(one):
        for _ in range(3):
            assert one.ask().endswith(b"hello")


def test_somebody_elses_stream_is_served_in_python(library, monkeypatch):
    class Own:
        """With other attributes than ours."""

    class Alike(Stream):
        """With the same ones."""

    module = load(library)
    monkeypatch.setattr(dustdevil.http.connection, "fastpath", module)
    for own in Own, Alike:
        with monkeypatch.context() as here:
            here.setattr(dustdevil.http.connection, "Stream", own)
            assert dustdevil.http.connection.fast_path() is None
    assert dustdevil.http.connection.fast_path() is module.FastPath
    assert dustdevil.http.connection.fast_path() is None  # the second time
    monkeypatch.setattr(dustdevil.http.connection, "fastpath", None)
    assert dustdevil.http.connection.fast_path() is None


def test_nothing_is_kept_of_a_connection_that_is_closed(pair):
    one = pair(hello)
    refs = [weakref.ref(one.connection), weakref.ref(one.connection.stream.on_data)]
    stream, one.connection = one.connection.stream, one
    gc.disable()
    try:
        stream.abort()
        one.turns()
        assert [ref() for ref in refs] == [None, None]  # and no collection was needed
    finally:
        gc.enable()
        one.stream = stream


def test_a_server_that_is_dropped_with_its_connections_open(fast_path):
    """A cycle goes through the C, and the collector finds it."""
    one = Pair(hello, fast_path)
    one.ask()
    ref = weakref.ref(one.connection)
    sock, loop = one.connection.stream.sock, one.loop
    sock.close()
    loop.poller.close()
    loop._wake_send.close()
    loop._wake_recv.close()
    one.client.close()
    del one, sock, loop
    gc.collect()
    assert ref() is None


PROGRAM = """
import sys, _testcapi
sys.path[:0] = {paths!r}
from extension import bind, load
module = load({library!r})
bind(module)
import test_fastpath as tests
one = tests.Pair(tests.answers(b"x", headers=[("A", "b")]), module.FastPath)
one.ask()
"""
NO_MEMORY = """
def refuse(turn):
    # Have the request for memory of this number fail while one request is answered.
    one.client.send(tests.BARE)
    [(fd, events)] = one.loop.poller.poll(1)
    stand_in = one.connection.stream._stand_in
    refused = 0
    _testcapi.set_nomemory(turn, turn + 1)
    try:
        stand_in(events)
    except MemoryError:
        refused = 1
    finally:
        _testcapi.remove_mem_hooks()
    one.connection._head = None
    one.loop.on_error = lambda *_: None
    one.turns()
    one.received()
    if one.connection.stream.closed:
        globals()["one"] = tests.Pair(tests.answers(b"x"), module.FastPath)
        one.ask()
    one.connection._resting = True
    one.connection._head = None
    return refused

refused = sum(map(refuse, range(40)))
print(refused)
"""


def run(library, program):
    paths = [str(ROOT / "tests"), str(ROOT / "src")]
    text = PROGRAM.format(paths=paths, library=str(library)) + program
    return subprocess.run([sys.executable, "-c", text], capture_output=True, text=True)


def test_no_memory_is_an_error_and_not_a_crash(library):
    """Every request for memory is refused once."""
    pytest.importorskip("_testcapi")
    done = run(library, NO_MEMORY)
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) > 0


LEAKS = """
import gc, logging
from time import time
from dustdevil.http.writer import opening
logging.disable()

def work():
    for _ in range(200):
        one.ask()
        module.FastPath(one.connection)

def held():
    gc.collect()
    parts = one, one.connection, one.connection.stream, one.server, application
    parts += module.FastPath, module.flush
    parts += one.server.known[tests.BARE], tests.NO_BODY
    parts += (opening(200, None, (), int(time())),)
    return sys.getallocatedblocks(), *map(sys.getrefcount, parts)

def grown():
    before = held()
    work()
    return max(after - then for then, after in zip(before, held()))

names = "plain", "coroutine", "waits", "waits longer", "fails", "bad header", "lists"
for name in names:
    application = tests.APPLICATIONS[name]
    one = tests.Pair(application, module.FastPath)
    work()
    held()
    # What is lost is lost each time; a cache that grows meanwhile does not every time.
    print(min(grown() for _ in range(3)))
"""


def test_nothing_is_lost_with_a_request(library):
    """As many blocks of memory after some hundred requests as before them, and no more
    references to what lasts."""
    done = run(library, LEAKS)
    assert done.returncode == 0, done.stderr
    assert len(lost := [*map(int, done.stdout.split())]) == 7
    assert max(lost) < 100


USES = """
class Connection:
    __slots__ = ("_resting", "_head", "deadline", "stream", "server")
class Stream:
    __slots__ = ("_ending", "_events", "_out")
class Host:
    __slots__ = (
        "application", "known", "requests", "rest_until", "stopping", "enqueue",
        "unsent", "opened"
    )
c.bind(Connection, Stream, Host, None, print, KeyError)
"""


def test_other_interpreters_load_it_too(library):
    """Each with classes of its own, and from Python 3.12 on with a GIL of its own."""
    in_other_interpreters(library, USES)
