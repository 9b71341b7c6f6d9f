"""The live book as one application: pages, kernels, and the guard before both."""

from collections.abc import Awaitable, Callable
from pathlib import Path

from dustdevil.web import Application, HTTPError, Request, Response, to_folder
from workshop.livebook.api import Api
from workshop.livebook.kernels import Kernels
from workshop.livebook.security import Guard


def make_app(
    pages: Path, kernels: Kernels, guard: Guard, base: str = ""
) -> Application:
    """The application that serves the folder of built pages and runs their cells.

    `base` is the path below which all of it lies, such as "/dd".
    """
    app = Application()
    app.use(Mount(base))
    app.use(guard)
    Api(kernels).mount(app)
    app.files("/", pages)
    return app


class Mount:
    """Middleware: lets the book lie below any path, of which nothing inside knows.

    A proxy puts it there and takes its prefix off each request; or leaves it on, and
    then `base` is that prefix and comes off here. Links in the pages are relative. The
    addresses in our headers are made so, too: from a path that begins with a slash the
    browser would go to the root of the proxy.
    """

    def __init__(self, base: str) -> None:
        self.base = base

    async def __call__(
        self, request: Request, call_next: Callable[[Request], Awaitable[Response]]
    ) -> Response:
        depth = request.raw_path.count("/") - 1
        if request.path == self.base:
            response = to_folder(request)
        elif request.path.startswith(self.base + "/"):
            request.path = request.path.removeprefix(self.base)
            depth -= self.base.count("/")
            response = await call_next(request)
        else:
            raise HTTPError(404, f"The book is below {self.base}/.")
        if location := response.headers.get("Location"):
            response.headers["Location"] = up(depth, location)
        return response


def up(depth: int, location: str) -> str:
    """A path that begins with a slash, seen from that many folders below the root."""
    return ("../" * depth or "./") + location.lstrip("/")
