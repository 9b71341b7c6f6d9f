"""The environ: a request as WSGI and CGI write it down (PEP 3333, RFC 3875).

A WSGI application gets one dictionary. In it are the variables of CGI, which were the
environment of a process once, and so all of them are strings: the request line taken
apart, and each header field under a name like HTTP_USER_AGENT. The body is a file,
`wsgi.input`.

Strings stand for bytes: each character is one byte, as Latin-1 has it. "/%C3%A9" is
two characters in PATH_INFO, and which letters they are the application decides.
"""

import io
import sys
from collections.abc import Callable
from functools import lru_cache
from typing import Any
from urllib.parse import unquote_to_bytes
from wsgiref.util import FileWrapper

from dustdevil.http.head import Head
from dustdevil.stream.iostream import CHUNK

Environ = dict[str, Any]

# What is the same for all requests.
BASE: Environ = {
    "SCRIPT_NAME": "",
    "SERVER_SOFTWARE": "dustdevil",
    "wsgi.version": (1, 0),
    "wsgi.run_once": False,
    "wsgi.file_wrapper": FileWrapper,
    # No part of the standard: the input ends where the body does, so that it can be
    # read to its end where no Content-Length says how much that is.
    "wsgi.input_terminated": True,
}


class Input(io.RawIOBase):
    """A body as a file that is read as it comes; `more()` gives the next piece.

    It is b"" at the end. `io.BufferedReader` makes the lines of it.
    """

    def __init__(self, more: Callable[[], bytes]) -> None:
        self._more = more
        self._piece = memoryview(b"")

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        if not self._piece:
            self._piece = memoryview(self._more())
        size = min(len(buffer), len(self._piece))
        buffer[:size] = self._piece[:size]
        self._piece = self._piece[size:]
        return size


@lru_cache(maxsize=128)  # the names are the clients', and as long as they like
def variable(name: str) -> str | None:
    """The variable for a header field; None if the application must not see it.

    X_User and X-User would have the same one. A proxy that removes the second from
    what it passes on lets the first through, which then could pose as the other.
    """
    if "_" in name:
        return None
    upper = name.upper().replace("-", "_")
    return upper if upper in ("CONTENT_TYPE", "CONTENT_LENGTH") else "HTTP_" + upper


def make_environ(
    head: Head, connection: Any, more: Callable[[], bytes], base: Environ
) -> Environ:
    """The environ of a request; what is in `base` is in each of them."""
    path, _, query = head.target.partition("?")
    remote, local = connection.remote, connection.local
    environ = {
        **base,
        "REQUEST_METHOD": head.method,
        "REQUEST_URI": head.target,  # as it was sent: not in the standard, but usual
        # The asterisk of OPTIONS is no path.
        "PATH_INFO": unquote_to_bytes(path).decode("latin-1") if path != "*" else "",
        "QUERY_STRING": query,
        "SERVER_PROTOCOL": "HTTP/" + head.version,
        "SERVER_NAME": local[0],
        "SERVER_PORT": str(local[1]),
        "REMOTE_ADDR": remote[0],
        "REMOTE_PORT": str(remote[1]),
        "wsgi.url_scheme": connection.scheme,
        "wsgi.errors": sys.stderr,
    }
    for name, value in head.headers.items():
        key = variable(name)
        if key in environ:
            separator = "; " if key == "HTTP_COOKIE" else ","
            environ[key] += separator + value
        elif key is not None:
            environ[key] = value
    if head.host:
        environ["HTTP_HOST"] = head.host  # that of an absolute target comes first
    if head.has_body:
        environ["wsgi.input"] = io.BufferedReader(Input(more), CHUNK)
    else:
        environ["wsgi.input"] = io.BytesIO()
    return environ
