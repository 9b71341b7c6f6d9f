"""The kernel's process: started, watched, signalled, ended.

How does a server that waits for descriptors learn that a child process has ended?
Linux gives out a descriptor for a process, pidfd_open(2): it becomes readable at the
process's end. Where there is none we look at the process some times a second.
"""

import os
import shutil
import signal
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

from jupyter_client.kernelspec import KernelSpec
from jupyter_client.launcher import launch_kernel

from dustdevil.coroutine import Future
from dustdevil.loop import Loop
from dustdevil.poller import READ

EXTENSION = "workshop.livebook.inkernel"
POLL = 0.25  # seconds between two looks, where there is no pidfd
TAIL = 4096  # bytes kept of what the process writes to its own stderr
SECRETS = ("TOKEN", "PASSWORD", "SECRET", "API_KEY")


class Process:
    """A running kernel process. `ended` is a future of its exit code."""

    def __init__(self, loop: Loop, spec: KernelSpec, file: Path, folder: Path) -> None:
        """Start it; it reads its addresses from `file` and works in `folder`.

        Raises OSError if the program cannot be started.
        """
        self.loop = loop
        self.ended = Future(loop)
        self._tail = b""
        self._output, write = os.pipe()
        os.set_blocking(self._output, False)
        try:
            self._popen = launch_kernel(
                command(spec, file),
                stdout=write,
                stderr=write,
                cwd=str(folder),
                env=environment(spec),
            )
        except BaseException:
            os.close(self._output)
            raise
        finally:
            os.close(write)
        self.pid = self._popen.pid
        loop.watch(self._output, READ, self._on_output)
        self._stop_waiting = watch_end(loop, self._popen, self._on_end)

    def signal(self, number: int) -> None:
        """Send a signal to the process and to all that it has started."""
        # It leads a process group of its own. Until its end is collected (`wait`)
        # its number is not given to another process.
        if not self.ended.done():
            # Both errors mean that all have ended; macOS says it the second way.
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(self.pid, number)

    def kill(self) -> None:
        """End it at once, with all that it has started."""
        self.signal(signal.SIGKILL)

    def last_words(self) -> str:
        """The end of what it wrote to its terminal: why it could not start, say."""
        return self._tail.decode(errors="replace").strip()

    def reap(self) -> None:
        """Kill it and wait for its end without a loop: for when the loop is over."""
        if not self.ended.done():
            self.kill()
            self._popen.kill()
            self._popen.wait()

    def _on_output(self, events: int) -> None:
        if not self._read_output():
            self.loop.unwatch(self._output)

    def _read_output(self) -> bytes:
        data = os.read(self._output, 65536)
        self._tail = (self._tail + data)[-TAIL:]
        return data

    def _on_end(self) -> None:
        self._stop_waiting()
        self.kill()  # its children, while the number of the group is still its own
        self._close_output()
        self.ended.set_result(self._popen.wait())

    def _close_output(self) -> None:
        with suppress(BlockingIOError):
            self._read_output()
        with suppress(KeyError, OSError):
            self.loop.unwatch(self._output)  # it may have come to its end before
        os.close(self._output)


def command(spec: KernelSpec, file: Path) -> list[str]:
    """What to run: the specification's command line, with its holes filled."""
    filled = [part.replace("{connection_file}", str(file)) for part in spec.argv]
    if filled[0] in ("python", "python3", f"python3.{sys.version_info[1]}"):
        filled[0] = sys.executable  # "python" means the one that we are
    if "ipykernel_launcher" in filled:
        filled += ["--ext", EXTENSION]
    filled[0] = shutil.which(filled[0]) or filled[0]
    return filled


def environment(spec: KernelSpec) -> dict[str, str]:
    """Our own environment, without what looks like a secret."""
    inherited = {
        name: value
        for name, value in os.environ.items()
        if not any(word in name.upper() for word in SECRETS)
    }
    # Without this, the kernel's debugger complains in the output of the first cell.
    return {"PYDEVD_DISABLE_FILE_VALIDATION": "1", **inherited, **spec.env}


def watch_end(
    loop: Loop, process: Any, on_end: Callable[[], None]
) -> Callable[[], None]:
    """Call `on_end()` when the process has ended; returns how to stop watching."""
    try:
        descriptor = os.pidfd_open(process.pid)
    except (AttributeError, OSError):
        return _poll_end(loop, process, on_end)
    loop.watch(descriptor, READ, lambda events: on_end())

    def stop() -> None:
        loop.unwatch(descriptor)
        os.close(descriptor)

    return stop


def _poll_end(
    loop: Loop, process: Any, on_end: Callable[[], None]
) -> Callable[[], None]:
    def look() -> None:
        nonlocal timer
        timer = loop.call_later(POLL, look)
        # WNOWAIT: look, and leave the exit code for wait().
        if os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT):
            on_end()

    timer = loop.call_later(POLL, look)
    return lambda: timer.cancel()
