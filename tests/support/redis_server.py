"""A Redis of the tests' own."""

import socket
import subprocess
from contextlib import closing

from support.serving import PATIENCE


class RedisServer:
    """Debian's redis-server, at a port of its own, keeping nothing on the disk."""

    def __init__(self, folder):
        self.folder = folder
        with closing(socket.socket()) as sock:
            sock.bind(("127.0.0.1", 0))
            self.port = sock.getsockname()[1]
        self.start()

    def start(self):
        self.process = subprocess.Popen(
            ["redis-server", "--port", str(self.port), "--bind", "127.0.0.1",
             "--save", "", "--dir", str(self.folder)],
            stdout=subprocess.PIPE,
        )  # fmt: skip
        for line in self.process.stdout:
            if b"Ready to accept connections" in line:
                return
        raise AssertionError("redis-server does not start")

    def stop(self):
        self.process.terminate()
        self.process.wait(PATIENCE)
        self.process.stdout.close()
