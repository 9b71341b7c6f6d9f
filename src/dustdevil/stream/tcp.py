"""Where streams come from: connecting to an address, and listening at one.

listener = Listener(listen("127.0.0.1", 8000), on_connection, loop)
stream = await connect("127.0.0.1", 8000)
"""

import errno
import logging
import socket
import ssl
import sys
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from dustdevil.coroutine import Future
from dustdevil.loop.eventloop import Loop, running_loop, until_ready
from dustdevil.loop.poller import READ, WRITE
from dustdevil.stream.iostream import Stream
from dustdevil.stream.tls import TLSStream

log = logging.getLogger("dustdevil")


async def connect(
    host: str,
    port: int,
    tls: ssl.SSLContext | None = None,
    server_hostname: str | None = None,
) -> Stream:
    """Connect to an address, IPv4 or IPv6, and return the stream.

    `host` is a number, not a name: looking names up takes a resolver that does not
    block the loop, and `resolver.connect`, some floors up, has one. Raises ValueError
    for a name, OSError when the connection is refused, and ssl.SSLError.
    """
    try:
        numeric = socket.AI_NUMERICHOST
        [(family, kind, _, _, address)] = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=numeric
        )
    except socket.gaierror:
        raise ValueError(f"{host!r} is a name; connect() takes an address") from None
    sock = socket.socket(family, kind)
    try:
        sock.setblocking(False)
        loop = running_loop()
        await _connect(loop, sock, address)
        return await _stream(loop, sock, tls, server_hostname or host)
    except BaseException:
        sock.close()
        raise


async def _connect(loop: Loop, sock: socket.socket, address: Any) -> None:
    try:
        sock.connect(address)
    except BlockingIOError:
        await until_ready(loop, sock.fileno(), WRITE)
    # Writable means that it is over, not that it went well, connect(2).
    code = sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
    if code:
        raise OSError(code, f"{errno.errorcode.get(code, code)} from {address}")


async def _stream(
    loop: Loop,
    sock: socket.socket,
    tls: ssl.SSLContext | None,
    server_hostname: str | None = None,
) -> Stream:
    """Make the stream of a connected socket; without a hostname it is the server."""
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, True)
    if tls is None:
        return Stream(sock, loop)
    wrapped = tls.wrap_socket(
        sock,
        server_side=server_hostname is None,
        do_handshake_on_connect=False,
        server_hostname=server_hostname,
        # An end without its alert is a cut. Clients often leave without a word; for
        # who reads an answer up to the end, it is an error (RFC 9112, 9.8).
        suppress_ragged_eofs=server_hostname is None,
    )
    stream = TLSStream(wrapped, loop)
    try:
        await stream.handshake()
    except BaseException:
        stream.abort()
        raise
    return stream


def listen(
    host: str, port: int, backlog: int = 1024, reuse_port: bool = False
) -> list[socket.socket]:
    """Return listening sockets for every address of `host`, on one port.

    Port 0 takes a free one. Raises OSError, for instance for a port in use.
    """
    socks = bind(host, port, reuse_port)
    for sock in socks:
        sock.listen(backlog)
    return socks


def bind(host: str, port: int, reuse_port: bool = False) -> list[socket.socket]:
    """Return sockets for every address of `host` that don't listen yet.

    With `reuse_port` several may be bound to one port, if all of them say so, and the
    kernel deals the connections out to those that listen, socket(7).
    """
    socks: list[socket.socket] = []
    found = socket.getaddrinfo(
        host or None, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
    )
    try:
        for family, kind, protocol, _, address in dict.fromkeys(found):
            sock = socket.socket(family, kind, protocol)
            socks.append(sock)
            sock.setblocking(False)
            # A server that restarts finds its port still held by connections that
            # are over, in the state TIME_WAIT: this lets it have the port.
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, True)
            if reuse_port:
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, True)
            if family == socket.AF_INET6:
                sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, True)
            host_port = address[0], port or socks[0].getsockname()[1]
            sock.bind((*host_port, *address[2:]))
    except BaseException:
        for sock in socks:
            sock.close()
        raise
    return socks


# What a packet must have left of its 255 hops, by the family of the socket, ip(7) and
# ipv6(7): IP_MINTTL and IPV6_MINHOPCOUNT, for which the module socket has no names.
FEWEST_HOPS = {
    socket.AF_INET: (socket.IPPROTO_IP, 21),
    socket.AF_INET6: (socket.IPPROTO_IPV6, 73),
}


def turn_away(sock: socket.socket) -> None:
    """Let no connection begin at a listening socket, where that is possible: on Linux.

    A connection is made by the kernel, before accept(2) is called. Between the last
    accept() and close() another one can come, which close() resets, though its client
    has sent a request already. So we ask for 255 hops: packets begin with 64 or 128,
    and are dropped. Who comes then knocks again after a second, and finds it closed.
    """
    if sys.platform == "linux":
        with suppress(OSError, KeyError):
            sock.setsockopt(*FEWEST_HOPS[sock.family], 255)


class Listener:
    """Accepts connections and hands each to `on_connection(stream, address)`.

    `greeting` are the TLS handshakes that go on.
    """

    # At most so many in one turn: the connections that are there want their turn too.
    BATCH = 64
    # Out of descriptors: how long to wait for some to be closed, in seconds.
    PAUSE = 0.5
    # How long a client may take for its TLS handshake, in seconds; and how many may be
    # at it. Others wait in the kernel's queue: each costs memory, and a descriptor.
    HANDSHAKE = 10.0
    GREETING = 1000

    def __init__(
        self,
        socks: list[socket.socket],
        on_connection: Callable[[Stream, Any], Any],
        loop: Loop,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self.socks: list[socket.socket] = []
        self.greeting: set[Future] = set()
        self._on_connection = on_connection
        self._loop = loop
        self._tls = tls
        self.accept_from(socks)

    def accept_from(self, socks: list[socket.socket]) -> None:
        """From now on accept from these, and no others; those stay open."""
        for sock in self.socks:
            if sock not in socks:
                self._pause(sock)
        known, self.socks = self.socks, socks
        for sock in socks:
            if sock not in known:
                self._resume(sock)

    def _resume(self, sock: socket.socket) -> None:
        if sock.fileno() >= 0 and sock in self.socks:
            with suppress(FileExistsError):  # it was let go and taken again meanwhile
                self._loop.watch(sock.fileno(), READ, lambda _: self._accept(sock))

    def _pause(self, sock: socket.socket) -> None:
        with suppress(FileNotFoundError):  # it is pausing already
            self._loop.unwatch(sock.fileno())

    def _accept(self, sock: socket.socket) -> bool:
        """Take what connections there are; say whether there may be more."""
        for _ in range(self.BATCH):
            if len(self.greeting) >= self.GREETING:
                self._pause(sock)  # until one of them is over
                return False
            try:
                connection, address = sock.accept()
            except BlockingIOError:
                return False
            except ConnectionAbortedError:
                continue  # it was gone before we came to it
            except OSError as error:
                # EMFILE and its kin: the connection stays in the queue and the
                # listener stays readable, so looking on would spin. Wait a moment.
                log.warning("can't accept a connection now: %s", error)
                self._pause(sock)
                self._loop.call_later(self.PAUSE, self._resume, sock)
                return False
            if self._tls is None:
                connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, True)
                self._on_connection(Stream(connection, self._loop), address)
            else:
                self._greet_in_time(connection, address)
        return True

    def _greet_in_time(self, connection: socket.socket, address: Any) -> None:
        task = self._loop.spawn(self._greet(connection, address))
        timer = self._loop.call_later(self.HANDSHAKE, task.cancel)
        self.greeting.add(task)
        task.add_done_callback(lambda _: timer.cancel())
        task.add_done_callback(self._greeted)

    def _greeted(self, task: Future) -> None:
        if len(self.greeting) == self.GREETING:
            for sock in self.socks:
                self._resume(sock)
        self.greeting.discard(task)

    async def _greet(self, connection: socket.socket, address: Any) -> None:
        try:
            stream = await _stream(self._loop, connection, self._tls)
        except OSError as error:
            # Whoever speaks no TLS to a TLS port is no reason for a traceback.
            log.info("no TLS with %s: %s", address, error)
        else:
            self._on_connection(stream, address)

    def finish(self) -> None:
        """Let no connection begin, and accept all that wait in the kernel's queue."""
        for sock in self.socks:
            turn_away(sock)
            while self._accept(sock):
                pass

    def close(self) -> None:
        """Accept no more; connections that are there go on."""
        for sock in self.socks:
            if sock.fileno() >= 0:
                self._pause(sock)
                sock.close()
