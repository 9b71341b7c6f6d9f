"""Who is measured: each peer's name, its command, and what it needs to be there."""

import importlib.util
import shutil
import sys
from dataclasses import dataclass, field
from pathlib import Path

HERE = Path(__file__).resolve().parent
APPS = HERE / "apps"
BUILD = HERE.parent / "build"
SOURCE = HERE.parent / "src"
PYTHON = sys.executable
sys.path.insert(0, str(SOURCE))  # where the servers, too, find ours


@dataclass
class Peer:
    """A server. In its command, PORT stands for the port; `needs` are programs and
    modules without which it is left out, and said to be."""

    name: str
    command: list[str]
    needs: list[str] = field(default_factory=list)
    env: dict[str, str] = field(default_factory=dict)

    def missing(self) -> list[str]:
        """What it needs and this machine does not have."""
        return [need for need in self.needs if not there(need)]


def there(need: str) -> bool:
    """Whether a program or a Python module is there."""
    if "." not in need and (shutil.which(need) or Path(need).exists()):
        return True
    try:
        return importlib.util.find_spec(need) is not None
    except ModuleNotFoundError:
        return False


def module(name: str, *arguments: str) -> list[str]:
    """The command that runs a Python module."""
    return [PYTHON, "-m", name, *arguments]


def program(name: str) -> list[str]:
    """The command that runs one of the programs in apps/."""
    return [PYTHON, str(APPS / f"{name}.py"), "PORT"]


def ours(name: str, *options: str) -> list[str]:
    """The command that serves one of our applications."""
    return module("dustdevil", name, "--port", "PORT", *options)


def uvicorn(loop: str, http: str) -> list[str]:
    """The command of a uvicorn of one kind."""
    kind = "--loop", loop, "--http", http
    quiet = "--no-access-log", "--log-level", "warning"
    return module("uvicorn", "hello_asgi:app", "--port", "PORT", *kind, *quiet)


def granian(interface: str) -> list[str]:
    """The command of a granian with one worker."""
    options = "--interface", interface, "--workers", "1", "--log-level", "warning"
    return module("granian", f"hello_{interface}:app", "--port", "PORT", *options)


def gunicorn(kind: str, *options: str) -> list[str]:
    """The command of a gunicorn with one worker."""
    bind = "--bind", "127.0.0.1:PORT", "--keep-alive", "60", "--log-level", "warning"
    return module("gunicorn", "hello_wsgi:app", "-k", kind, *bind, *options)


# DUSTDEVIL_PURE leaves the C extension out where it is there.
PURE = {"DUSTDEVIL_PURE": "1"}
WAITRESS = module("waitress", "--port=PORT", "--host=127.0.0.1", "hello_wsgi:app")
NGINX = ["nginx", "-p", str(BUILD), "-c", "nginx-PORT.conf"]
EXTENSION, WSGI = "dustdevil.speedups._speedups", "dustdevil.wsgi.gateway"

HELLO = [
    Peer("C epoll", [str(BUILD / "epoll"), "PORT"], [str(BUILD / "epoll")]),
    Peer("nginx", NGINX, ["nginx"]),
    Peer("ours", ours("hello_dustdevil:app"), env=PURE),
    Peer("ours + C", ours("hello_dustdevil:app"), [EXTENSION]),
    Peer("ours wsgi", ours("hello_wsgi:app", "--wsgi"), [WSGI]),
    Peer("bjoern", program("hello_wsgi"), ["bjoern"]),
    Peer("granian wsgi", granian("wsgi"), ["granian"]),
    Peer("granian asgi", granian("asgi"), ["granian"]),
    Peer("uvicorn uvloop", uvicorn("uvloop", "httptools"), ["uvicorn", "uvloop"]),
    Peer("uvicorn h11", uvicorn("asyncio", "h11"), ["uvicorn", "h11"]),
    Peer("aiohttp", program("hello_aiohttp"), ["aiohttp"]),
    Peer("tornado", program("hello_tornado"), ["tornado"]),
    Peer("gunicorn gevent", gunicorn("gevent"), ["gunicorn", "gevent", "packaging"]),
    Peer("gunicorn gthread", gunicorn("gthread", "--threads", "4"), ["gunicorn"]),
    Peer("waitress", WAITRESS, ["waitress"]),
]


def before(folder: Path) -> list[Peer]:
    """An older checkout of ours, whose extension is built: what did a change cost?"""
    served, path = ours("hello_dustdevil:app"), f"{folder / 'src'}:{APPS}"
    return [
        Peer("before", served, env={**PURE, "PYTHONPATH": path}),
        Peer("before + C", served, env={"PYTHONPATH": path}),
    ]


ECHO = [
    Peer("ours", ours("echo_dustdevil:app"), env=PURE),
    Peer("ours + C", ours("echo_dustdevil:app"), [EXTENSION]),
    Peer("tornado", program("echo_tornado"), ["tornado"]),
    Peer("websockets", program("echo_websockets"), ["websockets"]),
]
