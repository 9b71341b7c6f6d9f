"""The other side of a WebSocket, moved by hand."""

from dustdevil.stream import Stream
from dustdevil.websocket import WebSocketProtocol, WebSocketSettings, frame

MASK = b"abcd"


class Peer:
    """The other side by hand: sends any bytes, and reads what comes as events."""

    def __init__(self, sock):
        self.sock = sock
        self.stream = Stream(sock)
        self.protocol = WebSocketProtocol(1 << 24, 1 << 24, client=True)
        self.events = []

    def send(self, *frames):
        self.stream.write(b"".join(frames))

    async def event(self):
        """The next event; None at the end of the stream."""
        while not self.events:
            data = await self.stream.read()
            if not data:
                return None
            self.events += self.protocol.feed(data)
        return self.events.pop(0)


def masked(opcode, payload=b"", final=True):
    return frame(opcode, payload, final=final, mask=MASK)


# Settings that no test has to wait for
PATIENT = WebSocketSettings(ping_interval=None, close_timeout=60)
