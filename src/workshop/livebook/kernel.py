"""A kernel: a process, the link to it, the runs it was asked for, and its pages.

What the process publishes goes to every page. What it answers goes to the page that
asked: each answer names the request it belongs to, and we remember whose that was.
Pages of this book are told about *runs* instead (runs.py, reporter.py).

    starting ──▶ idle ◀──▶ busy          restarting ──▶ starting, with a new process
        └──────────┴─────────┴──▶ dead   (and from dead, restart is the way back)

Where only programs are connected, a process that dies is replaced at once, as they
expect it of a server of Jupyter.
"""

import json
import signal
from contextlib import ExitStack, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

import zmq
from jupyter_client.kernelspec import KernelSpec

from dustdevil.coroutine import Future, Task
from dustdevil.loop import Loop
from workshop.livebook.client import GRACE, Client, PageClient
from workshop.livebook.homes import Homes
from workshop.livebook.link import Link
from workshop.livebook.process import Process
from workshop.livebook.reporter import Reporter
from workshop.livebook.runs import OUTPUTS, Run
from workshop.livebook.wire import Parts, decode, pack, read_object

START = 60.0  # seconds a new process may take until it answers
LATE = 0.2  # seconds until a run that was stopped early is interrupted once more
STOP = 1.0  # seconds it has to end by itself before it is killed
# How often a process that dies is replaced without being asked.
REPLACED = 5
# Its last messages may still be on their way through ZeroMQ's thread when it is gone.
LAST_MESSAGES = 0.1


class Kernel:
    """One kernel under one id, from its start to its end, through all restarts."""

    def __init__(
        self,
        loop: Loop,
        context: zmq.Context,
        name: str,
        spec: KernelSpec,
        folder: Path,
        homes: Homes,
    ) -> None:
        """Start it. Raises OSError if its program can't be started."""
        self.loop = loop
        self.context = context
        self.id = str(uuid4())
        self.name = name
        self.spec = spec
        self.folder = folder
        self.homes = homes
        self.clients: dict[str, Client] = {}
        self.reporter = Reporter(self.loop, self.clients, self._message)
        self.runs = self.reporter.runs
        self._early: list[tuple[Client, str, dict, Parts]] = []
        # The name that the process gives itself in headers. To JupyterLab's client a
        # message under another name means that those before it no longer count.
        self._session = ""
        self.python = 0  # how many processes there have been
        self.reason = ""
        self.last_activity = datetime.now(UTC)
        self._replaced = 0  # how often it was, since a restart that was asked for
        self._restarting: Task | None = None
        self._stopping: Task | None = None
        self._begin()

    def model(self) -> dict[str, Any]:
        """What the REST interface says of it."""
        model = {
            "id": self.id,
            "name": self.name,
            "last_activity": f"{self.last_activity:%Y-%m-%dT%H:%M:%S.%fZ}",
            "execution_state": self.state,
            "connections": self.connections,
        }
        return model | ({"reason": self.reason} if self.reason else {})

    @property
    def connections(self) -> int:
        """How many pages are connected now."""
        return sum(client.socket is not None for client in self.clients.values())

    # Its life

    def _begin(self) -> None:
        self.state = "starting"
        self.reason = ""
        self._busy: set[str] = set()
        self._asked: dict[str, Client] = {}
        self._expected = False  # whether its end is our doing
        self.python += 1
        self._home = self.homes.make()
        with ExitStack() as undo:
            undo.callback(self.homes.remove, self._home)
            self.link = Link(
                self.loop, self.context, self._home, self._on_message, self._on_ready
            )
            undo.callback(self.link.close)
            self.process = Process(self.loop, self.spec, self.link.file, self.folder)
            undo.callback(self.process.kill)
            self.homes.note_group(self._home, self.process.pid)
            undo.pop_all()  # all went well
        self._patience = self.loop.call_later(START, self._give_up)
        self.process.ended.add_done_callback(self._on_end)

    def _on_ready(self) -> None:
        self._patience.cancel()
        self._set_state("busy" if self._busy else "idle")

    def _give_up(self) -> None:
        self.reason = f"The kernel did not answer within {START:.0f} seconds."
        self.process.kill()

    def _on_end(self, ended: Future) -> None:
        self._patience.cancel()
        if not self._expected:
            self.loop.call_later(LAST_MESSAGES, self._on_death, self.link)

    def _on_death(self, link: Link) -> None:
        """The process has ended, and nobody asked it to."""
        if link is self.link and not self._expected:
            self.reason = self.reason or describe_end(self.process, link.ready)
            self.reporter.end_all("dead")
            if link.ready and self._replaced < REPLACED and self._serves_programs():
                self._replaced += 1
                self._replace()
            else:
                self._sweep_up()
                self._set_state("dead")

    def _serves_programs(self) -> bool:
        """Whether programs are connected, and no page of the book.

        A page says why its kernel died, and the reader restarts it. JupyterLab has no
        way back from "dead": its servers replace a process that dies, and so do we.
        """
        clients = self.clients.values()
        return bool(clients) and not any(client.wants_runs for client in clients)

    async def _end(self) -> None:
        """End the process: ask it, and after a while do not ask."""
        self._expected = True
        if not self.process.ended.done():
            if self.state == "busy":
                self.process.signal(signal.SIGINT)
            self.link.request("control", "shutdown_request", {"restart": False})
            timer = self.loop.call_later(STOP, self.process.kill)
            await self.process.ended
            timer.cancel()
        self._sweep_up()

    def _sweep_up(self) -> None:
        self.link.close()
        self.homes.remove(self._home)

    async def restart(self) -> None:
        """A new process in place of the old one. Raises OSError."""
        self._replaced = 0
        await self._replace()

    def _replace(self) -> Task:
        # A task, so that it goes on when the page that asked goes away.
        if self._restarting is None:
            self._restarting = self.loop.spawn(self._restart())
        return self._restarting

    async def _restart(self) -> None:
        self.reporter.end_all("restarted")
        self._set_restarting()
        try:
            await self._end()
            self._begin()
        except OSError as error:
            self.reason = str(error)
            self._set_state("dead")
            raise
        finally:
            self._restarting = None
            self._take_early()

    async def stop(self, reason: str) -> None:
        """End it for good, and tell its pages why."""
        if self._stopping is None:
            self._stopping = self.loop.spawn(self._stop(reason))
        await self._stopping

    async def _stop(self, reason: str) -> None:
        if self._restarting is not None:
            with suppress(OSError):
                await self._restarting
        await self._end()
        self.reason = reason
        self.reporter.end_all("dead")
        self._set_state("dead")
        for client in self.clients.values():
            client.hang_up(reason)

    def interrupt(self) -> None:
        """Stop what it runs: KeyboardInterrupt, in Python."""
        if self.state == "dead":
            return
        if not self.link.ready:
            # A Python that is just starting would take a signal for its end. What
            # waits for it is taken back instead.
            self.link.forget_held()
            return self.reporter.end_all("aborted")
        for run in self.runs.active():
            run.stopped = True
        self._send_interrupt()

    def _send_interrupt(self) -> None:
        if self.spec.interrupt_mode == "message":
            self.link.request("control", "interrupt_request", {})
        else:
            self.process.signal(signal.SIGINT)

    def _stop_late(self, run: Run) -> None:
        """Interrupt a run that was stopped before the kernel had begun it."""
        if run.state == "running" and not run.idle:
            self._send_interrupt()

    def kill(self) -> None:
        """End it now, without the loop: for when the server itself ends."""
        self._expected = True
        self.process.reap()
        self._sweep_up()

    # Messages

    def receive(self, client: Client, message: str | bytes) -> None:
        """Take a message from a page.

        Raises WireError if it is none, and zmq.Again if far too many wait.
        """
        channel, header, parts = decode(message, client.protocol)
        if self.state == "restarting" and not client.wants_runs and channel != "stdin":
            # A program does not ask twice; the next process will answer.
            self._early.append((client, channel, header, parts))
        else:
            self._take(client, channel, header, parts)

    def _take(self, client: Client, channel: str, header: dict, parts: Parts) -> None:
        if channel == "iopub":
            return
        refused = {"dead": "dead", "restarting": "restarted"}.get(self.state, "")
        if header["msg_type"] == "execute_request":
            if self.runs.get(header["msg_id"]):
                return  # a page that lost its connection was not sure and sent it again
            self.reporter.note_request(header["msg_id"], parts, self.python, refused)
        if refused:
            return
        self.last_activity = datetime.now(UTC)
        if channel == "stdin":
            self.reporter.note_answer(str(read_object(parts[3]).get("value", "")))
        # Only requests are answered; a message about a widget, say, is not.
        elif header["msg_type"].endswith("_request"):
            self._asked[header["msg_id"]] = client
        self.link.send(channel, parts)

    def answer(self, question: str, value: str) -> bool:
        """Give the kernel a line; return whether that question was still open.

        The line goes to the kernel once, however often and from wherever it is sent.
        """
        if not self.reporter.note_answer(value, question):
            return False
        self.link.request("stdin", "input_reply", {"value": value, "status": "ok"})
        return True

    def _take_early(self) -> None:
        """Take what programs asked while there was no process."""
        early, self._early = self._early, []
        for message in early:
            self._take(*message)

    def _on_message(self, channel: str, parts: Parts) -> None:
        parent = json.loads(parts[1]).get("msg_id", "")
        if channel == "iopub":
            self._publish(parts, parent)
        elif channel == "stdin":
            self._answer(self._asked.get(parent), channel, parts)
            self.reporter.note_question(parts, parent)
        else:
            self._answer(self._asked.pop(parent, None), channel, parts)
            self.reporter.note_reply(parts, parent)

    def _publish(self, parts: Parts, parent: str) -> None:
        self.last_activity = datetime.now(UTC)
        header = json.loads(parts[0])
        kind, self._session = header["msg_type"], header.get("session", "")
        if kind == "status":
            self._note_state(parts, parent)
        for client in self.clients.values():
            if not client.wants_runs:
                client.deliver("iopub", parts, droppable=kind in OUTPUTS)
        self.reporter.note_published(kind, parts, parent)
        run = self.runs.get(parent)
        if kind == "execute_input" and run is not None and run.stopped:
            # An interrupt that comes before the code is lost. Or this message was on
            # its way when it came: then the run is over in a moment.
            self.loop.call_later(LATE, self._stop_late, run)

    def _answer(self, client: Client | None, channel: str, parts: Parts) -> None:
        if client is not None:
            client.deliver(channel, parts)

    def _note_state(self, parts: Parts, parent: str) -> None:
        # A kernel is busy with several requests when one came on the control channel
        # during another: idle with that one does not mean idle.
        state = json.loads(parts[3]).get("execution_state")
        if state == "busy":
            self._busy.add(parent)
        elif state == "idle":
            self._busy.discard(parent)
        # What a process says that is about to end must not look like the next one's.
        if self.link.ready and not self._expected:
            self._change_state("busy" if self._busy else "idle")

    def _change_state(self, state: str) -> None:
        """Note what the kernel has told programs itself, and tell the pages."""
        if state != self.state:
            self.state = state
            for client in self.clients.values():
                if client.wants_runs:
                    self._tell_state(client, state)

    def _set_state(self, state: str) -> None:
        """Change the state and say so to all, as the kernel would."""
        self.state = state
        for client in self.clients.values():
            self._tell_state(client, state)

    def _set_restarting(self) -> None:
        # "restarting" tells programs that the kernel has died and the server replaces
        # it. JupyterLab says so in a dialog, and connects anew each time it hears it.
        died = self.process.ended.done()
        self.state = "restarting"
        for client in self.clients.values():
            told = "restarting" if died or client.wants_runs else "starting"
            self._tell_state(client, told)

    def _tell_state(self, client: Client, state: str) -> None:
        facts = {"python": self.python, "reason": self.reason}
        parts = self._message("status", {"execution_state": state, **facts})
        client.deliver("iopub", parts, droppable=client.wants_runs)

    def _message(self, kind: str, content: dict, parent: str = "") -> Parts:
        """A message of our own, as if the kernel had published it."""
        header = self.link.session.msg_header(kind)
        if self._session:
            header["session"] = self._session
        parents = {"msg_id": parent, "msg_type": "execute_request"} if parent else {}
        return [self.link.session.pack(header), pack(parents), b"{}", pack(content)]

    # Pages

    async def serve(self, socket: Any, session: str, wants_runs: bool = False) -> None:
        """Connect a page, named by its session id, until its WebSocket ends.

        With `wants_runs` it is greeted with all that is known (see client.py).
        """
        client = self._connect(session, wants_runs)
        try:
            await client.serve(socket, lambda message: self.receive(client, message))
        finally:
            self.last_activity = datetime.now(UTC)
            # A page of ours is told all there is when it comes back.
            grace = 0 if wants_runs else GRACE
            self.loop.call_later(grace, self._forget, session, client.visits)

    def _connect(self, session: str, wants_runs: bool) -> Client:
        client = self.clients.get(session)
        if client is None or client.wants_runs != wants_runs:
            whole = self.reporter.whole
            client = PageClient(self.loop, whole) if wants_runs else Client(self.loop)
            self.clients[session] = client
        if isinstance(client, PageClient):
            state, reason = self.state, self.reason
            self.reporter.greet(
                client, execution_state=state, reason=reason, python=self.python
            )
        else:
            restarts = self.state == "restarting"  # see _set_restarting
            self._tell_state(client, "starting" if restarts else self.state)
        return client

    def _forget(self, session: str, visits: int) -> None:
        """Forget a page that has not been back since that visit."""
        client = self.clients.get(session)
        if client and client.socket is None and client.visits == visits:
            del self.clients[session]


def describe_end(process: Process, was_ready: bool) -> str:
    """One sentence about how the process ended."""
    code = process.ended.result()
    if code < 0:
        how = f"The kernel was ended by the signal {signal.Signals(-code).name}."
    else:
        how = f"The kernel ended by itself, with exit code {code}."
    words = process.last_words()
    if words and not was_ready:
        how += f" The last it wrote: {words.splitlines()[-1]}"
    return how
