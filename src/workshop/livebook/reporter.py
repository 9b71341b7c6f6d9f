"""What pages of this book are told about runs: from a kernel's messages to theirs.

Two messages of our own go to them, on `iopub`: `dustdevil_greeting` when a page
connects, which names the runs there are, and `dustdevil_run` about each change of one.
Outputs go to them as the kernel publishes them.
"""

import json
import time
from collections.abc import Callable, Iterator
from typing import Any

from dustdevil.loop import Loop
from workshop.livebook.client import Client, PageClient
from workshop.livebook.runs import OUTPUTS, Run, Runs
from workshop.livebook.wire import Parts, read_object

CELL_NAME, CODE = 200, 100_000  # characters kept of what a page says of a cell
# The reply comes with the idle state, on another socket. After so many seconds without
# it, it does not come: ipykernel sends none when an interrupt hits its own code.
REPLY = 2.0


class Reporter:
    """Keeps the runs of one kernel, and tells its pages.

    `message(kind, content, parent)` makes a message as if the kernel had published it.
    """

    def __init__(
        self, loop: Loop, clients: dict[str, Client], message: Callable[..., Parts]
    ) -> None:
        self.loop = loop
        self.clients = clients
        self.message = message
        self.runs = Runs()

    def greet(self, page: PageClient, **facts: Any) -> None:
        """Tell a page that connects all there is to know; `facts` are the kernel's."""
        content = {**facts, "runs": [run.id for run in self.runs]}
        page.greet(self.message("dustdevil_greeting", content), self.runs)

    def whole(self, id: str) -> Parts | None:
        """The message that says all about a run; None if it has been forgotten."""
        run = self.runs.get(id)
        return run and self.message("dustdevil_run", run.whole())

    def end_all(self, status: str) -> None:
        """Nothing runs any more."""
        for run in self.runs.end_all(status):
            self._tell(run)

    # What is asked of the kernel, and what it says

    def note_request(
        self, id: str, parts: Parts, python: int, refused: str = ""
    ) -> None:
        """A cell is to be run; or it is not, and `refused` says with which status."""
        content, metadata = read_object(parts[3]), read_object(parts[2])
        if content.get("silent"):
            return
        cell, code = metadata.get("cellId", ""), content.get("code", "")
        run = self.runs.ask(id, str(cell)[:CELL_NAME], str(code)[:CODE], python)
        if refused:
            run.end(refused)
        self._tell(run)

    def note_published(self, kind: str, parts: Parts, parent: str) -> None:
        """Something that the kernel has published, which may be about a run."""
        run = self.runs.get(parent)
        if run is None:
            return
        if kind in OUTPUTS:
            self.runs.add(run, kind, json.loads(parts[3]), len(parts[3]))
        if kind != "status":
            self._pass_on(run, parts)
        if kind in ("status", "execute_input"):
            self._note_progress(run, kind, json.loads(parts[3]))

    def note_reply(self, parts: Parts, parent: str) -> None:
        """The kernel has answered a request."""
        run = self.runs.get(parent)
        if run is not None and run.state != "done":
            run.reply = json.loads(parts[3])
            if run.settle():
                self._tell(run)

    def _note_progress(self, run: Run, kind: str, content: dict[str, Any]) -> None:
        if kind == "execute_input":
            run.count = content.get("execution_count")
        elif content.get("execution_state") == "busy":
            run.began = time.time()
        elif content.get("execution_state") == "idle":
            run.idle = True
            if not run.settle():
                self.loop.call_later(REPLY, self._end_without_reply, run)
        self._tell(run)

    def _end_without_reply(self, run: Run) -> None:
        if run.state != "done":
            run.end("error", "KeyboardInterrupt" if run.stopped else "")
            self._tell(run)

    # Questions: what input() asks for

    def note_question(self, parts: Parts, parent: str) -> None:
        """The kernel asks for a line."""
        run = self.runs.get(parent)
        if run is not None:
            content = json.loads(parts[3])
            run.question = {
                "id": json.loads(parts[0])["msg_id"],
                "prompt": str(content.get("prompt", "")),
                "password": bool(content.get("password")),
            }
            self._tell(run)

    def note_answer(self, value: str, question: str | None = None) -> bool:
        """A question is answered: that one, or the one there is.

        Returns False if it is not open. It is shown as a terminal shows it: prompt and
        answer, and of a password nothing.
        """
        run = next((run for run in self.runs if _asks(run, question)), None)
        if run is None or run.question is None:
            return False
        shown = "" if run.question["password"] else value
        text = f"{run.question['prompt']}{shown}\n"
        run.question = None
        content = {"name": "stdout", "text": text}
        self.runs.add(run, "stream", content, len(text))
        self._pass_on(run, self.message("stream", content, run.id))
        self._tell(run)
        return True

    # Pages

    def _tell(self, run: Run) -> None:
        """Tell the pages what has changed about a run."""
        self._pass_on(run, self.message("dustdevil_run", run.model()))

    def _pass_on(self, run: Run, parts: Parts) -> None:
        for page in self._pages():
            page.deliver("iopub", parts, run.id)

    def _pages(self) -> Iterator[Client]:
        return (client for client in self.clients.values() if client.wants_runs)


def _asks(run: Run, question: str | None) -> bool:
    return run.question is not None and question in (None, run.question["id"])
