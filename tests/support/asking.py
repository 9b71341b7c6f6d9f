"""Requests to an application without a server, and what it answers."""

from dustdevil.coroutine import Scheduler
from dustdevil.http import Parser, Role
from dustdevil.web import Request


class Sent:
    """A request's body, as the server gives it."""

    def __init__(self, data=b"", error=None):
        self.data, self.error, self.reads = data, error, 0

    async def read(self):
        self.reads += 1
        if self.error:
            raise self.error
        return self.data

    async def __aiter__(self):
        for i in range(0, len(self.data), 3):
            yield self.data[i : i + 3]


class Connection:
    remote, local, scheme = ("192.0.2.1", 4711), ("192.0.2.2", 80), "http"


def head(target="/", *fields, method="GET"):
    lines = [f"{method} {target} HTTP/1.1", "Host: example.org", *fields, "", ""]
    parser = Parser(Role.SERVER)
    parser.receive("\r\n".join(lines).encode("latin-1"))
    return parser.next_event()


def request(target="/", *fields, method="GET", body=b"", error=None):
    return Request(head(target, *fields, method=method), Sent(body, error), Connection)


def run(awaitable):
    async def main():
        return await awaitable

    return Scheduler().run(main())


def ask(app, target="/", *fields, method="GET", body=b"", error=None):
    return run(app(head(target, *fields, method=method), Sent(body, error), Connection))


def header(response, name):
    return response.headers.get_all(name)
