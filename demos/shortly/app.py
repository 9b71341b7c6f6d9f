"""The shortener as one WSGI application: a URL in, a short one out, clicks counted.

GET  /       a form, and the newest links
POST /       shorten `url`, and go to its page
GET  /KEY    go where it leads
GET  /KEY+   its page: where it leads, and how often it was followed
"""

import os
import re
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, quote, urlsplit, urlunsplit
from wsgiref.util import application_uri

from jinja2 import Environment, FileSystemLoader

from .stores import RedisStore, SQLiteStore

DATABASE = os.environ.get("SHORTLY_DATABASE", "shortly.db")
LONGEST = 2000  # characters of a URL; some browsers take no more
KEY = re.compile(r"/([A-Za-z0-9]{6})(\+?)")

HTML = ("Content-Type", "text/html; charset=utf-8")
SAFETY = [
    ("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'; "
     "form-action 'self'; frame-ancestors 'none'; base-uri 'none'"),
    ("X-Content-Type-Options", "nosniff"),
    ("Referrer-Policy", "same-origin"),
]  # fmt: skip


class Refused(Exception):
    """What was asked can't be done: the status, and why, for the page."""

    def __init__(self, status: str, why: str, headers: Iterable[tuple[str, str]] = ()):
        super().__init__(status, why)
        self.status, self.why, self.headers = status, why, list(headers)


def check(url: str, host: str) -> str:
    """The URL, as it can stand in a header; ValueError says what is wrong with it.

    Only web addresses: a "javascript:" behind a harmless short link would run in the
    name of whoever follows it.
    """
    url = url.strip()
    if not url:
        raise ValueError("Which address shall become short?")
    if len(url) > LONGEST:
        raise ValueError(f"An address may have {LONGEST} characters.")
    if any(character.isspace() or not character.isprintable() for character in url):
        raise ValueError("An address has no spaces in it.")
    try:
        parts = urlsplit(url)
        name = (parts.hostname or "").encode("idna").decode()
        port = parts.port
    except ValueError:
        raise ValueError("This is no address that leads anywhere.") from None
    if parts.scheme not in ("http", "https"):
        raise ValueError("An address begins with https:// or http://.")
    if not re.fullmatch(r"[A-Za-z0-9.-]+|[0-9A-Fa-f:.]+", name) or not name.strip("."):
        raise ValueError("The address names no host.")
    if "@" in parts.netloc:
        raise ValueError("An address with a name or password in it is not for sharing.")
    name = (f"[{name}]" if ":" in name else name) + (f":{port}" if port else "")
    if name == host.lower():
        raise ValueError("That one is short already.")
    path, query, fragment = (
        quote(part, safe="/%:@!$&'()*+,;=~?[]") for part in parts[2:]
    )
    return urlunsplit((parts.scheme, name, path, query, fragment))


class Shortly:
    """The application. What it answers it gets from the store."""

    def __init__(self, store: Any) -> None:
        self.store = store
        folder = Path(__file__).parent / "templates"
        self.pages = Environment(loader=FileSystemLoader(folder), autoescape=True)
        self.pages.filters["day"] = lambda seconds: time.strftime(
            "%Y-%m-%d", time.gmtime(seconds)
        )

    def __call__(self, environ: dict, start_response: Any) -> Iterable[bytes]:
        try:
            status, headers, body = self.answer(environ)
        except Refused as refused:
            status, headers = refused.status, [HTML, *refused.headers]
            title = status.partition(" ")[2]
            body = self.render("error.html", environ, title=title, why=refused.why)
        headers += [*SAFETY, ("Content-Length", str(len(body)))]
        start_response(status, headers)
        return [body]

    def answer(self, environ: dict) -> tuple[str, list[tuple[str, str]], bytes]:
        """Status, headers and body; raises Refused."""
        path = environ["PATH_INFO"] or "/"
        found = KEY.fullmatch(path)
        if path != "/" and not found:
            raise Refused("404 Not Found", "There is no such page.")
        method = environ["REQUEST_METHOD"]
        if method == "POST" and path == "/":
            return self.shorten(environ)
        if method not in ("GET", "HEAD"):
            allowed = "GET, HEAD" if found else "GET, HEAD, POST"
            headers = [("Allow", allowed)]
            raise Refused("405 Method Not Allowed", "Not in this way.", headers)
        if not found:
            return "200 OK", [HTML], self.front(environ)
        if found[2]:
            return "200 OK", [HTML], self.details(environ, found[1])
        return self.follow(found[1], count=method == "GET")

    def front(self, environ: dict, url: str = "", error: str = "") -> bytes:
        """The form, and the newest links."""
        links = self.store.recent()
        return self.render("front.html", environ, links=links, url=url, error=error)

    def details(self, environ: dict, key: str) -> bytes:
        """A link's own page."""
        link = self.store.get(key)
        if link is None:
            raise Refused("404 Not Found", "There is no such link.")
        return self.render("link.html", environ, link=link)

    def follow(self, key: str, count: bool) -> tuple[str, list[tuple[str, str]], bytes]:
        """Go where a link leads."""
        if count:
            target = self.store.follow(key)
        else:
            link = self.store.get(key)
            target = link.target if link else None
        if target is None:
            raise Refused("404 Not Found", "There is no such link.")
        # Kept by a browser, the next click would not come here to be counted.
        return "302 Found", [("Location", target), ("Cache-Control", "no-store")], b""

    def shorten(self, environ: dict) -> tuple[str, list[tuple[str, str]], bytes]:
        """Take a URL from the form."""
        most = 4 * LONGEST
        size = int(environ.get("CONTENT_LENGTH") or 0)
        if size > most:
            raise Refused("413 Content Too Large", "That is too much.")
        body = environ["wsgi.input"].read(size)
        url = parse_qs(body.decode("utf-8", "replace")).get("url", [""])[0]
        try:
            key = self.store.add(check(url, environ.get("HTTP_HOST", "")))
        except ValueError as error:
            page = self.front(environ, url, str(error))
            return "422 Unprocessable Content", [HTML], page
        return "303 See Other", [("Location", f"{root(environ)}/{key}+")], b""

    def render(self, name: str, environ: dict, **values: Any) -> bytes:
        """A page."""
        base = application_uri(environ).rstrip("/")
        page = self.pages.get_template(name)
        return page.render(root=root(environ), base=base, **values).encode()


def root(environ: dict) -> str:
    """Where the application is mounted, as it stands in a URL: "" at the top."""
    return quote(environ["SCRIPT_NAME"].encode("latin-1"))


def make_app(database: str = DATABASE, redis: str | None = None) -> Shortly:
    """The application over SQLite, or over Redis; ValueError for a wrong URL."""
    return Shortly(RedisStore(redis) if redis else SQLiteStore(database))


app = make_app(redis=os.environ.get("REDIS_URL"))
