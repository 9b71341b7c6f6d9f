"""The live book at work: loop, kernels, application and server, and their end."""

import signal
import ssl
from collections.abc import Iterable
from pathlib import Path

from dustdevil.http import Server, run
from dustdevil.loop import Loop
from workshop.livebook.kernels import Kernels
from workshop.livebook.security import Guard
from workshop.livebook.site import make_app

GRACE = 2.0  # seconds for answers that are on their way when the server is stopped
SIGNALS = ("SIGINT", "SIGTERM", "SIGHUP")


class LiveBook:
    """Serves a folder of pages and runs their cells; `run()` until a signal."""

    def __init__(
        self,
        pages: Path,
        root: Path,
        token: str,
        host: str,
        limit: int,
        idle: float,
        tls: ssl.SSLContext | None = None,
        allowed: Iterable[str] = (),
        base: str = "",
    ) -> None:
        """`allowed` names as of Guard, and `base` the path as of make_app()."""
        self.host = host
        self.loop = Loop()
        self.kernels = Kernels(self.loop, root, limit, idle)
        app = make_app(pages, self.kernels, Guard(token, host, allowed), base)
        self.server = Server(app, loop=self.loop, tls=tls)
        self._stopping = False

    def listen(self, port: int) -> int:
        """Listen on a port, 0 for any; return its number. Raises OSError."""
        return self.server.listen(self.host, port)

    def run(self) -> None:
        """Serve until SIGINT, SIGTERM or SIGHUP, then end in order."""
        for name in SIGNALS:
            self.loop.on_signal(getattr(signal, name), self.stop)
        self.server.start()
        run(self.server)

    def stop(self) -> None:
        """Begin the end. When asked a second time, do not wait for it."""
        if self._stopping:
            self.loop.stop()
        else:
            self._stopping = True
            print("Stopping: the kernels are ended, then the server.", flush=True)
            self.loop.spawn(self._end())

    async def _end(self) -> None:
        try:
            await self.kernels.close()  # first, so that pages hear what happens
            await self.server.stop(GRACE)
        finally:
            self.loop.stop()

    def close(self) -> None:
        """Leave nothing behind, whatever happened before."""
        self.kernels.kill()
        self.loop.close()
