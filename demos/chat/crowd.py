"""python -m demos.chat.crowd [10000]: many long polls, and one message to all.

Starts a chat in a process of its own, opens that many connections, each with a poll
that waits, says one thing, and tells how many heard it, how long that took, and what
a listener costs the server in memory and processor time.
"""

import os
import re
import resource
import subprocess
import sys
from pathlib import Path
from time import monotonic

from dustdevil import Future, Loop, Semaphore, gather
from dustdevil.stream import Stream, connect

SPARE = 100  # descriptors for all but the listeners
ROOT = Path(__file__).resolve().parents[2]
ASK = b"GET /messages?after=%d HTTP/1.1\r\nHost: chat\r\n\r\n"
SAY = (
    b"POST /messages HTTP/1.1\r\nHost: chat\r\nContent-Type: application/json\r\n"
    b'Content-Length: 34\r\n\r\n{"name": "crowd", "text": "hello"}'
)


def resident(pid: int) -> int:
    """A process' resident memory, in KiB, proc(5)."""
    with open(f"/proc/{pid}/status") as file:
        return int(re.search(r"VmRSS:\s*(\d+) kB", file.read())[1])


def busy(pid: int) -> float:
    """The processor time that a process has used, in seconds, proc(5)."""
    with open(f"/proc/{pid}/stat") as file:
        user, system = file.read().rpartition(") ")[2].split()[11:13]
    return (int(user) + int(system)) / os.sysconf("SC_CLK_TCK")


async def answer(stream: Stream) -> bytes:
    """The body of the next response."""
    head = await stream.read_until(b"\r\n\r\n")
    length = int(re.search(rb"Content-Length: (\d+)", head)[1])
    return await stream.read_exactly(length)


async def gathered(count: int, port: int, pid: int) -> dict[str, float]:
    """Open the polls, say something, and count; seconds, and KiB of memory."""
    speaker = await connect("127.0.0.1", port)
    speaker.write(b"GET /messages?now HTTP/1.1\r\nHost: chat\r\n\r\n")
    await answer(speaker)
    before, room = resident(pid), Semaphore(100)

    async def listen() -> Stream:
        async with room:
            stream = await connect("127.0.0.1", port)
            stream.write(ASK % 0)
            return stream

    begin = monotonic()
    streams = await gather(*(listen() for _ in range(count)))
    # The requests were sent; this answer comes after the server has read them all.
    speaker.write(b"GET /messages?now HTTP/1.1\r\nHost: chat\r\n\r\n")
    await answer(speaker)
    opened, after = monotonic() - begin, resident(pid)

    begin, used, first = monotonic(), busy(pid), Future()

    async def hear(stream: Stream) -> bool:
        body = await answer(stream)
        if not first.done():
            first.set_result(monotonic() - begin)
        return b'"text": "hello"' in body

    speaker.write(SAY)
    heard = await gather(*(hear(stream) for stream in streams))
    took, used = monotonic() - begin, busy(pid) - used
    for stream in [*streams, speaker]:
        stream.abort()
    return {
        "listeners": count,
        "heard": sum(heard),
        "opened": opened,
        "KiB each": (after - before) / count,
        "KiB": after,
        "first": first.result(),
        "last": took,
        "cpu": used,
    }


def crowd(count: int) -> dict[str, float]:
    """Start a chat, and let so many listen; what `gathered` found."""
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    if most != resource.RLIM_INFINITY and most < count + SPARE:
        sys.exit(f"crowd: {count} connections, and only {most} files may be open")
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))  # the server inherits it
    chat = subprocess.Popen(
        [sys.executable, "-m", "demos.chat", "--port", "0"],
        stdout=subprocess.PIPE,
        text=True,
        cwd=ROOT,
    )
    try:
        port = int(re.search(r":(\d+)/", chat.stdout.readline())[1])
        loop = Loop()
        try:
            return loop.run(gathered(count, port, chat.pid))
        finally:
            loop.close()
    finally:
        chat.terminate()
        chat.wait()
        chat.stdout.close()


if __name__ == "__main__":
    found = crowd(int(sys.argv[1]) if len(sys.argv) > 1 else 10_000)
    print(f"{found['listeners']} polls wait after {found['opened']:.1f} s")
    print(f"{found['KiB each']:.2f} KiB of memory each ({found['KiB']} KiB in all)")
    early = (
        f"the first after {found['first']:.3f} s, the last after {found['last']:.3f} s"
    )
    print(f"{found['heard']} heard it: {early}; the server worked {found['cpu']:.2f} s")
    sys.exit(found["heard"] != found["listeners"])
