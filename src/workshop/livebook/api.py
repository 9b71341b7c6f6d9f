"""Jupyter's REST interface to kernels and sessions, and the WebSocket beside it.

The addresses and the JSON are those of Jupyter Server's API, as far as running code
needs it, so that JupyterLab's client, Thebe and our own pages can all use them. An
error is an object with a `message`, a sentence for people.
"""

import json
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Any
from uuid import uuid4

from jupyter_client.kernelspec import NoSuchKernel

from dustdevil import __version__
from dustdevil.web import Application, HTTPError, Request, Response, plain_page
from dustdevil.websocket import WebSocket, websocket
from workshop.livebook.kernel import Kernel
from workshop.livebook.kernels import DEFAULT, Kernels, TooManyKernels
from workshop.livebook.sessions import Session, Sessions
from workshop.livebook.wire import V1

# A cell's output with a large picture in it, or a widget's data, is one message.
LARGEST = "64 MiB"
# What can go wrong with a request, here or in the layers below.
ERRORS = (400, 403, 404, 405, 409, 413, 415, 426, 500, 501, 503)


class Api:
    """The handlers, over the kernels and sessions of one server."""

    def __init__(self, kernels: Kernels) -> None:
        self.kernels = kernels
        self.sessions = Sessions(kernels)
        self.started = datetime.now(UTC)

    def mount(self, app: Application) -> None:
        """Add the routes to an application."""
        socket = websocket(
            protocols=(V1,),
            origins="*",  # security.py has looked at it before
            max_frame=LARGEST,
            max_message=LARGEST,
        )
        for status in ERRORS:
            app.error(status)(error_response)
        kernel, session = "/api/kernels/{id}", "/api/sessions/{id}"
        app.get("/api")(self.version)
        app.get("/api/status")(self.status)
        app.get("/api/kernelspecs")(self.list_specs)
        app.get("/api/kernelspecs/{name}")(self.show_spec)
        app.get("/api/kernels")(self.list_kernels)
        app.post("/api/kernels")(self.start_kernel)
        app.get(kernel)(self.show_kernel)
        app.delete(kernel)(self.end_kernel)
        app.post(kernel + "/interrupt")(self.interrupt_kernel)
        app.post(kernel + "/restart")(self.restart_kernel)
        app.post(kernel + "/answer")(self.answer_question)
        app.get(kernel + "/runs")(self.list_runs)
        app.get(kernel + "/runs/{run}")(self.show_run)
        app.get(kernel + "/channels")(self.check_kernel(socket(self.channels)))
        app.get("/api/sessions")(self.list_sessions)
        app.post("/api/sessions")(self.open_session)
        app.get(session)(self.show_session)
        app.patch(session)(self.change_session)
        app.delete(session)(self.end_session)

    # The server

    def version(self, request: Request) -> dict:
        return {"version": __version__}

    def status(self, request: Request) -> dict:
        kernels = list(self.kernels)
        active = max((k.last_activity for k in kernels), default=self.started)
        return {
            "started": self.started.isoformat(),
            "last_activity": active.isoformat(),
            "connections": sum(kernel.connections for kernel in kernels),
            "kernels": len(kernels),
        }

    def list_specs(self, request: Request) -> dict:
        names = self.kernels.specs.find_kernel_specs()
        return {"default": DEFAULT, "kernelspecs": {n: self.spec(n) for n in names}}

    def show_spec(self, request: Request, name: str) -> dict:
        return self.spec(name)

    def spec(self, name: str) -> dict:
        try:
            spec = self.kernels.spec(name).to_dict()
        except NoSuchKernel:
            raise HTTPError(404, f"There is no kernel named {name!r}.") from None
        return {"name": name, "spec": spec, "resources": {}}

    # Kernels

    def list_kernels(self, request: Request) -> list:
        return [kernel.model() for kernel in self.kernels]

    async def start_kernel(self, request: Request) -> Response:
        wanted = await read_object(request)
        kernel = self.start(text(wanted, "name"), text(wanted, "path"))
        return created(kernel.model(), f"/api/kernels/{kernel.id}")

    def start(self, name: str, path: str) -> Kernel:
        try:
            return self.kernels.start(name, path)
        except TooManyKernels as error:
            raise HTTPError(503, str(error)) from None
        except NoSuchKernel:
            raise HTTPError(501, f"There is no kernel named {name!r}.") from None
        except OSError as error:
            raise HTTPError(500, f"The kernel could not be started: {error}") from error

    def find_kernel(self, id: str) -> Kernel:
        try:
            return self.kernels.get(id)
        except KeyError:
            raise HTTPError(
                404, f"There is no kernel {id}; it may have ended."
            ) from None

    def show_kernel(self, request: Request, id: str) -> dict:
        return self.find_kernel(id).model()

    async def end_kernel(self, request: Request, id: str) -> Response:
        self.find_kernel(id)
        await self.kernels.remove(id)
        return Response(status=204)

    def interrupt_kernel(self, request: Request, id: str) -> Response:
        self.find_kernel(id).interrupt()
        return Response(status=204)

    async def restart_kernel(self, request: Request, id: str) -> dict:
        kernel = self.find_kernel(id)
        try:
            await kernel.restart()
        except OSError as error:
            raise HTTPError(500, f"The kernel could not be started: {error}") from error
        return kernel.model()

    async def answer_question(self, request: Request, id: str) -> Response:
        """Answer what input() asks. 409 if another page, or an earlier try, did."""
        kernel = self.find_kernel(id)
        given = await read_object(request)
        if not kernel.answer(text(given, "question"), text(given, "value")):
            raise HTTPError(409, "This question is not open any more.")
        return Response(status=204)

    def list_runs(self, request: Request, id: str) -> list:
        """What is known about each cell that was run, with its output."""
        return [run.whole() for run in self.find_kernel(id).runs]

    def show_run(self, request: Request, id: str, run: str) -> dict:
        """How far a run is, without its output."""
        found = self.find_kernel(id).runs.get(run)
        if found is None:
            raise HTTPError(404, "This run is not known any more.")
        return found.model()

    def check_kernel(self, handler: Any) -> Any:
        """Say 404 to a WebSocket's opening handshake, not after it."""

        def checked(request: Request, id: str) -> Response:
            self.find_kernel(id)
            return handler(request, id=id)

        return checked

    async def channels(self, request: Request, ws: WebSocket, id: str) -> None:
        session = request.query.get("session_id") or str(uuid4())
        wants_runs = request.query.get("runs") == "1"
        await self.find_kernel(id).serve(ws, session, wants_runs)

    # Sessions

    def list_sessions(self, request: Request) -> list:
        return [session.model() for session in self.sessions.all()]

    def find_session(self, id: str) -> Session:
        try:
            return self.sessions.get(id)
        except KeyError:
            raise HTTPError(
                404, f"There is no session {id}; it may have ended."
            ) from None

    def show_session(self, request: Request, id: str) -> dict:
        return self.find_session(id).model()

    async def open_session(self, request: Request) -> Response:
        wanted = await read_object(request)
        path = text(wanted, "path")
        if not path:
            raise HTTPError(400, "A session needs a path.")
        session = self.sessions.find(path)
        if session is None:
            kernel = self.wanted_kernel(wanted, path) or self.start("", path)
            session = self.sessions.add(path, kernel)
            self.rename(session, wanted)
        return created(session.model(), f"/api/sessions/{session.id}")

    async def change_session(self, request: Request, id: str) -> dict:
        wanted = await read_object(request)
        session = self.find_session(id)
        kernel = self.wanted_kernel(wanted, session.path)
        if kernel is not None and kernel is not session.kernel:
            session.kernel, former = kernel, session.kernel
            await self.kernels.remove(former.id)
        self.rename(session, wanted)
        return session.model()

    def wanted_kernel(self, wanted: dict, path: str) -> Kernel | None:
        """The kernel that a request for a session names, by its id or its kind."""
        kernel = wanted.get("kernel") or {}
        if not isinstance(kernel, dict):
            raise HTTPError(400, "kernel has to be an object.")
        if kernel.get("id"):
            return self.find_kernel(text(kernel, "id"))
        return self.start(text(kernel, "name"), path) if kernel.get("name") else None

    def rename(self, session: Session, wanted: dict) -> None:
        session.path = text(wanted, "path") or session.path
        session.name = text(wanted, "name") or session.name
        session.kind = text(wanted, "type") or session.kind

    async def end_session(self, request: Request, id: str) -> Response:
        await self.kernels.remove(self.find_session(id).kernel.id)
        return Response(status=204)


async def read_object(request: Request) -> dict:
    """The JSON object in the body; {} for an empty body. HTTPError 400 for others."""
    body = await request.json() if await request.body() else {}
    if not isinstance(body, dict):
        raise HTTPError(400, "The body has to be a JSON object.")
    return body


def text(values: dict, name: str) -> str:
    """A member that is a string, or missing; HTTPError 400 for others."""
    value = values.get(name) or ""
    if not isinstance(value, str):
        raise HTTPError(400, f"{name} has to be a string.")
    return value


def created(model: dict, location: str) -> Response:
    """201, what was made, and where it can be found."""
    return Response(
        json.dumps(model).encode(),
        201,
        headers=[("Location", location)],
        content_type="application/json",
    )


def is_api(request: Request) -> bool:
    """Whether a program asks, and expects JSON, rather than a person."""
    return request.path == "/api" or request.path.startswith("/api/")


def error_response(request: Request, error: HTTPError) -> Response:
    """An error as Jupyter's clients expect it, or as a page for a person."""
    if not is_api(request):
        return plain_page(request, error)
    reason = HTTPStatus(error.status).phrase
    body = json.dumps({"message": error.detail or reason, "reason": reason}).encode()
    return Response(body, error.status, content_type="application/json")
