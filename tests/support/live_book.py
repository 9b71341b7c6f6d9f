"""The live book as its clients see it: its command, a page and its WebSocket."""

import json
from itertools import pairwise
from typing import NamedTuple

import pytest
import websockets.exceptions
from websockets.sync.client import connect

from workshop.livebook import wire

TOKEN = "the-token"
PAGE = "<!DOCTYPE html><title>A page</title><p>" + "text " * 1000

COMMAND = """
import sys
from pathlib import Path
from workshop import book, cli

pages = Path(sys.argv[1])
book.html_folder = lambda root=None: pages
sys.exit(cli.main(["serve", "--no-build", *sys.argv[2:]]))
"""


def open_socket(url, protocol=None, token=TOKEN, **options):
    headers = {"Authorization": f"token {token}"} if token else {}
    return connect(
        url.replace("http", "ws", 1),
        subprotocols=[protocol] if protocol else None,
        additional_headers=headers | options.pop("headers", {}),
        max_size=None,
        compression=None,
        proxy=None,
        **options,
    )


class CloseFrame(NamedTuple):
    code: int
    reason: str


class Page:
    """What a page does over its WebSocket."""

    def __init__(self, socket):
        self.socket = socket
        self.got = []
        self.asked = 0

    def ask(self, kind, content, channel="shell"):
        self.asked += 1
        id = f"{id_of(self)}-{self.asked}"
        header = {"msg_id": id, "msg_type": kind, "session": "s", "version": "5.3"}
        parts = [wire.pack(part) for part in (header, {}, {}, content)]
        self.socket.send(wire.encode(channel, parts, self.socket.subprotocol))
        return id

    def run(self, code):
        return self.ask("execute_request", {"code": code, "allow_stdin": True})

    def receive(self, seconds=30):
        message = self.socket.recv(seconds)
        if self.socket.subprotocol == wire.V1:
            # Read as the protocol's description says, not with our own reader.
            count = int.from_bytes(message[:8], "little")
            table = [
                int.from_bytes(message[8 * i : 8 * i + 8], "little")
                for i in range(1, count + 1)
            ]
            channel, *parts = [message[a:b] for a, b in pairwise(table)]
            names = ("header", "parent_header", "metadata", "content")
            fields = dict(zip(names, map(json.loads, parts), strict=False))
            fields["channel"] = channel.decode()
        else:
            fields = json.loads(message)
        fields["msg_type"] = fields["header"]["msg_type"]
        self.got.append(fields)
        return fields

    def until(self, kind, parent=None, **content):
        """Receive until there is a message like this; return it."""
        while True:
            message = self.receive()
            if (
                message["msg_type"] == kind
                and parent in (None, message["parent_header"].get("msg_id"))
                and content.items() <= message["content"].items()
            ):
                return message

    def state(self, state):
        return self.until("status", execution_state=state)

    def closing(self):
        """Receive until the server ends the connection: its close code and reason."""
        with pytest.raises(websockets.exceptions.ConnectionClosed) as closed:
            list(iter(self.receive, None))
        frame = closed.value.rcvd
        return CloseFrame(frame.code, frame.reason)

    def execute(self, code):
        """Run code to its end: the reply, and what was printed."""
        request = self.run(code)
        return self.end_of(request)

    def end_of(self, request):
        """Receive until the request is answered, and the kernel idle with it."""
        while not (self.reply(request) and self.is_idle(request)):
            self.receive()
        printed = [
            message["content"]["text"]
            for message in self.about(request)
            if message["msg_type"] == "stream"
        ]
        return self.reply(request), "".join(printed)

    def about(self, request):
        return [m for m in self.got if m["parent_header"].get("msg_id") == request]

    def reply(self, request):
        for message in self.about(request):
            if message["msg_type"] == "execute_reply":
                return message["content"]
        return None

    def is_idle(self, request):
        states = [m["content"].get("execution_state") for m in self.about(request)]
        return "idle" in states


def id_of(page):
    return f"{id(page):x}"
