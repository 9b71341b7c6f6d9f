"""The contract of dustdevil.metrics.registry."""

import json
from math import ceil, inf, isnan, nan

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client.parser import text_string_to_metric_families

from dustdevil.metrics import Counter, Gauge, Histogram, Reading, Registry

times = st.floats(min_value=1e-9, max_value=1e9)


def histogram(values):
    histogram = Histogram()
    for value in values:
        histogram.observe(value)
    return histogram


# Counters and gauges


def test_a_counter_grows_and_never_falls():
    counter = Counter()
    counter.inc()
    counter.inc(2.5)
    assert counter.value == 3.5
    with pytest.raises(ValueError, match="only grows"):
        counter.inc(-1)
    assert counter.value == 3.5


def test_a_gauge_goes_both_ways():
    gauge = Gauge()
    gauge.set(10)
    gauge.inc(-3)
    assert gauge.value == 7


# Histograms


@given(st.lists(times, min_size=1), st.floats(0, 1))
def test_a_quantile_is_within_a_thirtysecond_of_the_sorted_list(values, q):
    exact = sorted(values)[max(1, ceil(q * len(values))) - 1]
    assert abs(histogram(values).quantile(q) - exact) <= exact / 32


@given(st.lists(st.floats(-1e9, 1e9)))
def test_count_sum_and_cumulative_counts_are_exact(values):
    counted = histogram(values)
    assert counted.count == len(values)
    assert counted.sum == pytest.approx(sum(values))
    for bound, many in counted.cumulative():
        assert many == sum(value <= bound for value in values)


def test_a_value_on_a_bound_counts_as_below_it():
    below = dict(histogram([0.25, 1, 1.0000001, 64, 65]).cumulative())
    assert (below[0.125], below[0.25], below[0.5]) == (0, 1, 1)
    assert (below[1], below[2], below[32], below[64]) == (2, 3, 3, 4)
    assert below[inf] == 5


def test_zero_and_less_share_a_bucket():
    counted = histogram([0, -3, 5])
    assert counted.quantile(0.5) == 0
    assert counted.quantile(1) == pytest.approx(5, rel=1 / 32)
    assert counted.max == 5


def test_an_empty_histogram_has_no_quantile():
    assert isnan(Histogram().quantile(0.5))


@pytest.mark.parametrize("share", [-0.1, 1.1, 99, nan])
def test_a_quantile_is_asked_for_by_a_share(share):
    with pytest.raises(ValueError, match="share from 0 to 1"):
        histogram([1]).quantile(share)


@pytest.mark.parametrize("value", [nan, inf, -inf])
def test_what_is_no_number_is_refused_and_nothing_changes(value):
    counted = histogram([1])
    with pytest.raises(ValueError, match="can't count"):
        counted.observe(value)
    assert (counted.count, counted.sum) == (1, 1)


@given(st.lists(times), st.lists(times))
def test_two_histograms_add_up_to_that_of_both_lists(a, b):
    both = histogram(a)
    both.add(json.loads(json.dumps(histogram(b).state())))
    together = histogram(a + b)
    assert both.state() == {
        **together.state(),
        "sum": pytest.approx(together.sum, rel=1e-9),
    }
    assert both.count == together.count


# Registries


def test_a_name_and_labels_are_one_metric():
    registry = Registry()
    first = registry.counter("answers_total", "Answers.", status="200", method="GET")
    again = registry.counter("answers_total", "Answers.", method="GET", status="200")
    other = registry.counter("answers_total", "Answers.", method="GET", status="404")
    assert first is again
    assert first is not other


def test_a_name_has_one_kind():
    registry = Registry()
    registry.counter("a_total", "A.")
    with pytest.raises(ValueError, match="a_total is a counter already, and no gauge"):
        registry.gauge("a_total", "A.")


@pytest.mark.parametrize("name", ["", "1a", "a b", "a-b", "é"])
def test_names_that_prometheus_refuses_are_refused(name):
    with pytest.raises(ValueError, match="can't be called"):
        Registry().counter(name, "A.")
    with pytest.raises(ValueError, match="label can't be called"):
        Registry().counter("a", "A.", **{name: "x"})


@pytest.mark.parametrize("label", ["le", "__name"])
def test_labels_that_mean_something_are_refused(label):
    with pytest.raises(ValueError, match="label can't be called"):
        Registry().counter("a", "A.", **{label: "x"})


def test_a_reading_is_taken_when_it_is_shown():
    registry, here = Registry(), []
    registry.attach(Reading("gauge", lambda: len(here)), "things", "How many.")
    here += "abc"
    assert "things 3\n" in registry.text()
    assert registry.as_dict()["things"]["series"] == [[{}, 3]]


# Merging


def worker(requests, times):
    registry = Registry()
    registry.counter("requests_total", "Requests.", status="200").inc(requests)
    registry.attach(Reading("gauge", lambda: requests * 10), "open", "Open.")
    latency = registry.histogram("seconds", "Time.")
    for time in times:
        latency.observe(time)
    return json.loads(json.dumps(registry.as_dict()))


def test_workers_add_up():
    merged = Registry.merge([worker(3, [0.1, 0.2]), worker(4, [0.3])])
    assert merged.counter("requests_total", "", status="200").value == 7
    assert merged.gauge("open", "").value == 70
    assert merged.histogram("seconds", "").count == 3
    assert merged.text() == Registry.merge([merged.as_dict()]).text()


@pytest.mark.parametrize(
    "broken",
    [
        None,
        3,
        {"kind": "summary", "help": "", "series": [[{}, 1]]},
        {"kind": "gauge", "help": "", "series": [[{"status": "200"}, 1]]},
        {"kind": "counter", "help": "", "series": [[{}, "many"]]},
        {"kind": "counter", "help": "", "series": 3},
        {"kind": "counter"},
        {"kind": "counter", "help": "", "series": [["status", 1]]},
    ],
)
def test_what_cannot_be_merged_is_named_and_the_rest_is_kept(broken, caplog):
    odd = {**worker(4, [2]), "requests_total": broken}
    merged = Registry.merge([worker(3, [1]), odd])
    assert "requests_total can't be merged" in caplog.text
    assert merged.counter("requests_total", "", status="200").value == 3
    assert merged.histogram("seconds", "").count == 2


# The text format


def parsed(text):
    """Name and labels to value, as Prometheus' own Python library reads them."""
    return {
        (sample.name, *sorted(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def test_an_independent_parser_reads_what_we_write():
    registry = Registry()
    registry.counter("requests_total", "Requests.", status="200").inc(7)
    registry.counter("requests_total", "Requests.", status="404").inc()
    registry.gauge("open", "Open\nconnections, in \\ out.").set(-2.5)
    latency = registry.histogram("seconds", "Time.", route="/")
    for value in 0.001, 0.5, 100:
        latency.observe(value)
    families = {f.name: f for f in text_string_to_metric_families(registry.text())}
    assert {name: family.type for name, family in families.items()} == {
        "requests": "counter",
        "open": "gauge",
        "seconds": "histogram",
    }
    assert families["open"].documentation == "Open\nconnections, in \\ out."
    values = parsed(registry.text())
    assert values["requests_total", ("status", "200")] == 7
    assert values["requests_total", ("status", "404")] == 1
    assert values[("open",)] == -2.5
    route = ("route", "/")
    assert values["seconds_count", route] == 3
    assert values["seconds_sum", route] == pytest.approx(100.501)
    assert values["seconds_bucket", ("le", "0.5"), route] == 2
    assert values["seconds_bucket", ("le", "+Inf"), route] == 3


@given(st.text())
def test_any_text_may_be_a_labels_value(text):
    registry = Registry()
    registry.gauge("a", "A.", name=text).set(1)
    # The format's lines end with a line feed, and with nothing else.
    lines = registry.text().split("\n")
    assert len(lines) == 4
    escaped = lines[2].removeprefix('a{name="').removesuffix('"} 1')
    assert unescape(escaped) == text


def unescape(text):
    """The specification's three escapes, read back character by character."""
    out, characters = "", iter(text)
    for character in characters:
        assert character != '"'
        if character == "\\":
            character = {"\\": "\\", '"': '"', "n": "\n"}[next(characters)]
        out += character
    return out


@pytest.mark.parametrize(("value", "text"), [(inf, "+Inf"), (-inf, "-Inf"), (1, "1")])
def test_numbers_are_written_as_go_reads_them(value, text):
    registry = Registry()
    registry.gauge("a", "A.").set(value)
    assert registry.text().endswith(f"\na {text}\n")
