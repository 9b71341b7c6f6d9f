"""Applications: routes, what they answer, and what is answered when they fail.

    app = Application()

    @app.get("/hello/{name}")
    async def hello(request, name):
        return f"Hello, {name}!"

    app.run()

A handler gets the request and the arguments found in its path. It may be a plain
function, an `async def` or a generator under `@coroutine`. A plain function that
takes long stops the whole server for so long, since nothing else can run meanwhile.
"""

import html as escaping
import logging
import os
from collections.abc import Awaitable, Callable
from functools import partial
from http import HTTPStatus
from inspect import isawaitable
from types import CoroutineType
from typing import Any

from dustdevil.http.errors import ProtocolError
from dustdevil.http.head import Head
from dustdevil.http.serving import serve
from dustdevil.processes import prefork
from dustdevil.routing import (
    METHODS,
    Handler,
    MethodNotAllowed,
    Middleware,
    NotFound,
    Router,
    layer,
)
from dustdevil.web.messages import (
    HTTPError,
    Request,
    Response,
    html,
    to_response,
)
from dustdevil.web.multipart import FormError
from dustdevil.web.static import StaticFiles, to_folder
from dustdevil.web.templates import Templates

log = logging.getLogger("dustdevil")

BackgroundJob = Callable[[], Awaitable[None]]
ErrorPage = Callable[[Request, HTTPError], Any]

PAGE = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>{title}</title>
<style>
:root {{ color-scheme: light dark; font: 1.1rem/1.5 system-ui, sans-serif }}
body {{ margin: 20vh auto; padding: 0 1rem; max-width: 36rem }}
</style>
</head>
<body>
<h1>{title}</h1>
<p>{detail}</p>
</body>
</html>
"""


class Application(Router):
    """A router that answers requests: what a Server is given to serve.

    Whatever a handler or a middleware raises becomes a response: an HTTPError the one
    it names, anything else a 500, whose cause is told to the log and not the client.
    """

    def __init__(self) -> None:
        super().__init__()
        self.error_pages: dict[int, ErrorPage] = {}
        self.jobs: list[BackgroundJob] = []
        self._found: dict[tuple[str, str], Handler] = {}
        self.onion: Handler = self.dispatch

    def route(self, *pattern: Any, **options: Any) -> Any:
        """As in a Router: a decorator that enters its function into the table."""
        self._found.clear()
        return super().route(*pattern, **options)

    def use(self, middleware: Middleware) -> Middleware:
        """Decorate a middleware, as in a Router; the onion is made here, and once."""
        super().use(middleware)
        self.onion = self.wrap(self.dispatch)
        return middleware

    def __call__(self, head: Head, body: Any, connection: Any) -> Awaitable[Response]:
        """Answer one request: what the server calls."""
        return self.onion(Request(head, body, connection))

    def wrap(self, handler: Handler) -> Handler:
        """Middleware around a handler. What a layer raises is a response for the next:
        so the log, the outermost, sees what was refused further inward."""
        for middleware in reversed(self.middleware):
            handler = partial(self.attempt, layer(middleware, handler))
        return handler

    def dispatch(self, request: Request) -> Awaitable[Response]:
        """The innermost layer: call the handler that the route names."""
        found = self._found.get((request.method, request.path))
        return self.attempt(found or self.call_route, request)

    def call_route(self, request: Request) -> Any:
        """Find the route, note its arguments in the request, call its handler.

        OPTIONS without a handler is answered here (RFC 9110, 9.3.7); "*" is the server.
        """
        if request.target == "*":
            return Response(status=204)
        try:
            handler, params = self.match(request.method, request.path)
        except MethodNotAllowed as error:
            if request.method not in METHODS:
                raise HTTPError(501) from None  # nowhere, not only here (9.1)
            if request.method != "OPTIONS":
                raise
            return Response(status=204, headers=[allow(error)])
        if not params:
            # A path without placeholders: the router need not be asked again, and
            # there are no more of them than routes.
            self._found[request.method, request.path] = handler
        request.params = params
        return handler(request, **params)

    async def attempt(self, handler: Handler, request: Request) -> Response:
        """The handler's response, or that to its failure."""
        try:
            result = handler(request)
            # isawaitable() looks at more than it must for what nearly always comes.
            if type(result) is CoroutineType or isawaitable(result):
                result = await result
            return to_response(result)
        except ProtocolError:
            raise  # from reading the body: the server knows what to do
        except Exception as error:
            return await self.answer_failure(request, error)

    async def answer_failure(self, request: Request, error: Exception) -> Response:
        """The page for an exception: one registered for its status, or a plain one."""
        failure = as_http_error(error)
        if failure is None:
            log.exception("%s %s failed", request.method, request.target)
            failure = HTTPError(500)
        make_page = self.error_pages.get(failure.status, plain_page)
        try:
            page = make_page(request, failure)
            response = to_response(await page if isawaitable(page) else page)
            response.status = failure.status
        except Exception:
            log.exception("the page for %s failed", failure.status)
            response = plain_page(request, HTTPError(500))
        response.headers.extend(failure.headers)
        return response

    def error(self, status: int) -> Callable[[ErrorPage], ErrorPage]:
        """Decorate a function of the request and the HTTPError: a status' own page."""

        def register(page: ErrorPage) -> ErrorPage:
            self.error_pages[status] = page
            return page

        return register

    def background(self, job: BackgroundJob) -> BackgroundJob:
        """Decorate an async function that runs beside the requests.

        It is begun when a server starts, in each process anew, and cancelled when it
        stops.
        """
        self.jobs.append(job)
        return job

    def files(
        self, prefix: str, folder: str | os.PathLike[str], name="files", **options: Any
    ) -> None:
        """Serve the files of a folder under a prefix; options as of StaticFiles.

        `url_for("files", path="style.css")` is the path of one of them.
        """
        prefix = f"/{prefix.strip('/')}".rstrip("/")
        files = StaticFiles(folder, **options)
        if prefix:
            self.get(prefix, name)(to_folder)
        self.get(prefix + "/", name)(files)
        self.get(prefix + "/{path:path}", name)(files)

    def templates(self, folder: str | os.PathLike[str], **options: Any) -> Templates:
        """The templates in a folder; they know `url_for`. Options as of Templates."""
        return Templates(folder, url_for=self.url_for, **options)

    def run(
        self,
        host: str = "127.0.0.1",
        port: int = 8000,
        workers: int = 1,
        **settings: Any,
    ) -> None:
        """Serve until a signal ends it; settings as of ServerSettings.

        With more workers than one, as of prefork.serve(). They are forked from this
        process, so a reload gives fresh workers, but no fresh code.
        """
        if workers == 1:
            serve(self, host, port, **settings)
        else:
            prefork.serve(lambda: self, host, port, workers=workers, **settings)


def as_http_error(error: Exception) -> HTTPError | None:
    """What the client may be told of an exception: None, if nothing."""
    if isinstance(error, NotFound):
        return HTTPError(404)
    if isinstance(error, MethodNotAllowed):
        return HTTPError(405, headers=[allow(error)])
    if isinstance(error, FormError):
        return HTTPError(error.status, error.reason)
    return error if isinstance(error, HTTPError) else None


def allow(error: MethodNotAllowed) -> tuple[str, str]:
    """The header with the methods that a path has, and OPTIONS (RFC 9110, 10.2.1)."""
    return "Allow", ", ".join(sorted({*error.allowed, "OPTIONS"}))


def plain_page(request: Request, error: HTTPError) -> Response:
    """A short page that says what the status means, for a browser or for others."""
    try:
        status = HTTPStatus(error.status)
        title, meaning = f"{status.value} {status.phrase}", status.description
    except ValueError:
        title, meaning = str(error.status), ""
    detail = error.detail or meaning
    if not request.accepts_html():
        return Response(f"{title}\n{detail}".rstrip() + "\n", error.status)
    text = PAGE.format(title=escaping.escape(title), detail=escaping.escape(detail))
    return html(text, error.status)
