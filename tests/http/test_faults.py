"""What goes wrong around a server, and that nothing of it stays behind.

Single faults are tested where their part is; here several meet in one process.
`make soak` does the same for ten minutes.
"""

import gc
import os
import socket
import subprocess
import sys
import weakref
from contextlib import ExitStack, suppress
from weakref import WeakSet

import pytest

from dustdevil.loop import Loop
from dustdevil.stream import Stream
from dustdevil.sync import gather, sleep
from dustdevil.websocket import CLOSE, WebSocket
from support.serving import Answer, Client, Latch, post, request
from support.websocket_peer import PATIENT, Peer, masked

# A server with hardly a descriptor to spare. When it can't accept any more, it counts
# the turns that its loop takes in half a second, and reports them.
FULL = """
import logging, os, resource
from dustdevil.loop import Loop
from dustdevil.http import Headers, Server

class Answer:
    status, headers, body = 200, Headers(), b"hello"
    length = upgrade = reason = None

class Counting(Loop):
    turns = 0
    def turn(self):
        self.turns += 1
        super().turn()

class Watch(logging.Handler):
    def emit(self, record):
        logging.getLogger("dustdevil").removeHandler(self)
        loop.turns = 0
        loop.call_later(0.5, lambda: print("turns", loop.turns, flush=True))

loop = Counting()
server = Server(lambda *_: Answer(), loop=loop)
port = server.listen(port=0)
server.start()
resource.setrlimit(resource.RLIMIT_NOFILE, (len(os.listdir("/proc/self/fd")) + 3,) * 2)
logging.getLogger("dustdevil").addHandler(Watch())
print(port, flush=True)
loop.run_forever()
"""


@pytest.mark.skipif(sys.platform != "linux", reason="counts descriptors in /proc")
def test_a_full_table_of_descriptors_is_no_busy_loop():
    command = [sys.executable, "-c", FULL]
    with (
        subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server,
        ExitStack() as stack,
    ):
        stack.callback(server.kill)
        port = int(server.stdout.readline())
        clients = [stack.enter_context(Client(port)) for _ in range(12)]
        word, turns = server.stdout.readline().split()
        # A turn for a sweep or two, and for each attempt that ends with no descriptor.
        assert word == "turns"
        assert int(turns) < 20
        # Who is in is served, and who waits comes in when others leave.
        for client in clients:
            client.send(request())
            assert client.response()[0] == 200
            client.__exit__()


def descriptors():
    return len(os.listdir("/proc/self/fd"))


@pytest.mark.skipif(sys.platform != "linux", reason="counts descriptors in /proc")
def test_nothing_is_left_of_clients_that_behave_badly(running, caplog):
    hang = WeakSet()

    async def application(head, body, connection):
        match head.target:
            case "/raise":
                raise ValueError("as it should")
            case "/hang":
                hang.add(connection)
                await sleep(3600)
            case "/large":
                return Answer(bytes(3_000_000))
            case "/pieces":
                return Answer(pieces())
        return Answer(await body.read())

    async def pieces():
        for _ in range(100):
            yield bytes(50_000)

    times = ("header_timeout", "idle_timeout", "write_timeout", "half_closed_timeout",
             "linger", "body_grace")  # fmt: skip
    one = running(application, **dict.fromkeys(times, 0.2))
    settled(one)  # the sweep has its timer
    before = descriptors(), timers(one)
    sends = [
        b"", b"GET", b"\r\n\r\n\r\n", request(), request()[:-2], post(b"x" * 9)[:-3],
        request("/raise"), request("/hang"), request("/hang") + request(),
        request("/large"), request("/pieces") * 3, request() * 500,
        post(b"x" * 200_000), post(b"x" * 200_000)[:-1],
        post(b"x" * 99, "Expect: 100-continue"),
    ]  # fmt: skip
    leaves = [
        lambda client: client.reset(),
        lambda client: client.sock.shutdown(socket.SHUT_WR),
        lambda client: client.__exit__(),
        lambda client: None,  # it stays, and says and reads nothing
    ]
    with ExitStack() as stack:
        for leave in leaves:
            for data in sends:
                client = Client(one.port, receive_buffer=4096)
                stack.callback(client.__exit__)
                client.send(data)
                leave(client)
        # The server does not wait for those that stay.
        with one.connect() as other:
            other.send(post(b"still here"))
            assert other.response()[2] == b"still here"
        hanging = settled(one, but=hang)
        assert hanging <= 2  # that wait for their handler, by right
    settled(one)
    assert (descriptors(), timers(one)) == before
    assert caplog.text.count("as it should")


def settled(one, but=()):
    """Wait until the server's connections have ended, `but` for those that may stay;
    return how many have not."""
    done = Latch()

    async def wait():
        while any(each not in but for each in one.server.connections):
            await sleep(0.01)
        done.set(len(one.server.connections))

    one.soon(lambda: one.loop.spawn(wait()))
    return done.wait()


def timers(one):
    """How many timers wait, beside those that were cancelled."""
    return len(one.loop._timers) - one.loop._cancelled


@pytest.mark.parametrize("end", ["close", "abort", "reset"])
def test_no_timer_keeps_a_websocket_that_has_ended(end):
    loop = Loop()
    ours, theirs = socket.socketpair()

    async def main():
        ws, peer = WebSocket(Stream(ours), PATIENT), Peer(theirs)
        ws._in(3600, ws._keep_alive)
        if end == "close":
            peer.send(masked(CLOSE, b"\x03\xe8"))

            async def leave():
                while await peer.event() is not None:
                    pass
                peer.stream.close()

            await gather(ws.close(), leave())
        else:
            ws._stream.abort() if end == "abort" else theirs.close()
            await ws._gone
        return weakref.ref(ws)

    try:
        left = loop.run(main())
        gc.collect()
        assert left() is None
        assert all(timer.callback is None for _, _, timer in loop._timers)
    finally:
        with suppress(OSError):
            theirs.close()
        loop.close()
