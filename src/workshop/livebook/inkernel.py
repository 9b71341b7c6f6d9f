"""What the live book changes inside a kernel: nothing it prints gets lost.

This is an IPython extension; the live book starts its kernels with `--ext` and this
module's name. By ZeroMQ's rules a kernel that publishes faster than its readers read
throws messages away, the one that says "done" among them. With XPUB_NODROP
(zmq_setsockopt(3)) the kernel's sender waits instead. What waits behind it is then
bounded too, and in the end it is the running cell that waits: backpressure all the
way from the browser to the `for` loop that prints.
"""

import sys
from typing import Any

import zmq

# How many messages, and of how many characters each, may wait in the kernel.
MESSAGES = 32
CHARACTERS = 1 << 18


def load_ipython_extension(shell: Any) -> None:
    """Called by IPython, in the kernel, before any cell is run."""
    thread = shell.kernel.iopub_thread

    def keep_everything() -> None:
        thread.socket.setsockopt(zmq.XPUB_NODROP, 1)
        thread.socket.setsockopt(zmq.SNDHWM, MESSAGES)

    # The socket belongs to that thread, and only it may touch it. And the limit
    # holds for connections that are there when it is set: so before each cell.
    shell.events.register("pre_execute", lambda: thread.schedule(keep_everything))
    meter(sys.stdout)
    meter(sys.stderr)


def meter(stream: Any) -> None:
    """Have the stream wait, after so many characters, until they are on their way.

    ipykernel collects what is printed and sends it some times a second; what it has
    collected while its sender waits has no limit of its own.
    """
    write, unsent = stream.write, 0

    def metered(text: str) -> int:
        nonlocal unsent
        written = write(text)
        unsent += len(text)
        if unsent >= CHARACTERS:
            unsent = 0
            stream.flush()
        return written

    stream.write = metered
