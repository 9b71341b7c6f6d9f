"""Pages of the live book that a test plays, without a web server; ends of processes."""

import json
import os
from itertools import count
from pathlib import Path

from jupyter_server.services.kernels.connection import base as reference

from dustdevil.sync import Queue, sleep, timeout
from workshop.livebook import wire

numbers = count(1)


class Page:
    """The WebSocket of a page: what was sent to it, by message type."""

    def __init__(self, protocol=None):
        self.subprotocol = protocol
        self.got = []
        self.outbox = Queue()
        self.reads = True
        self.says_goodbye = True
        self.left = None

    # What the gateway uses of a WebSocket

    async def send(self, message):
        while not self.reads:
            await sleep(0.005)
        self.got.append(read_message(message, self.subprotocol))

    def leave(self, code, reason):
        self.left = code, reason
        if self.says_goodbye:
            self.disconnect()

    async def close(self, code, reason):
        self.leave(code, reason)

    def __aiter__(self):
        return self

    async def __anext__(self):
        message = await self.outbox.get()
        if message is None:
            raise StopAsyncIteration
        return message

    # What a test does as the page

    def ask(self, kind, content, channel="shell", id=None, cell="a"):
        id = id or f"{id_of(self)}-{next(numbers)}"
        header = {"msg_id": id, "msg_type": kind, "session": "s", "version": "5.3"}
        parts = [wire.pack(part) for part in (header, {}, {"cellId": cell}, content)]
        self.outbox.put_now(wire.encode(channel, parts, self.subprotocol))
        return id

    def run(self, code, cell="a", id=None, **more):
        content = {"code": code, "allow_stdin": True, **more}
        return self.ask("execute_request", content, cell=cell, id=id)

    def disconnect(self):
        self.outbox.put_now(None)

    def find(self, kind, parent=None):
        return [
            message
            for message in self.got
            if message["msg_type"] == kind
            and parent in (None, message["parent_header"].get("msg_id"))
        ]

    def text(self, parent=None):
        return "".join(m["content"]["text"] for m in self.find("stream", parent))

    def states(self):
        return [m["content"]["execution_state"] for m in self.find("status")]

    async def until(self, condition, seconds=30):
        async with timeout(seconds):
            while not condition():
                await sleep(0.005)

    def runs(self, id):
        """What was said of a run, in order."""
        said = [message["content"] for message in self.find("dustdevil_run")]
        return [content for content in said if content["id"] == id]

    async def greeted(self):
        await self.until(lambda: self.find("dustdevil_greeting"))
        return [message["content"] for message in self.find("dustdevil_greeting")]

    async def told(self, id, state="done"):
        """What the page is told when a run has come so far."""
        await self.until(lambda: any(run["state"] == state for run in self.runs(id)))
        return next(run for run in self.runs(id) if run["state"] == state)

    async def answer(self, parent, kind="execute_reply"):
        """Wait for the reply to a request and for the kernel's return to idle."""

        def is_over():
            idle = [
                message
                for message in self.find("status", parent)
                if message["content"]["execution_state"] == "idle"
            ]
            return idle and self.find(kind, parent)

        await self.until(is_over)
        return self.find(kind, parent)[0]["content"]


def id_of(page):
    return f"{id(page):x}"


def read_message(message, protocol):
    if protocol == wire.V1:
        name, parts = reference.deserialize_msg_from_ws_v1(message)
        fields = dict(zip(wire.NAMES, map(json.loads, parts), strict=False))
        fields["buffers"] = parts[4:]
        return fields | {"channel": name, "msg_type": fields["header"]["msg_type"]}
    if isinstance(message, bytes):
        return reference.deserialize_binary_message(message)
    return json.loads(message)


def has_ended(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    # It may be a zombie until its new parent collects it.
    return "\nState:\tZ" in Path(f"/proc/{pid}/status").read_text()


class Counting(Page):
    """A page that keeps the newest messages only."""

    bytes = 0

    async def send(self, message):
        self.bytes += len(message)
        await super().send(message)
        del self.got[:-100]
