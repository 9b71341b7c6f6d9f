"""Dust Devil: an async server raised from the socket up.

from dustdevil import Application

app = Application()

@app.get("/hello/{name}")
async def hello(request, name):
    return f"Hello, {name}!"
"""

from collections.abc import Callable
from importlib import import_module
from typing import Any

__version__ = "0.1.0"


def homes(**names: str) -> dict[str, str]:
    """In which module of a package each public name stands: they are given by module,
    with spaces between them."""
    return {name: home for home, of in names.items() for name in of.split()}


def lazy_names(package: str, home_of: dict[str, str]) -> Callable[[str], Any]:
    """A package's `__getattr__`, which imports a name when it is first used (PEP 562).

    `home_of` says in which module of the package each public name stands; the modules
    can be had by their names, too. Who only wants the router does not wait for
    sockets, TLS and HTTP to be imported.
    """

    def __getattr__(name: str) -> Any:
        if name in home_of:
            return getattr(import_module(f"{package}.{home_of[name]}"), name)
        if name in home_of.values():
            return import_module(f"{package}.{name}")
        raise AttributeError(f"module {package!r} has no attribute {name!r}")

    return __getattr__


# What a program needs most, and where it stands.
HOMES = homes(
    coroutine="Future Task",
    http="Client ClientSettings Server ServerSettings serve",
    loop="Loop",
    processes="Process run_process",
    resolver="connect",
    routing="Router",
    stream="Stream",
    sync="Condition Event Lock Queue Semaphore gather sleep timeout",
    threads="ThreadPool run_in_thread",
    web="AccessLog Application Cors ETags EventStream FormError Gzip HTTPError "
    "Monitor Request Response ServerSentEvent Sessions SignedCookies StaticFiles "
    "Templates Topic Xsrf html redirect",
    websocket="WebSocket",
    wsgi="WSGI",
)

__all__ = sorted(HOMES)
__getattr__ = lazy_names(__name__, HOMES)
