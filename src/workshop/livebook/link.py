"""The connection to one kernel process: its four channels, and the signature.

A kernel signs what it says, and takes no message that is not signed, with a key that
it reads from its *connection file* (HMAC-SHA256; "Messaging in Jupyter", "The wire
protocol"). The same file names the addresses. Ours are Unix sockets in a folder that
no other user can enter: no port is taken, and none can be taken from under us.

A subscription takes effect when the kernel has read it, and what the kernel says
earlier is not heard. So nothing is sent for others before two things have arrived: an
answer on shell, and anything on iopub. We ask once. ZeroMQ keeps the question until
there is a kernel to read it, and ipykernel greets each subscription ("iopub_welcome",
JEP 65). Other kernels send no greeting, and publish only when they have work to do.
Also a connection can break while a question is on it. So we ask again, but less and
less often: a kernel that takes half a minute to start finds a handful of questions.
"""

import hmac
import logging
from collections.abc import Callable
from pathlib import Path

import zmq
from jupyter_client.connect import write_connection_file
from jupyter_client.session import DELIM, Session, new_id_bytes

from dustdevil.loop import Loop
from workshop.livebook.channel import Channel
from workshop.livebook.wire import NAMES, Parts

log = logging.getLogger("workshop.livebook")

KINDS = {
    "shell": zmq.DEALER,
    "control": zmq.DEALER,
    "stdin": zmq.DEALER,
    "iopub": zmq.SUB,
}
ASK_AGAIN = 1.0  # seconds until we ask once more; then twice as long, and so on
FRAMES = len(NAMES)


class Link:
    """Channels to one kernel process. `on_message(channel, parts)` gets what it says.

    `on_ready()` is called once, when the kernel answers and we hear what it publishes.
    """

    def __init__(
        self,
        loop: Loop,
        context: zmq.Context,
        home: Path,
        on_message: Callable[[str, Parts], None],
        on_ready: Callable[[], None],
    ) -> None:
        self.loop = loop
        self.on_message = on_message
        self.on_ready = on_ready
        self.ready = False
        self.file = home / "kernel.json"
        key = new_id_bytes()
        _, info = write_connection_file(
            str(self.file), ip=str(home / "zmq"), transport="ipc", key=key
        )
        self.session = Session(key=key)
        self._channels: dict[str, Channel] = {}
        self._held: list[tuple[str, Parts]] = []
        self._heard: set[str] = set()
        try:
            for name in KINDS:
                self._channels[name] = self._connect(context, name, info)
        except zmq.ZMQError as error:
            self.close()
            raise OSError(error.errno, error.strerror) from error
        loop.call_soon(self._ask, ASK_AGAIN)

    def _connect(self, context: zmq.Context, name: str, info: dict) -> Channel:
        return Channel(
            self.loop,
            context,
            KINDS[name],
            f"ipc://{info['ip']}-{info[name + '_port']}",
            # Who asked on shell is asked back on stdin: one name for both.
            self.session.bsession,
            lambda frames: self._receive(name, frames),
        )

    def send(self, channel: str, parts: Parts) -> None:
        """Sign and send. Until the kernel is ready, messages wait here, in order."""
        if self.ready:
            self._sign_and_send(channel, parts)
        else:
            self._held.append((channel, parts))

    def forget_held(self) -> None:
        """Take back what waits until the kernel is ready."""
        self._held.clear()

    def request(self, channel: str, kind: str, content: dict) -> None:
        """Send a message of our own, at once."""
        message = self.session.msg(kind, content)
        self._sign_and_send(channel, [self.session.pack(message[n]) for n in NAMES])

    def close(self) -> None:
        """Close the channels."""
        for channel in self._channels.values():
            channel.close()

    def _sign_and_send(self, channel: str, parts: Parts) -> None:
        signature = self.session.sign(parts[:FRAMES])
        self._channels[channel].send([DELIM, signature, *parts])

    def _receive(self, channel: str, frames: list[bytes]) -> None:
        _, (signature, *parts) = self.session.feed_identities(frames)
        if not hmac.compare_digest(signature, self.session.sign(parts[:FRAMES])):
            log.error("a message on %s with a wrong signature was dropped", channel)
            return
        if not self.ready:
            self._notice(channel)
        self.on_message(channel, parts)

    def _ask(self, pause: float) -> None:
        if not self.ready and not self._channels["shell"].socket.closed:
            self.request("shell", "kernel_info_request", {})
            self.loop.call_later(pause, self._ask, 2 * pause)

    def _notice(self, channel: str) -> None:
        self._heard.add(channel)
        if self._heard >= {"shell", "iopub"}:
            self.ready = True
            held, self._held = self._held, []
            for name, parts in held:
                self._sign_and_send(name, parts)
            self.on_ready()
