"""A room: who says something tells all who listen, whichever way they do.

The note of 2013 kept its listeners as bound methods in a set, and so do we. In one
process, `say` publishes to the room's topic. Across processes Redis stands between:
`say` tells Redis, and Redis tells every process, this one too. It also numbers the
messages, since a client that polls may ask another process each time.
"""

import json
import logging
from contextlib import suppress
from random import random
from time import time

from dustdevil import Queue, Topic, sleep
from dustdevil.websocket import ConnectionClosed

from .resp import Redis, RedisError, parse

log = logging.getLogger("dustdevil")

KEEP = 100  # messages that a newcomer gets to see
FIRST_WAIT, LONGEST_WAIT = 0.25, 10.0  # seconds between two attempts to connect

# Numbered, kept and told in one step: no other client of Redis comes in between, so
# everybody gets the messages in the order of their numbers.
SAY = f"""
local number = redis.call('INCR', KEYS[1])
local entry = number .. ' ' .. ARGV[1]
redis.call('RPUSH', KEYS[2], entry)
redis.call('LTRIM', KEYS[2], -{KEEP}, -1)
redis.call('PUBLISH', KEYS[2], entry)
return number
"""
NUMBER, MESSAGES = "dustdevil:chat:number", "dustdevil:chat:messages"


class Away(Exception):
    """Redis can't be reached: nothing can be said now."""


class Room:
    """What is said in it, and who hears.

    `topic` has the messages; `online` tells whether what is said gets around.
    `on_status` are called when that changes: callables of a bool.
    """

    def __init__(self, redis: str | None = None):
        self.topic = Topic(keep=KEEP)
        self.online = redis is None
        self.on_status: set = set()
        self._address = parse(redis) if redis is not None else None
        self._redis: Redis | None = None

    async def say(self, name: str, text: str) -> int:
        """Tell everybody; return the message's number. Raises Away."""
        message = {"name": name, "text": text, "time": round(time(), 3)}
        if self._address is None:
            return self.topic.publish(message)
        if self._redis is None:
            raise Away
        try:
            said = json.dumps(message)
            return await self._redis.call("EVAL", SAY, 2, NUMBER, MESSAGES, said)
        except (OSError, EOFError) as error:
            raise Away from error

    # Redis

    async def stay_connected(self) -> None:
        """Keep in touch with Redis, if it is used, for as long as the server runs."""
        if self._address is None:
            return
        wait = FIRST_WAIT
        while True:
            try:
                async with Redis(*self._address) as redis:
                    await self._catch_up(redis)
                    wait = FIRST_WAIT
                    self._note(redis)
                    while True:
                        self._hear(await redis.next_message(MESSAGES))
            except (OSError, EOFError, RedisError) as error:
                log.warning("Redis is away, next try in %.1f s: %s", wait, error)
            finally:
                self._note(None)
            # Not all processes at the same moment: a server that comes up again
            # is busy enough.
            await sleep(wait * (0.5 + random() / 2))
            wait = min(2 * wait, LONGEST_WAIT)

    async def _catch_up(self, redis: Redis) -> None:
        """Hear what was said while we were not connected.

        First we subscribe and then we ask, so nothing can be lost between the two.
        What comes twice, `_hear` knows by its number.
        """
        redis.subscribe(MESSAGES)
        entries = await redis.call("LRANGE", MESSAGES, 0, -1)
        latest = int(entries[-1].partition(b" ")[0]) if entries else 0
        if latest < self.topic.number:
            self.topic.forget()  # it was emptied, and counts from the beginning
        for entry in entries:
            self._hear(entry)

    def _hear(self, entry: bytes) -> None:
        number, _, text = entry.partition(b" ")
        if int(number) > self.topic.number:
            self.topic.publish(json.loads(text), int(number))

    def _note(self, redis: Redis | None) -> None:
        """Redis is there, or away: say so to all who listen."""
        self._redis, before = redis, self.online
        self.online = redis is not None
        if self.online != before:
            for observer in list(self.on_status):
                observer(self.online)
            self.topic.wake()


class Listener:
    """Somebody at the other end of a WebSocket: what is to be sent, in its order.

    One who does not read what was sent is let go when `LIMIT` messages wait for it:
    the page opens the connection again, and asks for what it missed.
    """

    LIMIT = 200

    def __init__(self, room: Room, ws):
        self.room, self.ws = room, ws
        self.waiting = Queue()

    async def listen(self, after: int) -> None:
        """Send all that is said, until the connection ends."""
        self.on_status(self.room.online)
        for number, message in self.room.topic.since(after):
            self.on_message(number, message)
        self.room.topic.observers.add(self.on_message)
        self.room.on_status.add(self.on_status)
        try:
            with suppress(ConnectionClosed):
                while True:
                    await self.ws.send(json.dumps(await self.waiting.get()))
        finally:
            # Each is another object than was put in, and equal to it.
            self.room.topic.observers.discard(self.on_message)
            self.room.on_status.discard(self.on_status)

    def on_message(self, number: int, message: dict) -> None:
        """Somebody said something."""
        self._put({"number": number, "messages": [[number, message]]})

    def on_status(self, online: bool) -> None:
        """Redis came or went."""
        self._put({"online": online})

    def refuse(self, why: str) -> None:
        """What this one said was not taken."""
        self._put({"refused": why})

    def _put(self, news: dict) -> None:
        if len(self.waiting) < self.LIMIT:
            self.waiting.put_now(news)
        else:
            self.ws.leave(1013, "too slow")
