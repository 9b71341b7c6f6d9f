"""A server in a thread of its own, and a client that sends any bytes."""

import socket
import struct
import threading

from dustdevil.http import Headers, Server, ServerSettings
from dustdevil.loop import Loop

PATIENCE = 10  # seconds until a test gives up on something that must come


class Answer:
    """A response, as the server's contract has it."""

    reason: str | None = None

    def __init__(self, body=b"", status=200, headers=(), length=None, upgrade=None):
        self.body = body
        self.status = status
        self.headers = Headers(headers)
        self.length = length
        self.upgrade = upgrade


class Running:
    """A server on a loop in a thread of its own."""

    def __init__(self, application, tls=None, **settings):
        self.loop = Loop()
        self.server = Server(application, ServerSettings(**settings), self.loop, tls)
        self.port = self.server.listen("127.0.0.1", 0)
        self.server.start()
        self.thread = threading.Thread(target=self.loop.run_forever)
        self.thread.start()

    @property
    def url(self):
        return f"http://127.0.0.1:{self.port}"

    def stop(self, grace=0.0):
        """Stop, from another thread; wait until the loop has ended."""
        self.loop.call_from_thread(self._stop, grace)
        self.thread.join(PATIENCE)
        assert not self.thread.is_alive()

    def _stop(self, grace):
        task = self.loop.spawn(self.server.stop(grace))
        task.add_done_callback(lambda _: self.loop.stop())

    def soon(self, callback, *args):
        """Have something called in the loop's thread."""
        self.loop.call_from_thread(callback, *args)

    def connect(self, **options):
        return Client(self.port, **options)


class Client:
    """A client that sends any bytes, and reads the responses one by one."""

    def __init__(self, port, receive_buffer=None):
        self.sock = socket.socket()
        if receive_buffer:
            self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        self.sock.settimeout(PATIENCE)
        self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, True)
        try:
            self.sock.connect(("127.0.0.1", port))
        except OSError:
            self.sock.close()
            raise
        self.file = self.sock.makefile("rb")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.file.close()
        self.sock.close()

    def send(self, data):
        self.sock.sendall(data)

    def reset(self):
        """Close with a reset instead of an end of file, socket(7), SO_LINGER."""
        self.sock.setsockopt(
            socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0)
        )
        self.__exit__()

    def response(self, method="GET"):
        """Read one response: its status, headers, and body."""
        line = self.file.readline()
        assert line.startswith(b"HTTP/1.1 "), line
        headers = {}
        while (field := self.file.readline()) != b"\r\n":
            name, value = field.decode().split(": ", 1)
            known = headers.get(name.lower())
            headers[name.lower()] = (f"{known}, " if known else "") + value.strip()
        status = int(line.split()[1])
        if method == "HEAD" or status in (100, 101, 204, 304):
            return status, headers, b""
        if headers.get("transfer-encoding") == "chunked":
            return status, headers, b"".join(self.chunks())
        if "content-length" in headers:
            return status, headers, self.file.read(int(headers["content-length"]))
        return status, headers, self.file.read()

    def chunks(self):
        while size := int(self.file.readline(), 16):
            yield self.file.read(size)
            assert self.file.readline() == b"\r\n"
        assert self.file.readline() == b"\r\n"

    def at_end(self):
        """Whether the server closed, in order, and sent nothing else before."""
        return self.file.read() == b""


class Latch:
    """Something that happens in the loop's thread, and a test waits for."""

    def __init__(self):
        self._event = threading.Event()
        self.value = None

    def set(self, value=None):
        self.value = value
        self._event.set()

    def wait(self):
        assert self._event.wait(PATIENCE), "it never happened"
        return self.value


def request(target="/", *lines, method="GET", version="1.1", body=b""):
    lines = (f"{method} {target} HTTP/{version}", "Host: a", *lines, "", "")
    return "\r\n".join(lines).encode() + body


def post(body, *lines, target="/"):
    length = f"Content-Length: {len(body)}"
    return request(target, length, *lines, method="POST", body=body)
