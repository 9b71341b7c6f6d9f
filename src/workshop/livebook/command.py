"""`workshop serve`: build the book if needed, serve it, run its cells.

What takes long to import, and the whole of `dustdevil`, is imported only when the
options are checked and the learner's own modules, if there are any, are in place.
"""

import argparse
import errno
import re
import secrets
import ssl
import sys
from pathlib import Path
from typing import Any

from workshop.livebook.addresses import Place, is_loopback

PORT = 8888
PORTS_TO_TRY = 20
CULL = "end a kernel that no page has used for so long (%(default)s)"
HOST = (
    "address to listen on (%(default)s); one that other machines reach needs "
    "--tls-cert or --without-tls"
)
WITHOUT_TLS = "listen on a --host that other machines reach, and do not encrypt"
ALLOW_HOST = "answer to this name too: NAME or NAME:PORT, as the browser shows it"
BASE_PATH = "serve the book below this path, for a proxy that does not take it off"
TOKEN = re.compile(r"[\w.~-]+", re.ASCII)
HOST_NAME = re.compile(
    r"(?:[\w.-]+|\[[0-9a-f:.]+\])(?::\d+)?", re.ASCII | re.IGNORECASE
)
PATH = re.compile(r"(?:/[\w.~-]+)*", re.ASCII)


class Refusal(Exception):
    """Why the book is not served: one sentence for the reader."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of `workshop serve`."""
    add = parser.add_argument
    add("--host", default="127.0.0.1", help=HOST)
    add("--port", type=int, help=f"port ({PORT}, or the next one that is free)")
    add("--token", help="the secret in the address (a new one each time)")
    add("--tls-cert", metavar="FILE", help="speak HTTPS, with this certificate (PEM)")
    add("--tls-key", metavar="FILE", help="its key, if it is in a file of its own")
    add("--without-tls", action="store_true", help=WITHOUT_TLS)
    add("--allow-host", action="append", default=[], metavar="NAME", help=ALLOW_HOST)
    add("--base-path", default="", metavar="PATH", help=BASE_PATH)
    add("--stack", metavar="FOLDER", help="use your own modules from this folder")
    add("--no-build", dest="build", action="store_false", help="take the pages as is")
    add("--max-kernels", type=int, default=8, help="kernels at once (%(default)s)")
    add("--cull-after", type=float, default=30, metavar="MINUTES", help=CULL)


def run(args: argparse.Namespace) -> int:
    """Serve until a signal ends it; return the exit code."""
    try:
        check(args)
        names = install(args.stack) if args.stack else []
        tls = tls_context(args.tls_cert, args.tls_key)
        pages = build(args.build)
        return serve(args, pages, names, tls)
    except Refusal as refusal:
        print(f"workshop serve: {refusal}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return 130


def check(args: argparse.Namespace) -> None:
    """Raise Refusal for options that make no sense."""
    if args.port is not None and not 0 <= args.port <= 65535:
        raise Refusal(f"{args.port} is no port; ports go from 1 to 65535.")
    if args.token is not None and not TOKEN.fullmatch(args.token):
        raise Refusal("a token consists of letters, digits, '-', '_', '.' and '~'.")
    if args.max_kernels < 1 or args.cull_after <= 0:
        raise Refusal("--max-kernels and --cull-after have to be positive.")
    for name in args.allow_host:
        if not HOST_NAME.fullmatch(name):
            raise Refusal(f"--allow-host takes a name such as example.org, not {name}.")
    args.base_path = args.base_path.rstrip("/")
    if not PATH.fullmatch(args.base_path):
        raise Refusal(f"--base-path takes a path such as /dd, not {args.base_path}.")
    if not (is_loopback(args.host) or args.tls_cert or args.without_tls):
        raise Refusal(
            f"other machines can reach --host {args.host or repr('')}, and the token "
            "would go there in the clear; encrypt with --tls-cert and --tls-key, or "
            "say --without-tls if a proxy encrypts or that is what you want."
        )


def install(folder: str) -> list[str]:
    """Put the learner's modules in place and load them; return their names."""
    from workshop.livebook import stack
    from workshop.overlay import OverlayError

    try:
        return stack.install(Path(folder))
    except OverlayError as error:
        raise Refusal(str(error)) from error


def tls_context(cert: str | None, key: str | None) -> ssl.SSLContext | None:
    """The server's side of TLS; None without a certificate."""
    if cert is None and key is None:
        return None
    from dustdevil import cli

    try:
        return cli.tls_context(cert, key)
    except cli.UsageError as error:
        raise Refusal(f"{error}.") from error


def build(wanted: bool) -> Path:
    """The folder of the pages, built anew if they are stale and that is wanted."""
    from workshop import book

    pages = book.html_folder()
    if wanted:
        try:
            return book.ensure()
        except book.BuildError as error:
            raise Refusal(str(error)) from error
    if not (pages / "index.html").is_file():
        raise Refusal("the book is not built; run it once without --no-build.")
    return pages


def serve(
    args: argparse.Namespace,
    pages: Path,
    names: list[str],
    tls: ssl.SSLContext | None,
) -> int:
    """Listen, say where, and serve until the end."""
    from workshop.livebook import stack

    token = args.token or secrets.token_urlsafe(24)
    with stack.explaining(args.stack if names else None) as problems:
        from workshop.livebook.live import LiveBook

        live = LiveBook(
            pages,
            book_root(),
            token,
            args.host,
            args.max_kernels,
            args.cull_after * 60,
            tls,
            args.allow_host,
            args.base_path,
        )
        try:
            port = listen(live, args.host, args.port)
            place = Place(args.host, port, args.base_path, tls is not None)
            say = announcement(args, place, token, names)
            if names:
                problems.probe(place, token, say)
            else:
                live.loop.call_soon(say)
            live.run()
        finally:
            live.close()
    if problems.found:
        raise Refusal(problems.found)
    return 0


def book_root() -> Path:
    from workshop import book

    return book.ROOT


def listen(live: Any, host: str, port: int | None) -> int:
    """Listen on the port that was asked for, or on the first one that is free."""
    wanted = [port] if port is not None else range(PORT, PORT + PORTS_TO_TRY)
    for candidate in wanted:
        try:
            return live.listen(candidate)
        except OSError as error:
            if error.errno != errno.EADDRINUSE:
                reason = error.strerror or error
                raise Refusal(f"can't listen on {host}: {reason}.") from error
    if port is not None:
        raise Refusal(f"port {port} is in use; choose another with --port (PORT=…).")
    raise Refusal(f"the ports from {PORT} to {candidate} are all in use.")


def announcement(
    args: argparse.Namespace, place: Place, token: str, names: list[str]
) -> Any:
    """A function that prints what the reader has to know, and the address last."""
    lines = ["The live book is served on Dust Devil. Ctrl-C stops it."]
    if names:
        lines.append(f"These modules are yours, from {args.stack}: {', '.join(names)}.")
        lines.append("They serve the pages; what the cells import is the book's.")
    elif args.stack:
        lines.append(f"{args.stack} has no modules of the stack: all are the book's.")
    if not is_loopback(args.host):
        lines.append(
            "Everyone who reaches this machine and knows the token can run programs "
            "on it."
        )
    if args.allow_host:
        public = ", ".join(args.allow_host)
        lines.append(f"At {public}, end the address with the same ?token=… as here.")
    lines.append(f"{place}?token={token}")
    return lambda: print("\n".join(lines), flush=True)
