"""What a server tells of itself, at a path where Prometheus looks for it.

    monitor = Monitor()
    app.use(monitor)
    app.get("/metrics")(monitor.page)

Much of it is counted anyway, by the server and its collector, and is only read when
the page is asked for. As a middleware, the monitor adds what only it can see: how the
requests ended, and how long they took. That is not free: a bare request spends half as
long again in the application, for a layer more, two looks at the clock, and counting
(`benchmarks/monitor.py`). Without `app.use` the page does without that, and a request
pays nothing.
"""

from time import perf_counter
from typing import Any

from dustdevil.http.server import Server
from dustdevil.metrics.registry import CONTENT_TYPE, Counter, Reading, Registry
from dustdevil.processes.worker import reporters
from dustdevil.routing import Handler
from dustdevil.web.messages import Request, Response


class Monitor:
    """Counts answers as a middleware, and shows the metrics of the server.

    Those of all the workers are added up (`prefork`). Names begin with `prefix`. In
    `registry` an application keeps its own.
    """

    def __init__(self, prefix: str = "dustdevil") -> None:
        self.prefix = prefix
        self.registry = Registry()
        self._latency = self.registry.histogram(
            f"{prefix}_answer_seconds", "Time until the application has an answer."
        )
        self._answers: dict[int, Counter] = {}
        self._server: Server | None = None
        reporters.add(self)

    async def __call__(self, request: Request, call_next: Handler) -> Response:
        """Answer a request, and note with what status and after how long."""
        start = perf_counter()
        response = await call_next(request)
        self._latency.observe(perf_counter() - start)
        counter = self._answers.get(response.status)
        if counter is None:
            counter = self._answers[response.status] = self.registry.counter(
                f"{self.prefix}_answers_total",
                "Answers of the application.",
                status=str(response.status),
            )
        counter.value += 1
        return response

    async def page(self, request: Request) -> Response:
        """The handler that shows all metrics, in Prometheus' text format."""
        server = request.connection.server
        workers = await server.others() if server.others is not None else []
        text = Registry.merge([self.as_dict(server), *workers]).text()
        return Response(text, content_type=CONTENT_TYPE)

    def as_dict(self, server: Server) -> dict[str, Any]:
        """The metrics of this process, for `Registry.merge`."""
        if server is not self._server:
            self._server = server
            self._attach(server)
        return self.registry.as_dict()

    def _attach(self, server: Server) -> None:
        """Show what the server and its collector count by themselves."""
        attach, prefix = self.registry.attach, self.prefix
        requests = Reading("counter", lambda: server.requests)
        attach(requests, f"{prefix}_requests_total", "Requests that came.")
        refused = Reading("counter", lambda: server.refused)
        attach(refused, f"{prefix}_refused_total", "Requests that broke a rule.")
        connections = Reading("gauge", lambda: len(server.connections))
        attach(connections, f"{prefix}_connections", "Open connections.")
        lag = "By how much timers came too late: how long the loop was kept."
        if server.lag is not None:
            attach(server.lag, f"{prefix}_loop_lag_seconds", lag)
        if server.collector is not None:
            pauses = "Pauses for garbage collection."
            for number, histogram in enumerate(server.collector.pauses):
                labels = {"generation": str(number)}
                attach(histogram, f"{prefix}_gc_pause_seconds", pauses, **labels)
