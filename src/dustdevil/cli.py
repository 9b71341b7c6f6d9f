"""The command line: `dustdevil module:app` serves an application.

The options are the settings of the server; their names, defaults and meanings are
read from `ServerSettings`, so that nothing has to be said twice.
"""

import argparse
import importlib
import ssl
import sys
from collections.abc import Callable
from functools import partial
from typing import Any, NoReturn

import dustdevil
from dustdevil.collector.cycles import LeakWatch
from dustdevil.fields import Boolean, Integer, Seconds, SettingError, Text
from dustdevil.http.connection import Connection
from dustdevil.http.head import Head
from dustdevil.http.server import ServerSettings
from dustdevil.http.serving import serve
from dustdevil.loop.eventloop import running_loop
from dustdevil.processes import prefork
from dustdevil.processes.changes import Changes
from dustdevil.processes.prefork import NoWorkerError
from dustdevil.processes.worker import StartError
from dustdevil.speedups.choice import STATUS
from dustdevil.web.middleware import AccessLog
from dustdevil.wsgi.gateway import WSGI


class Options(ServerSettings):
    """What the command line can set."""

    host = Text("127.0.0.1", "name or address to listen at; empty for all")
    port = Integer(8000, "to listen at; 0 takes a free one", 0, 65535)
    workers = Integer(1, "processes with a loop each; 0 is one for each core", 0, 1000)
    pin = Boolean(False, "tie each worker to a core of its own")
    reload = Boolean(False, "start anew when a .py file in this folder changes")
    access_log = Boolean(False, "print a line for each request")
    tls_cert = Text(None, "a PEM file with the certificate: speak HTTPS", optional=True)
    tls_key = Text(None, "a PEM file with its key, if apart", optional=True)
    wsgi = Boolean(False, "it is a WSGI application (PEP 3333)")
    threads = Integer(8, "in which a WSGI application runs", 1, 1000)
    leak_watch = Seconds(None, "between looks for closed connections that somebody "
                         "keeps, to be named", 0.1, optional=True)  # fmt: skip


class UsageError(StartError):
    """The command can't be carried out as it was given; the message says why."""


class CommandLine(argparse.ArgumentParser):
    """A parser of arguments that complains in one line."""

    def error(self, message: str) -> NoReturn:
        """Raise UsageError."""
        raise UsageError(f"{message} (try {self.prog} --help)")


def main(arguments: list[str] | None = None) -> int:
    """Run the command; return its exit code: 2 when it was given wrongly."""
    try:
        given = vars(parser().parse_args(arguments))
        name = given.pop("application")
        start(name, Options(**given))
    except (StartError, SettingError) as error:
        print(f"dustdevil: {error}", file=sys.stderr)
        return 2
    except NoWorkerError as error:
        print(f"dustdevil: {error}", file=sys.stderr)
        return 1
    return 0


def parser() -> CommandLine:
    """The parser, with an option for each setting."""
    command = CommandLine(
        "dustdevil",
        description="Serve a web application.",
        formatter_class=argparse.RawDescriptionHelpFormatter,  # the version is a line
    )
    command.add_argument(
        "--version",
        action="version",
        version=f"%(prog)s {dustdevil.__version__}, {STATUS}",
    )
    command.add_argument(
        "application", help="module:name of the application, as in hello:app"
    )
    server = ServerSettings.fields()
    limits = command.add_argument_group("limits and deadlines")
    for name, field in Options.fields().items():
        group = limits if name in server else command
        option = "--" + name.replace("_", "-")
        if field.default is False:
            group.add_argument(option, action="store_true", help=field.doc)
        else:
            default = "none" if field.default is None else field.default
            text = f"{field.doc} (default: {default})"
            kind = type(field).__name__.upper()
            group.add_argument(option, default=field.default, metavar=kind, help=text)
    return command


def load_application(name: str) -> Any:
    """Import an application by "module:name"; raises UsageError if it isn't there.

    What the module itself does wrong comes out as it is, with its traceback.
    """
    module_name, _, attribute = name.partition(":")
    sys.path.insert(0, "")  # the current folder, as for `python -m`
    try:
        module = importlib.import_module(module_name)
    except ModuleNotFoundError as error:
        if error.name and f"{module_name}.".startswith(f"{error.name}."):
            raise UsageError(f"there is no module {error.name!r}") from None
        raise
    except ValueError:
        raise UsageError(f"{name!r} is no module:name") from None
    found = module
    for part in (attribute or "app").split("."):
        if not hasattr(found, part):
            raise UsageError(f"module {module_name!r} has no {attribute or 'app'!r}")
        found = getattr(found, part)
    if not callable(found):
        raise UsageError(f"{name} is no application: it can't be called")
    return found


def processes(options: Options) -> int:
    """How many workers there are to be."""
    return options.workers or len(prefork.cores()) or 1


def build(name: str, options: Options) -> Any:
    """The application, with what the options put around it."""
    application = load_application(name)
    if options.wsgi:
        several = processes(options) > 1
        try:
            application = WSGI(application, options.threads, several)
        except TypeError as error:
            raise UsageError(str(error)) from None
    if options.leak_watch is not None:
        application = Watched(application, options.leak_watch)
    if options.access_log:
        # Flushed line by line: several workers write to the same file.
        application = AccessLog(application, partial(print, flush=True))
    return application


class Watched:
    """An application, and a job: to name connections that are over and not freed.

    It looks for them every `interval` seconds.
    """

    def __init__(self, application: Any, interval: float):
        self.application = application
        self.interval = interval
        self.jobs = [*getattr(application, "jobs", ()), self.watch]

    def __call__(self, head: Head, body: Any, connection: Connection) -> Any:
        """Answer one request: what the server calls."""
        return self.application(head, body, connection)

    async def watch(self) -> None:
        """Begin to look."""
        leaks = LeakWatch(Connection, lambda connection: connection.stream.closed)
        leaks.start(running_loop(), self.interval)


def start(name: str, options: Options) -> None:
    """Serve; raises UsageError if the address can't be had, or the application."""
    make_tls = partial(tls_context, options.tls_cert, options.tls_key)
    tls = make_tls()  # also where the workers will do it again: to complain once
    where = options.host, options.port
    settings = {name: getattr(options, name) for name in ServerSettings.fields()}
    run: Callable[..., None]
    if options.workers == 1 and not options.reload:
        run = partial(serve, build(name, options), *where, tls)
    else:
        run = partial(
            prefork.serve,
            partial(build, name, options),
            *where,
            None if tls is None else make_tls,
            workers=processes(options),
            pin=options.pin,
            watch=Changes() if options.reload else None,
        )
    if options.reload:
        # Compiled files are told apart by the second: two saves in one look the same.
        sys.dont_write_bytecode = True
    try:
        run(**settings)
    except OSError as error:
        reason = error.strerror or error
        raise UsageError(f"can't listen at {where[0]}:{where[1]}: {reason}") from None


def tls_context(cert: str | None, key: str | None) -> ssl.SSLContext | None:
    """The server's side of TLS; None without a certificate."""
    if cert is None:
        if key is not None:
            raise UsageError("--tls-key needs a --tls-cert")
        return None
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    try:
        context.load_cert_chain(cert, key)
    except (OSError, ssl.SSLError) as error:
        reason = error.strerror or error
        raise UsageError(f"can't use the certificate {cert}: {reason}") from None
    return context
