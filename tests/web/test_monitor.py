"""The contract of dustdevil.web.monitor: what Prometheus reads from a server."""

import gc
import threading

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families

from dustdevil import Application, HTTPError, Loop, Server
from dustdevil.coroutine import Future
from dustdevil.http import ServerSettings, run
from dustdevil.web import Monitor


class Site:
    """A monitored application on a server in a thread of its own."""

    def __init__(self, monitor, used=True, **settings):
        self.app = Application()
        if used:
            self.app.use(monitor)
        self.app.get("/metrics")(monitor.page)
        self.loop = Loop()
        self.server = Server(self.app, ServerSettings(**settings), self.loop)
        self.url = f"http://127.0.0.1:{self.server.listen('127.0.0.1', 0)}"
        self.server.start()
        self.thread = threading.Thread(target=run, args=[self.server])

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.loop.call_from_thread(self.stop)
        self.thread.join(10)
        assert not self.thread.is_alive()
        self.loop.close()

    def stop(self):
        task = self.loop.spawn(self.server.stop(0))
        task.add_done_callback(lambda _: self.loop.stop())

    def metrics(self, client=httpx):
        answer = client.get(f"{self.url}/metrics")
        assert answer.headers["content-type"] == (
            "text/plain; version=0.0.4; charset=utf-8"
        )
        return {
            (sample.name, *sample.labels.values()): sample.value
            for family in text_string_to_metric_families(answer.text)
            for sample in family.samples
        }


@pytest.fixture
def monitor():
    return Monitor()


def test_requests_and_how_they_ended(monitor):
    with Site(monitor) as site, httpx.Client() as client:

        @site.app.get("/fails")
        def fails(request):
            raise HTTPError(403)

        @site.app.get("/waits")
        async def waits(request):
            future = Future()
            site.loop.call_soon(future.set_result, "hello")
            return await future

        for path, status in ("/waits", 200), ("/fails", 403), ("/nowhere", 404):
            assert client.get(site.url + path).status_code == status
        assert client.get(f"{site.url}/fails").status_code == 403
        found = site.metrics(client)
    assert found["dustdevil_requests_total",] == 5
    assert found["dustdevil_refused_total",] == 0
    assert found["dustdevil_connections",] == 1
    assert found["dustdevil_answers_total", "200"] == 1
    assert found["dustdevil_answers_total", "403"] == 2
    assert found["dustdevil_answers_total", "404"] == 1
    assert found["dustdevil_answer_seconds_count",] == 4
    assert found["dustdevil_answer_seconds_bucket", "+Inf"] == 4


def test_without_the_middleware_the_page_shows_what_is_counted_anyway(monitor):
    with Site(monitor, used=False) as site:
        found = site.metrics()
    assert found["dustdevil_requests_total",] == 1
    assert found["dustdevil_answer_seconds_count",] == 0
    assert not [key for key in found if key[0] == "dustdevil_answers_total"]


def test_pauses_of_the_collector_and_the_loops_lag(monitor):
    with Site(monitor) as site:

        @site.app.get("/collects")
        def collects(request):
            gc.collect()
            return "done"

        before = site.metrics()
        httpx.get(f"{site.url}/collects")
        found = site.metrics()
        # The lag is measured with each sweep; the first is a second after the start.
        while site.metrics()["dustdevil_loop_lag_seconds_count",] < 1:
            pass
    name = "dustdevil_gc_pause_seconds_count"
    assert found[name, "2"] == before[name, "2"] + 1


def test_no_collector_no_pauses(monitor):
    with Site(monitor, collect_when_idle=False) as site:
        assert not [name for name, *_ in site.metrics() if "gc" in name]


def test_other_workers_are_added_and_an_applications_own_is_shown():
    other, monitor = Monitor("site"), Monitor("site")
    other.registry.counter("site_sales_total", "Sales.").inc(3)
    monitor.registry.counter("site_sales_total", "Sales.").inc(4)

    async def others():
        return [other.registry.as_dict()]

    with Site(monitor) as site:
        site.server.others = others
        found = site.metrics()
    assert found["site_sales_total",] == 7
    assert found["site_requests_total",] == 1
