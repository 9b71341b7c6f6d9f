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


def lazy_names(package: str, homes: dict[str, str]) -> Callable[[str], Any]:
    """A package's `__getattr__`, which imports a name when it is first used (PEP 562).

    `homes` says in which module of the package each public name stands; the modules
    can be had by their names, too. Who only wants the router does not wait for
    sockets, TLS and HTTP to be imported.
    """

    def __getattr__(name: str) -> Any:
        if name in homes:
            return getattr(import_module(f"{package}.{homes[name]}"), name)
        if name in homes.values():
            return import_module(f"{package}.{name}")
        raise AttributeError(f"module {package!r} has no attribute {name!r}")

    return __getattr__


# What a program needs most, and where it stands.
HOMES = {
    "AccessLog": "web",
    "Application": "web",
    "Client": "http",
    "ClientSettings": "http",
    "Condition": "sync",
    "Cors": "web",
    "ETags": "web",
    "Event": "sync",
    "EventStream": "web",
    "FormError": "web",
    "Future": "coroutine",
    "Gzip": "web",
    "HTTPError": "web",
    "Lock": "sync",
    "Loop": "loop",
    "Monitor": "web",
    "Process": "processes",
    "Queue": "sync",
    "Request": "web",
    "Response": "web",
    "Router": "routing",
    "Semaphore": "sync",
    "Server": "http",
    "ServerSentEvent": "web",
    "ServerSettings": "http",
    "Sessions": "web",
    "SignedCookies": "web",
    "StaticFiles": "web",
    "Stream": "stream",
    "Task": "coroutine",
    "Templates": "web",
    "ThreadPool": "threads",
    "Topic": "web",
    "WSGI": "wsgi",
    "WebSocket": "websocket",
    "Xsrf": "web",
    "connect": "resolver",
    "gather": "sync",
    "html": "web",
    "redirect": "web",
    "run_in_thread": "threads",
    "run_process": "processes",
    "serve": "http",
    "sleep": "sync",
    "timeout": "sync",
}

__all__ = sorted(HOMES)
__getattr__ = lazy_names(__name__, HOMES)
