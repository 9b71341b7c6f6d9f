"""Several WSGI applications under one roof: a middleware, as PEP 3333 has it.

It is an application for the server above it, and a server for those below.
"""

from collections.abc import Callable
from typing import Any

from dustdevil.wsgi.environ import Environ
from dustdevil.wsgi.gateway import App


def mount(applications: dict[str, App]) -> App:
    """One application out of several, each under its prefix: "" is for all others.

    The prefix moves from PATH_INFO to SCRIPT_NAME, as PEP 3333 wants it.
    """
    longest_first = sorted(applications, key=len, reverse=True)

    def dispatch(environ: Environ, start_response: Callable[..., Any]) -> Any:
        path = environ["PATH_INFO"]
        for prefix in longest_first:
            if path == prefix or path.startswith(prefix + "/") or not prefix:
                environ["SCRIPT_NAME"] += prefix
                environ["PATH_INFO"] = path[len(prefix) :]
                return applications[prefix](environ, start_response)
        start_response("404 Not Found", [("Content-Type", "text/plain")])
        return [b"404 Not Found\n"]

    return dispatch
