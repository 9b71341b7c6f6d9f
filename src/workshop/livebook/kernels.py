"""All kernels: a bounded number, started on demand, ended when nobody needs them.

A kernel takes some sixty megabytes, and a reader who walks through the book would
leave one behind on every page. So one whose pages have all been closed for a while
is ended, and when the limit is reached, the one that was left longest ago makes room
for the new one. A kernel that has a page open, or that is at work, is never taken.

We keep no kernel started in advance: from the click to the first output it takes
about as long as Python takes to import ipykernel, half a second or so.
"""

import logging
import os
import sys
from datetime import UTC, datetime
from pathlib import Path

import zmq
from jupyter_client.kernelspec import KernelSpec, KernelSpecManager

from dustdevil.coroutine import Task
from dustdevil.loop import Loop
from dustdevil.sync import gather
from workshop.livebook.homes import Homes
from workshop.livebook.kernel import Kernel

log = logging.getLogger("workshop.livebook")

DEFAULT = "python3"
LIMIT = 8
IDLE = 30 * 60.0  # seconds without a page and without work until it is ended


class TooManyKernels(Exception):
    """The limit is reached, and all kernels are in use."""


class Kernels:
    """The kernels of one server."""

    def __init__(
        self, loop: Loop, root: Path, limit: int = LIMIT, idle: float = IDLE
    ) -> None:
        """Kernels work in the folder below `root` that their page comes from."""
        self.loop = loop
        self.root = root.resolve()
        self.limit = limit
        self.idle = idle
        # The kernels of this environment, where the book's packages are, and not
        # others that the reader may have installed under the same name.
        folders = [os.path.join(sys.prefix, "share", "jupyter", "kernels")]
        self.specs = KernelSpecManager(kernel_dirs=folders)
        self.homes = Homes()
        self._context = zmq.Context()
        self._kernels: dict[str, Kernel] = {}
        self._ending: set[Kernel] = set()
        self._closed = False
        self._rounds()

    def __iter__(self):
        return iter(list(self._kernels.values()))

    def __len__(self) -> int:
        return len(self._kernels)

    def get(self, id: str) -> Kernel:
        """The kernel of that id; KeyError if there is none."""
        return self._kernels[id]

    def start(self, name: str | None = None, path: str = "") -> Kernel:
        """Start a kernel for the page at `path`.

        Raises TooManyKernels, NoSuchKernel (a KeyError) for an unknown name, or OSError
        if the kernel's program can't be started.
        """
        spec = self.spec(name or DEFAULT)
        self._make_room()
        folder = self.folder(path)
        kernel = Kernel(
            self.loop, self._context, name or DEFAULT, spec, folder, self.homes
        )
        self._kernels[kernel.id] = kernel
        return kernel

    def spec(self, name: str) -> KernelSpec:
        """How to start kernels of that name; NoSuchKernel (a KeyError) if unknown."""
        return self.specs.get_kernel_spec(name)

    def folder(self, path: str) -> Path:
        """The folder of the page's source below the root, or the root."""
        if "\0" in path:
            return self.root
        folder = (self.root / path.lstrip("/")).parent.resolve()
        inside = folder.is_dir() and folder.is_relative_to(self.root)
        return folder if inside else self.root

    async def remove(self, id: str, reason: str = "The kernel was ended.") -> None:
        """End a kernel; KeyError if there is none of that id."""
        await self._end(self.get(id), reason)

    def _make_room(self) -> None:
        if self._closed:
            raise TooManyKernels("The server is going down and starts no more kernels.")
        while len(self._kernels) >= self.limit:
            unused = [kernel for kernel in self if self._is_unused(kernel)]
            if not unused:
                raise TooManyKernels(
                    f"{self.limit} kernels are running, which is the limit, and each "
                    f"has a page open or is at work. Close a page, then try again."
                )
            oldest = min(unused, key=lambda kernel: kernel.last_activity)
            self._end(oldest, "The kernel made room for that of another page.")

    def _is_unused(self, kernel: Kernel) -> bool:
        return not kernel.connections and kernel.state in ("idle", "dead")

    def _rounds(self) -> None:
        """From time to time, end what is unused."""
        self._timer = self.loop.call_later(min(10.0, self.idle / 4), self._rounds)
        now = datetime.now(UTC)
        for kernel in self:
            idle = (now - kernel.last_activity).total_seconds()
            if self._is_unused(kernel) and idle >= self.idle:
                self._end(kernel, "The kernel was ended since no page used it.")

    def _end(self, kernel: Kernel, reason: str) -> Task:
        log.info("kernel %s: %s", kernel.id, reason)
        del self._kernels[kernel.id]
        self._ending.add(kernel)
        task = self.loop.spawn(kernel.stop(reason))
        task.add_done_callback(lambda task: self._ending.discard(kernel))
        return task

    async def close(self) -> None:
        """End all of them, and start no more."""
        self._closed = True
        self._timer.cancel()
        for kernel in self:
            self._end(kernel, "The server was stopped.")
        await gather(*[kernel.stop("") for kernel in self._ending])

    def kill(self) -> None:
        """End all of them at once, without the loop; for what close() left behind."""
        for kernel in [*self, *self._ending]:
            kernel.kill()
        self._context.destroy(linger=0)
        self.homes.close()
