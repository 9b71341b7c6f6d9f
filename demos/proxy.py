"""A reverse proxy: one address in front, another server behind.

    python -m demos.proxy http://127.0.0.1:9000 --port 8000 --workers 2

It reads each message and writes a new one. Where a body ends is found out by our
parser and said again in our own words, by the server and the client: what came in as
framing is never copied. A proxy that passes on what it did not understand is how one
request becomes two on its way (RFC 9112, 11.2).

Bodies stream, both ways, no faster than the slower side takes them. A server behind
that can't be reached is a 502, one that does not answer in time a 504; one that dies in
the middle of a body ends the client's connection in the middle, too, since nothing else
would tell it that something is missing.

An offer to go on with WebSocket is about one connection, too. So the proxy makes one of
its own to the server behind, and where that says 101, it joins the two connections and
understands nothing of what goes over them. No other protocol is let through: HTTP/2,
for one, would carry requests past the proxy that it never saw.
"""

import argparse
import logging
from collections.abc import AsyncIterator

from dustdevil.fields import lazy
from dustdevil.http import Client, ClientError, ClientSettings, Headers
from dustdevil.loop import running_loop
from dustdevil.processes import prefork
from dustdevil.stream import Stream
from dustdevil.sync import gather, sleep

log = logging.getLogger("dustdevil")

# About one connection, not about the message (RFC 9110, 7.6.1) …
HOP_BY_HOP = {
    "connection", "keep-alive", "proxy-authenticate", "proxy-authorization",
    "proxy-connection", "te", "trailer", "transfer-encoding", "upgrade",
}  # fmt: skip
# … and what server and client write themselves.
OURS = {"content-length", "date", "host", "expect"}


class Answer:
    """A response, as the server's contract has it."""

    def __init__(
        self, status: int, headers: Headers, body, length: int | None, upgrade=None
    ) -> None:
        self.status = status
        self.headers = headers
        self.body = body
        self.length = length
        self.upgrade = upgrade
        self.reason = None


class Tunnel:
    """Two connections made one: what an answer with status 101 has as its `upgrade`.

    It ends when both sides have, each in its own time, or when nothing has moved for
    `idle` seconds; after the first end, for `linger` seconds.
    """

    def __init__(self, behind: Stream, idle: float, linger: float) -> None:
        self.behind = behind
        self.idle = idle
        self.linger = linger
        self.moved = 0.0

    async def __call__(self, front: Stream) -> None:
        """Carry bytes both ways: what the server calls. It closes `front` after it."""
        loop = running_loop()
        self.moved = loop.time()
        watch = loop.spawn(self._watch())
        try:
            await gather(
                self._carry(front, self.behind), self._carry(self.behind, front)
            )
        finally:
            watch.cancel()
            for stream in (front, self.behind):
                stream.close()
                if not stream.closed:  # it has something to send still
                    loop.call_later(self.linger, stream.abort)

    async def _carry(self, source: Stream, sink: Stream) -> None:
        """One way, no faster than its end takes it."""
        loop = running_loop()
        while data := await source.read():
            self.moved = loop.time()
            sink.write(data)
            await sink.drain()
        sink.write_eof()
        self.idle = self.linger

    async def _watch(self) -> None:
        """End it when nothing moves, be it that nobody writes or nobody reads."""
        loop = running_loop()
        while (left := self.moved + self.idle - loop.time()) > 0:
            await sleep(min(left, self.linger))  # `idle` may have become shorter
        self.behind.abort()

    async def aclose(self) -> None:
        """The client is gone already: it is closed like a body that nobody reads."""
        self.behind.abort()


class Proxy:
    """An application that has another server answer.

    `upstream` is that server's URL, without a path. It is told the Host that the client
    asked for if `keep_host`, otherwise its own: keep it for a server that compares it
    with a WebSocket's Origin. `timeout`, in seconds, is for it to accept a connection,
    and for each next piece of its answer; `idle` for a WebSocket where nothing moves.
    """

    def __init__(
        self,
        upstream: str,
        keep_host: bool = False,
        timeout: float = 30,
        idle: float = 3600,
    ) -> None:
        self.upstream = upstream.rstrip("/")
        self.keep_host = keep_host
        self.timeout = timeout
        self.idle = idle
        self.settings = ClientSettings(
            connect_timeout=timeout,
            read_timeout=timeout,
            total_timeout=24 * 3600,
            max_per_host=256,
        )

    @lazy
    def client(self) -> Client:
        """Made with the first request, when the loop runs that it belongs to."""
        return Client(self.settings)

    async def __call__(self, head, body, connection) -> Answer:
        """Answer one request: what the server calls."""
        target = head.target if head.target.startswith("/") else "/"
        switch = head.upgrade.lower() == "websocket" and not head.has_body
        try:
            response = await self.client.request(
                head.method,
                self.upstream + target,
                headers=forwarded(head, connection),
                # Without a body, the client may send a request a second time when a
                # kept connection turns out to be closed.
                body=body if head.has_body else b"",
                length=head.length if head.has_body else None,
                host=head.host if self.keep_host and head.host else None,
                follow=False,
                upgrade="websocket" if switch else None,
            )
        except TimeoutError:
            return failure(504, "the server behind did not answer in time")
        except (OSError, ClientError) as error:
            log.warning("%s %s: %s", head.method, self.upstream, error)
            return failure(502, "the server behind can't be reached")
        headers = end_to_end(response.headers)
        headers.add("Via", "1.1 dustdevil")
        if response.status == 101:
            tunnel = Tunnel(response.detach(), self.idle, self.timeout)
            headers["Upgrade"] = "websocket"
            return Answer(101, headers, tunnel, None, tunnel)
        if head.method == "HEAD":
            length = response.headers.get("content-length")
            return Answer(
                response.status, headers, nothing(), int(length) if length else None
            )
        return Answer(response.status, headers, response.raw(), response.length)


async def nothing() -> AsyncIterator[bytes]:
    """A body that is not sent anyway."""
    return
    yield b""


def failure(status: int, text: str) -> Answer:
    """An answer of the proxy itself."""
    headers = Headers({"Content-Type": "text/plain; charset=utf-8"})
    return Answer(status, headers, f"{status} {text}\n".encode(), None)


def end_to_end(headers: Headers) -> Headers:
    """The fields that are meant for whoever is at the other end.

    A sender names more of those that are not in Connection (RFC 9110, 7.6.1).
    """
    options = headers.get("connection", "").split(",")
    kept = Headers(headers)
    for name in HOP_BY_HOP | OURS | {option.strip() for option in options}:
        del kept[name]
    return kept


def forwarded(head, connection) -> Headers:
    """The fields of a request as it goes on, and where it came from (RFC 7239)."""
    headers = end_to_end(head.headers)
    if "accept-encoding" not in headers:
        # Our client would offer what this one perhaps can't read.
        headers["Accept-Encoding"] = "identity"
    address = connection.remote[0] if connection.remote else "unknown"
    node = f'"[{address}]"' if ":" in address else address
    host = head.host.replace('"', "")
    headers.add("Via", f"{head.version} dustdevil")
    # What a client says itself of where it comes from, anybody could say.
    headers["X-Forwarded-For"] = address
    headers["X-Forwarded-Host"] = host
    headers["X-Forwarded-Proto"] = connection.scheme
    headers["Forwarded"] = f'for={node};host="{host}";proto={connection.scheme}'
    return headers


def main() -> None:
    """Serve until a signal ends it."""
    command = argparse.ArgumentParser("demos.proxy", description=__doc__.split("\n")[0])
    command.add_argument("upstream", help="the URL of the server behind")
    command.add_argument("--host", default="127.0.0.1")
    command.add_argument("--port", default=8000, type=int)
    command.add_argument("--workers", default=1, type=int)
    command.add_argument("--timeout", default=30, type=float, metavar="SECONDS")
    command.add_argument("--idle", default=3600, type=float, metavar="SECONDS")
    command.add_argument("--keep-host", action="store_true")
    given = command.parse_args()
    prefork.serve(
        lambda: Proxy(given.upstream, given.keep_host, given.timeout, given.idle),
        given.host,
        given.port,
        workers=given.workers,
        max_body=None,
    )


if __name__ == "__main__":
    main()
