"""A small client of Redis, on our own streams: publish, subscribe, and any command.

Redis speaks RESP: each value begins with a letter that says what it is, and ends with
CRLF. Since its third version, what a subscriber is told has a letter of its own, ">",
and so it can come between the answers to commands, on one connection. Without that it
would take two. (https://redis.io/docs/latest/develop/reference/protocol-spec/)

The package `redis` could do all this and far more, in a thread or on asyncio. This is
to show how little a protocol needs, once there are streams.
"""

from collections import deque
from contextlib import suppress
from typing import Any
from urllib.parse import unquote, urlsplit

from dustdevil import Future, Queue, sleep, timeout
from dustdevil.coroutine import CancelledError, current_scheduler
from dustdevil.resolver import Resolver
from dustdevil.stream import Stream, StreamClosed

PATIENCE = 10.0  # seconds to connect, and to answer
LINE = 64 * 1024


class RedisError(Exception):
    """Redis says no, or speaks another protocol."""


def parse(url: str) -> tuple[str, int, str, str]:
    """Host, port, user and password of "redis://…"; ValueError for anything else."""
    parts = urlsplit(url)
    if parts.scheme != "redis" or not parts.hostname or parts.path not in ("", "/"):
        raise ValueError(f"{url!r} is not redis://[user:password@]host[:port]")
    user, password = unquote(parts.username or "default"), unquote(parts.password or "")
    return parts.hostname, parts.port or 6379, user, password


def encode(*words: Any) -> bytes:
    """A command: an array of strings."""
    strings = [
        word if isinstance(word, bytes) else str(word).encode() for word in words
    ]
    body = b"".join(b"$%d\r\n%b\r\n" % (len(string), string) for string in strings)
    return b"*%d\r\n%b" % (len(strings), body)


async def read(stream: Stream) -> tuple[bytes, Any]:
    """The next value, and its letter. An error is a value, too: a RedisError."""
    line = (await stream.read_until(b"\r\n", LINE))[:-2]
    kind, rest = line[:1], line[1:]
    if kind in (b"+", b"(", b",", b"#"):
        return kind, rest
    if kind == b":":
        return kind, int(rest)
    if kind == b"-":
        return kind, RedisError(rest.decode())
    if kind == b"_" or rest == b"-1":
        return kind, None
    if kind in (b"$", b"=", b"!"):
        return kind, (await stream.read_exactly(int(rest) + 2))[:-2]
    if kind in (b"*", b"~", b">", b"%"):
        count = int(rest) * (2 if kind == b"%" else 1)
        return kind, [(await read(stream))[1] for _ in range(count)]
    raise RedisError(f"this is no RESP: {line!r:.60}")


class Redis:
    """One connection: `async with Redis(host, port) as redis`.

    When it is lost, whatever waits gets a ConnectionError.
    """

    def __init__(self, host: str, port: int, user: str = "default", password: str = ""):
        self._where = host, port
        self._login = ["AUTH", user, password] if password else []
        self._answers: deque[Future] = deque()
        self._told: dict[bytes, Queue] = {}
        self._tasks: list = []

    async def __aenter__(self) -> "Redis":
        async with timeout(PATIENCE):
            resolver = Resolver()
            try:
                self._stream = await resolver.connect(*self._where)
            finally:
                resolver.close()
        spawn = current_scheduler().spawn
        self._tasks = [spawn(self._read()), spawn(self._keep_alive())]
        try:
            await self.call("HELLO", 3, *self._login)
        except BaseException:
            await self.__aexit__()
            raise
        return self

    async def __aexit__(self, *_: object) -> None:
        self._stream.abort()
        for task in self._tasks:
            task.cancel()
            with suppress(CancelledError):
                await task

    async def call(self, *words: Any) -> Any:
        """The answer to a command. Raises RedisError, ConnectionError."""
        if self._stream.closed:
            raise ConnectionError("the connection to Redis is lost")
        answer = Future()
        self._answers.append(answer)
        self._stream.write(encode(*words))
        try:
            return await answer
        finally:
            answer.cancel()  # where we were cancelled: nobody waits for it any more

    def subscribe(self, channel: str) -> None:
        """From now on `next_message` gives what is published there."""
        self._told[channel.encode()] = Queue()
        self._stream.write(encode("SUBSCRIBE", channel))

    async def next_message(self, channel: str) -> bytes:
        """What was published next. Raises ConnectionError when it is all over."""
        message = await self._told[channel.encode()].get()
        if message is None:
            raise ConnectionError("the connection to Redis is lost")
        return message

    async def _read(self) -> None:
        """Give each answer to who waits for it, in the order of the questions."""
        try:
            while True:
                kind, value = await read(self._stream)
                if kind == b">":
                    if value[0] == b"message":
                        self._told[value[1]].put_now(value[2])
                    continue
                answer = self._answers.popleft()
                if answer.done():
                    pass  # nobody waits for it any more
                elif isinstance(value, RedisError):
                    answer.set_exception(value)
                else:
                    answer.set_result(value)
        except (OSError, EOFError, ValueError, IndexError, RedisError):
            self._stream.abort()
        finally:
            self._lost()

    def _lost(self) -> None:
        for answer in self._answers:
            if not answer.done():
                answer.set_exception(ConnectionError("the connection to Redis is lost"))
        self._answers.clear()
        for queue in self._told.values():
            queue.put_now(None)

    async def _keep_alive(self) -> None:
        """Notice a server that vanished without a word: it does not answer."""
        while True:
            await sleep(PATIENCE)
            try:
                async with timeout(PATIENCE):
                    await self.call("PING")
            except (TimeoutError, StreamClosed, ConnectionError):
                self._stream.abort()
                return
