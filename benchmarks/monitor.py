"""What the monitor costs a request, as a middleware.

    python benchmarks/monitor.py

An application answers a bare request, without a server: plain, with a middleware that
does nothing, and with a Monitor. Processor time, in microseconds a request.
"""

from contextlib import suppress
from statistics import median
from time import process_time

from dustdevil import Application
from dustdevil.http import Head
from dustdevil.web import Monitor

REQUESTS, ROUNDS = 20_000, 15
HEAD = Head("GET", "/", "1.1", "x", b"")


async def nothing(request, call_next):
    return await call_next(request)


def application(*middleware):
    app = Application()
    for one in middleware:
        app.use(one)

    @app.get("/")
    async def hello(request):
        return "Hello, world!"

    return app


def time_of(app):
    start = process_time()
    for _ in range(REQUESTS):
        with suppress(StopIteration):
            app(HEAD, None, None).send(None)
    return 1e6 * (process_time() - start) / REQUESTS


def main():
    apps = {
        "plain": application(),
        "a middleware that does nothing": application(nothing),
        "a monitor": application(Monitor()),
    }
    times = {name: [] for name in apps}
    for _ in range(ROUNDS):
        for name, app in apps.items():
            times[name].append(time_of(app))
    for name, some in times.items():
        ratio = median(some) / median(times["plain"])
        print(f"{name:32}{median(some):6.2f} us{ratio:7.2f} x")


if __name__ == "__main__":
    main()
