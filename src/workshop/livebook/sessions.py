"""Sessions: which page has which kernel.

A page that is loaded again asks for the session of its path and so finds the kernel
with its variables. A session whose kernel is gone is gone, too.
"""

from typing import Any
from uuid import uuid4

from workshop.livebook.kernel import Kernel
from workshop.livebook.kernels import Kernels


class Session:
    """A page, by its path, and its kernel."""

    def __init__(self, path: str, kernel: Kernel) -> None:
        self.id = str(uuid4())
        self.path = path
        self.name = path
        self.kind = "notebook"
        self.kernel = kernel

    def model(self) -> dict[str, Any]:
        """What the REST interface says of it."""
        model = {
            "id": self.id,
            "path": self.path,
            "name": self.name,
            "type": self.kind,
            "kernel": self.kernel.model(),
        }
        if self.kind == "notebook":
            model["notebook"] = {"path": self.path, "name": self.name}
        return model


class Sessions:
    """All sessions whose kernels are there."""

    def __init__(self, kernels: Kernels) -> None:
        self.kernels = kernels
        self._sessions: dict[str, Session] = {}

    def all(self) -> list[Session]:
        """Every session, the oldest first."""
        alive = set(self.kernels)
        for session in list(self._sessions.values()):
            if session.kernel not in alive:
                del self._sessions[session.id]
        return list(self._sessions.values())

    def get(self, id: str) -> Session:
        """The session of that id; KeyError if there is none."""
        return {session.id: session for session in self.all()}[id]

    def find(self, path: str) -> Session | None:
        """The session of that path, if there is one."""
        return next((one for one in self.all() if one.path == path), None)

    def add(self, path: str, kernel: Kernel) -> Session:
        """A new session."""
        session = Session(path, kernel)
        self._sessions[session.id] = session
        return session
