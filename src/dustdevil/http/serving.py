"""A server that has a process to itself: what it starts with, and how it ends.

A server is a part of a program, and leaves the process alone. Where it is all of the
program, the process can be run for it: garbage waits for idle moments, calls that keep
the loop are named, and signals end it in order.
"""

import signal
import ssl
from contextlib import ExitStack
from typing import Any

from dustdevil.collector.policy import Collector
from dustdevil.http.server import Application, Server, ServerSettings
from dustdevil.loop.eventloop import Loop
from dustdevil.metrics.registry import Histogram
from dustdevil.metrics.sampling import Watchdog


def run(server: Server) -> None:
    """Run a server's loop until it is stopped.

    `server.lag` and `server.collector` say from then on how the loop is doing.
    """
    server.lag = Histogram()
    with ExitStack() as around:
        if server.settings.collect_when_idle:
            server.collector = around.enter_context(Collector(server.loop))
        if server.settings.slow_call is not None:
            around.enter_context(Watchdog(server.loop, server.settings.slow_call))
        server.loop.run_forever()


def url(scheme: str, host: str, port: int) -> str:
    """Where a server can be found."""
    shown = f"[{host}]" if ":" in host else host or "localhost"
    return f"{scheme}://{shown}:{port}/"


def serve(
    application: Application,
    host: str = "127.0.0.1",
    port: int = 8000,
    tls: ssl.SSLContext | None = None,
    **settings: Any,
) -> None:
    """Serve until SIGTERM or SIGINT (Ctrl-C) comes; settings as of ServerSettings.

    The first signal lets what is in flight end; a second one does not wait for it.
    Raises OSError when the address can't be had, and SettingError.
    """
    loop = Loop()
    server = Server(application, ServerSettings(**settings), loop, tls)
    port = server.listen(host, port)
    server.start()

    def stop() -> None:
        if server.stopping:
            loop.stop()
        else:
            task = loop.spawn(server.stop())
            task.add_done_callback(lambda _: loop.stop())

    loop.on_signal(signal.SIGTERM, stop)
    loop.on_signal(signal.SIGINT, stop)
    print(f"Serving on {url(server.scheme, host, port)}", flush=True)
    try:
        run(server)
    finally:
        loop.close()
