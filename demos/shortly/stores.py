"""Where the links are kept: in a file, by SQLite, or in Redis.

Both stores have the same four methods. Several threads use one at a time, and several
processes may: what must not be done twice, the database does in one step.
"""

import secrets
import sqlite3
import string
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

ALPHABET = string.ascii_letters + string.digits
RECENT = 10  # links that the front page shows


class Link(NamedTuple):
    """A short name, where it leads, since when, and how often it was followed."""

    key: str
    target: str
    created: float
    clicks: int


def new_key() -> str:
    """A name that nobody guesses from another one: 62 ** 6 are 57 thousand million."""
    return "".join(secrets.choice(ALPHABET) for _ in range(6))


class SQLiteStore:
    """Links in a file."""

    def __init__(self, path: str) -> None:
        self.path = path

    @contextmanager
    def _open(self) -> Iterator[sqlite3.Connection]:
        # A connection belongs to one thread, and costs less than a page.
        database = sqlite3.connect(self.path, timeout=10)
        try:
            with database:  # one transaction
                database.execute(
                    "CREATE TABLE IF NOT EXISTS links (key TEXT PRIMARY KEY,"
                    " target TEXT UNIQUE NOT NULL, created REAL NOT NULL,"
                    " clicks INTEGER NOT NULL)"
                )
                yield database
        finally:
            database.close()

    def add(self, target: str) -> str:
        """The key for a target: a new one, or the one it has already."""
        while True:
            with self._open() as database:
                values = new_key(), target, time.time()
                database.execute(
                    "INSERT OR IGNORE INTO links VALUES (?, ?, ?, 0)", values
                )
                query = "SELECT key FROM links WHERE target = ?"
                found = database.execute(query, [target]).fetchone()
            if found:  # otherwise another target has that very key
                return found[0]

    def get(self, key: str) -> Link | None:
        """The link, if there is one."""
        with self._open() as database:
            query = "SELECT key, target, created, clicks FROM links WHERE key = ?"
            found = database.execute(query, [key]).fetchone()
        return Link(*found) if found else None

    def follow(self, key: str) -> str | None:
        """Count a click; return the target, if there is such a link."""
        with self._open() as database:
            query = (
                "UPDATE links SET clicks = clicks + 1 WHERE key = ? RETURNING target"
            )
            found = database.execute(query, [key]).fetchall()
        return found[0][0] if found else None

    def recent(self) -> list[Link]:
        """The newest links, the newest first."""
        with self._open() as database:
            query = (
                "SELECT key, target, created, clicks FROM links ORDER BY created DESC"
            )
            found = database.execute(f"{query} LIMIT {RECENT}").fetchall()
        return [Link(*row) for row in found]


class RedisStore:
    """Links in Redis: a hash for each, the key of each target, a list of the newest.

    Raises ValueError for a URL that is none of Redis.
    """

    def __init__(self, url: str) -> None:
        import redis

        self.redis = redis.Redis.from_url(url, decode_responses=True)

    def add(self, target: str) -> str:
        """The key for a target: a new one, or the one it has already."""
        by_target = f"shortly:key:{target}"
        while not (key := self.redis.get(by_target)):
            key = new_key()
            fields = {"target": target, "created": time.time(), "clicks": 0}
            if not self.redis.hsetnx(f"shortly:link:{key}", "target", target):
                continue  # another target has that very key
            self.redis.hset(f"shortly:link:{key}", mapping=fields)
            if self.redis.set(by_target, key, nx=True):
                self.redis.lpush("shortly:recent", key)
                self.redis.ltrim("shortly:recent", 0, RECENT - 1)
                break
            self.redis.delete(f"shortly:link:{key}")  # somebody was quicker
        return key

    def get(self, key: str) -> Link | None:
        """The link, if there is one."""
        return self._link(key, self.redis.hgetall(f"shortly:link:{key}"))

    def _link(self, key: str, fields: dict[str, Any]) -> Link | None:
        if len(fields) < 3:
            return None
        created, clicks = float(fields["created"]), int(fields["clicks"])
        return Link(key, fields["target"], created, clicks)

    def follow(self, key: str) -> str | None:
        """Count a click; return the target, if there is such a link."""
        target = self.redis.hget(f"shortly:link:{key}", "target")
        if target:
            self.redis.hincrby(f"shortly:link:{key}", "clicks")
        return target

    def recent(self) -> list[Link]:
        """The newest links, the newest first."""
        links = map(self.get, self.redis.lrange("shortly:recent", 0, -1))
        return [link for link in links if link]

    def close(self) -> None:
        """Close the connections to Redis."""
        self.redis.close()
