"""The kernel's process: started, watched, signalled, ended.

`dustdevil.processes.on_exit` tells us when it has ended. It is not one of the stack's
own `Process`es, though: it is started by jupyter_client, and what it writes goes to
one short buffer.
"""

import os
import shutil
import signal
import sys
from contextlib import suppress
from pathlib import Path

from jupyter_client.kernelspec import KernelSpec
from jupyter_client.launcher import launch_kernel

from dustdevil.coroutine import Future
from dustdevil.loop import READ, Loop
from dustdevil.processes import on_exit

APPLICATION = "workshop.livebook.inkernel"  # in place of ipykernel's own
LAUNCHER = "ipykernel_launcher"
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
                env=environment(spec) | profile(file.parent),
            )
        except BaseException:
            os.close(self._output)
            raise
        finally:
            os.close(write)
        self.pid = self._popen.pid
        loop.watch(self._output, READ, self._on_output)
        on_exit(loop, self._popen, self._on_end)

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
        filled = [APPLICATION if part == LAUNCHER else part for part in filled]
    filled[0] = shutil.which(filled[0]) or filled[0]
    return filled


def environment(spec: KernelSpec) -> dict[str, str]:
    """Our own environment, without what looks like a secret."""
    inherited = {
        name: value
        for name, value in os.environ.items()
        if not any(word in name.upper() for word in SECRETS)
    }
    return inherited | spec.env


def profile(home: Path) -> dict[str, str]:
    """Where IPython keeps its files: with the kernel's own, not with the reader's."""
    return {"IPYTHONDIR": str(home / "ipython")}
