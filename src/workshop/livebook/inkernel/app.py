"""The application that is a kernel's process: its sockets, its profile, its shell.

Why limits are constant: ZeroMQ's reading side acknowledges messages in batches, and
reckons the size of a batch from the limit that held when the connection was made
(half of it). Lowered later, the limit can be smaller than a batch: the writer then
waits for an acknowledgement that the reader does not owe yet, and both wait for good.
So both sides set their limits before they bind or connect, and never touch them again.
"""

import sys
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import zmq
from ipykernel.ipkernel import IPythonKernel
from ipykernel.kernelapp import IPKernelApp
from ipykernel.zmqshell import ZMQInteractiveShell
from traitlets import Type, default
from traitlets.config import Config

from workshop.livebook.inkernel import parents
from workshop.livebook.inkernel.publishing import Publisher

# Messages that ZeroMQ may hold on the kernel's side of the connection.
SEND_QUEUE = 16
# The reader's own profile has no say here: its settings, its history, its startup
# files would make the book's cells do other things than the book says.
SETTINGS = {
    "HistoryManager": {"enabled": False},
    "InteractiveShellApp": {"exec_PYTHONSTARTUP": False},
}


# Packages that a cell's output goes through.
MACHINERY = {"ipykernel", "inkernel", "zmq", "jupyter_client"}


class Shell(ZMQInteractiveShell):
    """A shell that does not keep all that was ever printed."""

    def _tee(self, channel: str) -> Any:
        # IPython keeps each cell's text for "%notebook", without a limit.
        return nullcontext()

    def _get_exc_info(self, exc_tuple: Any = None) -> Any:
        kind, error, trace = super()._get_exc_info(exc_tuple)
        if isinstance(error, KeyboardInterrupt):
            cut_machinery(trace)
        return kind, error, trace


def cut_machinery(trace: Any) -> None:
    """End a traceback where the reader's program calls print() or display().

    What Stop has met behind that is the kernel's own code, and no news for the reader.
    """
    last = None
    while trace is not None:
        if not MACHINERY & set(trace.tb_frame.f_globals.get("__name__", "").split(".")):
            last = trace
        trace = trace.tb_next
    if last is not None:
        last.tb_next = None


class Kernel(IPythonKernel):
    """A kernel with that shell, and without a debugger."""

    shell_class = Type(Shell)

    async def poll_stopped_queue(self) -> None:
        """Return at once: there is no debugger that could stop."""


class App(IPKernelApp):
    """ipykernel's application, as the live book needs it."""

    @default("kernel_class")
    def _default_kernel_class(self) -> type:
        return Kernel

    @default("outstream_class")
    def _default_outstream_class(self) -> str:
        return "workshop.livebook.inkernel.printing.Stream"

    def load_config_file(self, suppress_errors: bool | None = None) -> None:
        """Take the book's settings; look for no file."""
        self.update_config(Config(SETTINGS))

    def init_iopub(self, context: zmq.Context) -> None:
        """Open the socket on which the kernel publishes, all limits set before."""
        socket = context.socket(zmq.XPUB)
        socket.linger = 1000
        socket.sndhwm = SEND_QUEUE
        # Without this, the socket throws away what finds the queue full, the message
        # that says "done" too. With it, the sender waits.
        socket.setsockopt(zmq.XPUB_NODROP, 1)
        self.iopub_port = self._bind_socket(socket, self.iopub_port)
        self.configure_tornado_logger()
        folder = Path(self.abs_connection_file).parent
        self.iopub_thread = Publisher(socket, folder, self.session)
        self.iopub_thread.start()
        self.iopub_socket = self.iopub_thread.background_socket

    def init_kernel(self) -> None:
        """Make the kernel, and have its threads remember their cells."""
        leave_out_debugger()
        super().init_kernel()
        parents.install(self.kernel)


def leave_out_debugger() -> None:
    """Let ipykernel find that debugpy is not there.

    The page has no use for it; it would listen on a TCP port, and it takes over
    `breakpoint()`, which then does nothing. Without it that opens pdb in the page's
    input, or what PYTHONBREAKPOINT says. A cell may still import debugpy.
    """
    sys.modules["debugpy"] = None  # type: ignore[assignment]
    import ipykernel.debugger  # noqa: F401

    del sys.modules["debugpy"]
