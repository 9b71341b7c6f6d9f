"""Metrics of several workers: asked, added up, and kept."""

import pytest

from dustdevil.metrics import Registry
from dustdevil.processes import Totals


def counted(number):
    registry = Registry()
    registry.counter("asked_total", "Questions.").inc(number)
    registry.gauge("at_work", "Questions under way.").set(number)
    return registry.as_dict()


class Workers:
    """Some that are asked, "me" who asks, and answers that come back."""

    def __init__(self, *names):
        self.timers, self.asked, self.answers = [], {}, []
        self.totals = Totals(lambda _, call, *args: self.timers.append((call, args)))
        self.told = self.totals.told
        self.others = {
            name: lambda name=name, **message: self.asked.update({name: message})
            for name in names
        }

    def ask(self):
        self.totals.ask("me", self.answers.append, self.others)

    def sums(self):
        """The counter and the gauge of the one answer that there is."""
        merged = Registry.merge(self.answers.pop())
        assert self.answers == []
        metrics = merged.counter("asked_total", ""), merged.gauge("at_work", "")
        return [metric.value for metric in metrics]

    def time_is_over(self):
        for call, args in self.timers:
            call(*args)


def test_the_answers_of_all_others_are_one():
    workers = Workers("a", "b")
    workers.told("me", [counted(100)])
    workers.ask()
    assert workers.asked == {"a": {"tell": True}, "b": {"tell": True}}
    workers.told("a", [counted(2)])
    assert workers.answers == []
    workers.told("b", [counted(3)])
    assert workers.sums() == [5, 5]
    workers.time_is_over()
    assert workers.answers == []


@pytest.mark.parametrize("hangs", [True, False])
def test_nobody_waits_for_one_that_hangs_or_has_ended(hangs):
    workers = Workers("a", "b")
    workers.ask()
    workers.told("a", [counted(2)])
    if hangs:
        workers.time_is_over()
    else:
        workers.totals.gone("b")
    assert workers.sums() == [2, 2]
    if hangs:
        workers.told("b", [counted(3)])  # too late for that question
        assert workers.answers == []


def test_for_one_that_hangs_its_last_word_counts():
    workers = Workers("a", "b")
    workers.told("b", [counted(3)])
    workers.ask()
    workers.told("a", [counted(2)])
    workers.time_is_over()
    assert workers.sums() == [5, 5]


def test_what_those_counted_who_have_ended_is_kept_and_what_they_were_at_is_not():
    workers = Workers()
    for name in ("a", "b"):
        workers.told(name, [counted(1)])
        workers.told(name, [counted(4)])
        workers.totals.gone(name)
        workers.totals.gone(name)
    workers.ask()
    assert workers.sums() == [8, 0]


def test_two_who_ask_at_a_time_are_answered_in_turn():
    workers = Workers("a")
    workers.totals.ask("b", lambda found: workers.answers.append("b's"), workers.others)
    workers.ask()
    workers.told("a", [counted(1)])
    assert workers.answers[0] == "b's"
    assert len(workers.answers) == 2
