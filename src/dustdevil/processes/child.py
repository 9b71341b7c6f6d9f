"""Child processes on the loop: started, talked to, waited for.

A parent learns of a child's end by wait(2), which stops who calls it until then. But
Linux gives out a descriptor for a process, pidfd_open(2), that becomes readable at its
end: the loop can watch it like any other. Where there is none, we look at the child
some times a second.

    done = await run_process("git", "log", "-1")
    print(done.returncode, done.stdout)

The child's standard streams are sockets to us, so that they are Streams, with their
limits and their backpressure. A program doesn't notice, unless it opens /dev/stdout.
"""

import os
import socket
from collections.abc import Callable
from contextlib import suppress
from subprocess import PIPE, Popen
from typing import Any, NamedTuple

from dustdevil.coroutine import Future
from dustdevil.loop.eventloop import Loop, running_loop
from dustdevil.loop.poller import READ
from dustdevil.stream.iostream import LimitExceeded, Stream, StreamClosed
from dustdevil.sync import gather

INTERVAL = 0.1  # seconds between two looks at a child, where there is no pidfd


class Finished(NamedTuple):
    """What came of a process; `returncode` is negative for the signal that ended it."""

    returncode: int
    stdout: bytes
    stderr: bytes


async def run_process(
    *command: str, input: bytes = b"", limit: int = 1 << 20, **options: Any
) -> Finished:
    """Run a program to its end, with `input` to read; returns what it wrote.

    `options` are those of `Process`. Raises OSError if it can't be started, and
    LimitExceeded if it writes more than `limit` bytes. Then, and if we are cancelled,
    the program is killed.
    """
    async with Process(*command, **options) as process:
        if process.stdin is not None:
            with suppress(StreamClosed):  # it may end without having read all
                process.stdin.write(input)
                process.stdin.write_eof()
        out, err = await gather(
            read_all(process.stdout, limit), read_all(process.stderr, limit)
        )
        return Finished(await process.ended, out, err)


async def read_all(stream: Stream | None, limit: int) -> bytes:
    """Return all that comes until the stream's end; b"" where there is no stream."""
    data = bytearray()
    while stream is not None and (more := await stream.read()):
        data += more
        if len(data) > limit:
            raise LimitExceeded(f"more than {limit} bytes")
    return bytes(data)


class Process:
    """A running program; `ended` is a future of its return code.

    `stdin`, `stdout` and `stderr` are streams. They are None where an option of that
    name says otherwise; these and the other options are those of `subprocess.Popen`.
    Starting stops the loop for as long as the system takes to find the program.

    At the end of `async with` the process is killed, if it still runs.
    """

    def __init__(self, *command: str, loop: Loop | None = None, **options: Any) -> None:
        """Start it; raises OSError if that can't be done."""
        self._loop = loop = loop or running_loop()
        names = ("stdin", "stdout", "stderr")
        piped = [name for name in names if options.get(name, PIPE) == PIPE]
        pairs = {name: socket.socketpair() for name in piped}
        theirs = {name: pair[1] for name, pair in pairs.items()}
        try:
            self._popen = Popen(command, **{**options, **theirs})
        except BaseException:
            for ours, _ in pairs.values():
                ours.close()
            raise
        finally:
            for sock in theirs.values():
                sock.close()
        self.pid = self._popen.pid
        streams = {name: Stream(pair[0], loop) for name, pair in pairs.items()}
        self.stdin, self.stdout, self.stderr = map(streams.get, names)
        self.ended = Future(loop)
        on_exit(loop, self._popen, self._on_exit)

    def _on_exit(self) -> None:
        self.ended.set_result(self._popen.wait())

    def signal(self, number: int) -> None:
        """Send it a signal; nothing happens if it has ended."""
        self._popen.send_signal(number)

    def kill(self) -> None:
        """End it at once, by SIGKILL."""
        self._popen.kill()

    async def __aenter__(self) -> "Process":
        return self

    async def __aexit__(self, *_: object) -> None:
        for stream in self.stdin, self.stdout, self.stderr:
            if stream is not None:
                stream.abort()
        self.kill()
        await self.ended


def on_exit(loop: Loop, process: Popen, callback: Callable[[], Any]) -> None:
    """Call `callback()` when a child has ended.

    The child is not waited for: `process.wait()` in the callback returns at once, and
    until then no other process is given its number.
    """
    try:
        fd = os.pidfd_open(process.pid)
    except (AttributeError, OSError):  # another system, or an old kernel
        look_again_and_again(loop, process, callback)
        return

    def on_ready(_: int) -> None:
        loop.unwatch(fd)
        os.close(fd)
        callback()

    loop.watch(fd, READ, on_ready)


def look_again_and_again(
    loop: Loop, process: Popen, callback: Callable[[], Any]
) -> None:
    """`on_exit` where there is no pidfd."""

    def look() -> None:
        if has_ended(process):
            callback()
        else:
            loop.call_later(INTERVAL, look)

    loop.call_soon(look)


def has_ended(process: Popen) -> bool:
    """Whether a child has ended, without waiting for it where that can be had."""
    if process.returncode is not None:  # Popen waited: send_signal() polls first
        return True
    if hasattr(os, "waitid"):
        options = os.WEXITED | os.WNOHANG | os.WNOWAIT
        return os.waitid(os.P_PID, process.pid, options) is not None
    return process.poll() is not None
