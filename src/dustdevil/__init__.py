"""Dust Devil: an async server raised from the socket up.

from dustdevil import Application

app = Application()

@app.get("/hello/{name}")
async def hello(request, name):
    return f"Hello, {name}!"
"""

from importlib import import_module
from typing import Any

__version__ = "0.1.0"

# What a program needs most, and where it stands.
PUBLIC = {
    "AccessLog": "middleware",
    "Application": "web",
    "Client": "client",
    "ClientSettings": "client",
    "Condition": "sync",
    "Cors": "cors",
    "ETags": "middleware",
    "Event": "sync",
    "EventStream": "events",
    "FormError": "multipart",
    "Future": "coroutine",
    "Gzip": "middleware",
    "HTTPError": "messages",
    "Lock": "sync",
    "Loop": "loop",
    "Monitor": "monitor",
    "Process": "child",
    "Queue": "sync",
    "Request": "messages",
    "Response": "messages",
    "Router": "routing",
    "Semaphore": "sync",
    "Server": "server",
    "ServerSentEvent": "events",
    "ServerSettings": "server",
    "Sessions": "sessions",
    "SignedCookies": "cookies",
    "StaticFiles": "static",
    "Stream": "stream",
    "Task": "coroutine",
    "Templates": "templates",
    "ThreadPool": "threads",
    "Topic": "events",
    "WSGI": "wsgi",
    "WebSocket": "websocket",
    "Xsrf": "sessions",
    "connect": "resolver",
    "gather": "sync",
    "html": "messages",
    "redirect": "messages",
    "run_in_thread": "threads",
    "run_process": "child",
    "serve": "server",
    "sleep": "sync",
    "timeout": "sync",
    "to_wsgi": "wsgi_app",
}

__all__ = sorted(PUBLIC)


def __getattr__(name: str) -> Any:
    """Import a public name when it is first used (PEP 562).

    Who only wants the router does not wait for sockets, TLS and HTTP to be imported.
    """
    if name not in PUBLIC:
        raise AttributeError(f"module 'dustdevil' has no attribute {name!r}")
    return getattr(import_module(f"dustdevil.{PUBLIC[name]}"), name)
