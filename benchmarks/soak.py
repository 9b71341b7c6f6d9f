"""A soak: everything at once, for a while, and nothing may be left of it: `make soak`.

    make soak                              ten minutes
    make soak SOAK="--seconds 60"

A server in a process of its own gets a mixed load: clients that ask and go, that keep
their connection and pipeline, that upload, that send a byte at a time, that reset, that
close one half, that never read, that talk and shout over WebSockets, that break the
rules, and handlers that raise or hang. After a warm-up, and again at the end, all
clients leave, and the server is looked at when it has come to rest: how many
descriptors it has open, how much memory is resident, how many connections, tasks
and blocks of memory are in use. The exit code is 0 if it ends with what it began with.
"""

import argparse
import ctypes
import gc
import json
import os
import random
import socket
import struct
import subprocess
import sys
from collections import Counter
from contextlib import suppress
from pathlib import Path

from dustdevil.coroutine import Task
from dustdevil.http import Server, ServerSettings
from dustdevil.loop import Loop
from dustdevil.stream import Stream, connect
from dustdevil.sync import gather, sleep, timeout
from dustdevil.web import Application, Response
from dustdevil.websocket import (
    BINARY,
    TEXT,
    Deflate,
    WebSocketProtocol,
    frame,
    websocket,
)

# Short enough that what waits for a deadline is over when we look.
SETTINGS = {
    "header_timeout": 4,
    "idle_timeout": 3,
    "body_grace": 1,
    "write_timeout": 2,
    "half_closed_timeout": 1,
    "linger": 1,
}
REST = 7  # seconds after the last client has left: longer than any of these
# What may grow from the first look to the last, and by how much: at the first, caches
# of limited size are not full yet, and the heap has holes still to come. Blocks of
# memory in use tell a leak best: ten minutes are half a million requests and more, so
# one block lost in every five hundred is seen.
SLACK = {"resident KiB": 1024, "blocks": 1000}
STATUS = b"HTTP/1.1 "
NOISE = os.urandom(50_000)  # does not become shorter when it is compressed


# The server

app = Application()


@app.get("/hello")
async def hello(request):
    return "Hello, world!"


@app.get("/slow")
async def slow(request):
    await sleep(0.05)
    return "done"


@app.get("/hang")
async def hang(request):
    await sleep(3600)


@app.get("/raise")
async def fail(request):
    raise ValueError("as it should")


@app.get("/stream")
async def stream(request):
    async def pieces():
        for _ in range(100):
            yield bytes(10_000)

    return Response(pieces())


@app.post("/upload")
async def upload(request):
    size = 0
    async for piece in request.stream():
        size += len(piece)
    return str(size)


@app.get("/ws")
@websocket(ping_interval=1, close_timeout=1)
async def echo(request, ws):
    async for message in ws:
        if message == "raise":
            raise ValueError("as it should")
        await ws.send(message)


def serve() -> None:
    """Serve until the input ends, and tell of ourselves for each line that comes."""
    loop = Loop()
    server = Server(app, ServerSettings(**SETTINGS), loop)
    print(server.listen(port=0), flush=True)
    server.start()

    def look(_: int) -> None:
        if not sys.stdin.buffer.raw.read(1):
            loop.stop()
            return
        print(json.dumps(state(loop, server)), flush=True)

    loop.watch(0, 1, look)
    loop.run_forever()


def state(loop: Loop, server: Server) -> dict[str, int]:
    """What must be the same at the end.

    The C library keeps what was freed for the next who asks, in pieces of up to some
    megabytes: it is told to give that back first, or we would measure its habits.
    """
    gc.collect()
    with suppress(AttributeError, OSError):  # malloc_trim(3) is glibc's
        ctypes.CDLL(None).malloc_trim(0)
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return {
        "descriptors": len(os.listdir("/proc/self/fd")),
        "resident KiB": pages * os.sysconf("SC_PAGE_SIZE") // 1024,
        "connections": len(server.connections) + len(server.upgraded),
        "tasks": sum(isinstance(one, Task) for one in gc.get_objects()),
        "streams": sum(isinstance(one, Stream) for one in gc.get_objects()),
        "blocks": sys.getallocatedblocks(),
        "requests": server.requests,
    }


# The clients: each is one visit, and leaves when it is over


def get(path: str, *fields: str) -> bytes:
    return "\r\n".join([f"GET {path} HTTP/1.1", "Host: a", *fields, "", ""]).encode()


def post(size: int, *fields: str) -> bytes:
    lines = ["POST /upload HTTP/1.1", "Host: a", *fields, f"Content-Length: {size}"]
    return "\r\n".join([*lines, "", ""]).encode()


async def response(peer: Stream) -> bytes:
    """One response with a Content-Length; its body."""
    head = await peer.read_until(b"\r\n\r\n")
    assert head.startswith(STATUS), head
    length = next(
        line for line in head.split(b"\r\n") if line.lower().startswith(b"content-len")
    )
    return await peer.read_exactly(int(length.split(b":")[1]))


async def asks(peer):
    peer.write(get("/hello", "Connection: close"))
    assert await response(peer) == b"Hello, world!"


async def keeps_and_pipelines(peer):
    for _ in range(20):
        peer.write(get("/hello") * 10 + get("/slow"))
        for _ in range(10):
            assert await response(peer) == b"Hello, world!"
        assert await response(peer) == b"done"


async def uploads(peer):
    size = random.randrange(300_000)
    peer.write(post(size))
    peer.write(bytes(size))
    assert await response(peer) == b"%d" % size


async def uploads_in_chunks(peer):
    peer.write(post(0).replace(b"Content-Length: 0", b"Transfer-Encoding: chunked"))
    for _ in range(50):
        peer.write(b"1000;a=b\r\n" + bytes(4096) + b"\r\n")
        await peer.drain()
    peer.write(b"0\r\nA: b\r\n\r\n")
    assert await response(peer) == b"204800"


async def downloads(peer):
    peer.write(get("/stream", "Connection: close"))
    while await peer.read():
        pass


async def sends_a_byte_at_a_time(peer):
    for byte in get("/hello"):
        peer.write(bytes([byte]))
        await sleep(0.01)
    assert await response(peer) == b"Hello, world!"


async def never_ends_its_head(peer):
    peer.write(b"GET /hello HTTP/1.1\r\n")
    assert b" 408 " in await peer.read()


async def never_ends_its_body(peer):
    peer.write(post(1000) + b"x")
    assert b" 408 " in await peer.read()


async def says_nothing(peer):
    await peer.read()


async def resets(peer):
    where = random.choice(["/hello", "/slow", "/stream", "/hang", "/raise"])
    peer.write(get(where) * random.randrange(4))
    await sleep(random.random() / 10)
    linger = struct.pack("ii", 1, 0)
    if not peer.closed:
        peer.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)


async def resets_an_upload(peer):
    peer.write(post(100_000) + bytes(random.randrange(100_000)))
    await resets(peer)


async def closes_one_half(peer):
    peer.write(get(random.choice(["/slow", "/hang", "/hello"])))
    peer.write_eof()
    await peer.read()


async def never_reads(peer):
    peer.pause_reading()
    peer.write(get("/stream") * 20)
    await sleep(4)


async def breaks_the_rules(peer):
    peer.write(get("/hello") + random.choice([
        b"GET / HTTP/1.1\r\nHost : a\r\n\r\n", b"\x16\x03\x01", b"GET /" + b"a" * 9000,
        post(1, "Transfer-Encoding: chunked"), get("/", "Host: b")]))  # fmt: skip
    while await peer.read():
        pass


async def meets_a_failure(peer):
    peer.write(get("/raise"))
    assert b"500" in await response(peer)


async def leaves_a_hanging_handler(peer):
    peer.write(get("/hang"))
    await sleep(0.2)


HANDSHAKE = get("/ws", "Upgrade: websocket", "Connection: Upgrade",
                "Sec-WebSocket-Version: 13",
                "Sec-WebSocket-Extensions: permessage-deflate",
                "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==")  # fmt: skip


async def opened(peer):
    peer.write(HANDSHAKE)
    head = await peer.read_until(b"\r\n\r\n")
    assert head.startswith(STATUS + b"101"), head
    parameters = {"server_max_window_bits": 12}
    return WebSocketProtocol(client=True, deflate=Deflate(parameters, client=True))


async def talks(peer):
    protocol = await opened(peer)
    for _ in range(20):
        message = random.choice("abc") * random.randrange(20_000)
        peer.write(protocol.message(message))
        events = []
        while message not in events:
            events += protocol.feed(b"" if protocol.more else await peer.read())
            peer.write(protocol.take_replies())
    peer.write(protocol.close())
    while await peer.read():
        pass


async def talks_and_resets(peer):
    protocol = await opened(peer)
    peer.write(protocol.message("x" * 1000))
    await resets(peer)


async def shouts_and_never_reads(peer):
    await opened(peer)
    peer.pause_reading()
    with suppress(TimeoutError):
        async with timeout(3):
            while True:
                peer.write(frame(BINARY, NOISE, mask=bytes(4)))
                await peer.drain()
                await sleep(0.01)


async def falls_silent(peer):
    await opened(peer)
    await sleep(3)


async def breaks_the_rules_of_frames(peer):
    await opened(peer)
    peer.write(frame(TEXT, b"not masked"))
    while await peer.read():
        pass


async def has_the_handler_raise(peer):
    protocol = await opened(peer)
    peer.write(protocol.message("raise"))
    while await peer.read():
        pass


QUICK = [asks, asks, keeps_and_pipelines, uploads, uploads_in_chunks, downloads, resets,
         resets_an_upload, closes_one_half, breaks_the_rules, meets_a_failure,
         leaves_a_hanging_handler, talks, talks_and_resets,
         breaks_the_rules_of_frames, has_the_handler_raise]  # fmt: skip
SLOW = [sends_a_byte_at_a_time, never_ends_its_head, never_ends_its_body, says_nothing,
        never_reads, shouts_and_never_reads, falls_silent]  # fmt: skip


async def keep_coming(visits, port: int, until: float, counts: Counter) -> None:
    """One visit after another, until the time is over."""
    loop_time = running.time
    while loop_time() < until:
        visit = random.choice(visits)
        counts[visit.__name__] += 1
        peer = await connect("127.0.0.1", port)
        try:
            async with timeout(20):
                await visit(peer)
        except ConnectionError:
            counts["connections lost"] += 1
        except (EOFError, AssertionError, TimeoutError) as error:
            counts["FAILED"] += 1
            print(f"{visit.__name__}: {error!r:.300}", file=sys.stderr)
        finally:
            peer.abort()


async def load(port: int, seconds: float) -> Counter:
    counts: Counter = Counter()
    until = running.time() + seconds
    visitors = [QUICK] * 30 + [SLOW] * 40
    await gather(*[keep_coming(each, port, until, counts) for each in visitors])
    return counts


running = Loop()


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--seconds", type=float, default=600)
    parser.add_argument("--warm-up", type=float, default=120, metavar="SECONDS")
    parser.add_argument("--serve", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.serve:
        serve()
        return 0
    command = [sys.executable, __file__, "--serve"]
    with (
        open(os.devnull, "w") as nowhere,  # the failures that handlers log
        subprocess.Popen(
            command, stdin=-1, stdout=-1, stderr=nowhere, text=True, bufsize=1
        ) as server,
    ):
        port = int(server.stdout.readline())

        def look(words: str) -> dict[str, int]:
            running.run(sleep(REST))
            server.stdin.write("?")
            server.stdin.flush()
            found = json.loads(server.stdout.readline())
            said = ", ".join(f"{value} {name}" for name, value in found.items())
            print(f"{words}: {said}", flush=True)
            return found

        print(
            f"{options.seconds:g} s, after {options.warm_up:g} s of warm-up", flush=True
        )
        look("before")
        running.run(load(port, options.warm_up))
        first = look("after the warm-up")
        counts = running.run(load(port, options.seconds))
        last = look(f"after {options.seconds:g} s")
        server.stdin.close()
    for name, count in counts.most_common():
        print(f"  {count:7} {name}")
    grown = [
        f"{name} from {first[name]} to {last[name]}"
        for name in first
        if name != "requests" and last[name] > first[name] + SLACK.get(name, 0)
    ]
    if grown:
        print("grown: " + ", ".join(grown))
    return 1 if grown or counts["FAILED"] else 0


if __name__ == "__main__":
    sys.exit(main())
