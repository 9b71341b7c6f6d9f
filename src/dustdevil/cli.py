"""The command line: `dustdevil module:app` serves an application.

The options are the settings of the server; their names, defaults and meanings are
read from `ServerSettings`, so that nothing has to be said twice.
"""

import argparse
import importlib
import ssl
import sys
from typing import Any, NoReturn

import dustdevil
from dustdevil.fields import Field, Integer, SettingError, Text
from dustdevil.server import ServerSettings, serve
from dustdevil.speedups import STATUS
from dustdevil.wsgi import WSGI


class Options(ServerSettings):
    """What the command line can set."""

    host = Text("127.0.0.1", "name or address to listen at; empty for all")
    port = Integer(8000, "to listen at; 0 takes a free one", 0, 65535)
    tls_cert = Text(None, "a PEM file with the certificate: speak HTTPS", optional=True)
    tls_key = Text(None, "a PEM file with its key, if apart", optional=True)
    threads = Integer(8, "in which a WSGI application runs", 1, 1000)


class UsageError(Exception):
    """The command can't be carried out as it was given; the message says why."""


class Parser(argparse.ArgumentParser):
    """A parser of arguments that complains in one line."""

    def error(self, message: str) -> NoReturn:
        """Raise UsageError."""
        raise UsageError(f"{message} (try {self.prog} --help)")


def main(arguments: list[str] | None = None) -> int:
    """Run the command; return its exit code: 2 when it was given wrongly."""
    try:
        options = vars(parser().parse_args(arguments))
        application, wsgi = load(options.pop("application")), options.pop("wsgi")
        settings = Options(**options).as_dict()
        threads = settings.pop("threads")
        if wsgi:
            application = in_threads(application, threads)
        start(application, settings)
    except (UsageError, SettingError) as error:
        print(f"dustdevil: {error}", file=sys.stderr)
        return 2
    return 0


def parser() -> Parser:
    """The parser, with an option for each setting."""
    command = Parser("dustdevil", description="Serve a web application.")
    command.add_argument(
        "--version",
        action="version",
        version=f"%(prog)s {dustdevil.__version__}, {STATUS}",
    )
    command.add_argument(
        "application", help="module:name of the application, as in hello:app"
    )
    command.add_argument(
        "--wsgi", action="store_true", help="it is a WSGI application (PEP 3333)"
    )
    for name, field in Options.fields().items():
        command.add_argument(
            "--" + name.replace("_", "-"),
            default=field.default,
            metavar=type(field).__name__.upper(),
            help=describe(field),
        )
    return command


def describe(field: Field) -> str:
    """What an option is for, and its value if it is not given."""
    default = "none" if field.default is None else field.default
    return f"{field.doc} (default: {default})"


def load(name: str) -> Any:
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


def in_threads(application: Any, threads: int) -> WSGI:
    """A WSGI application for the server; raises UsageError if it is none."""
    try:
        return WSGI(application, threads)
    except TypeError as error:
        raise UsageError(str(error)) from None


def start(application: Any, options: dict[str, Any]) -> None:
    """Serve the application; raises UsageError if the address can't be had."""
    host, port = options.pop("host"), options.pop("port")
    tls = tls_context(options.pop("tls_cert"), options.pop("tls_key"))
    try:
        serve(application, host, port, tls, **options)
    except OSError as error:
        reason = error.strerror or error
        raise UsageError(f"can't listen at {host}:{port}: {reason}") from None


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
