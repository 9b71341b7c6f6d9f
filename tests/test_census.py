"""Metrics of several workers: asked, added up, and kept."""

from dustdevil.census import Census
from dustdevil.metrics import Registry


def counted(number):
    registry = Registry()
    registry.counter("asked_total", "Questions.").inc(number)
    return registry.as_dict()


def total(dicts):
    return Registry.merge(dicts).counter("asked_total", "Questions.").value


class Workers:
    """Others that are asked, and answers that come back."""

    def __init__(self, *names):
        self.timers, self.asked, self.answers = [], {}, []
        self.census = Census(lambda _, call, *args: self.timers.append((call, args)))
        self.others = {
            name: lambda name=name, **message: self.asked.update({name: message})
            for name in names
        }

    def ask(self):
        self.census.ask(self.answers.append, self.others)


def test_the_answers_of_all_are_one():
    all_of_them = Workers("a", "b")
    all_of_them.ask()
    assert all_of_them.asked == {"a": {"tell": 1}, "b": {"tell": 1}}
    all_of_them.census.told("a", 1, [counted(2)])
    assert all_of_them.answers == []
    all_of_them.census.told("b", 1, [counted(3)])
    assert total(all_of_them.answers[0]) == 5
    [(call, args)] = all_of_them.timers
    call(*args)
    assert len(all_of_them.answers) == 1


def test_nobody_waits_for_one_that_hangs_or_has_ended():
    for give_up in ("time", "end"):
        all_of_them = Workers("a", "b")
        all_of_them.ask()
        all_of_them.census.told("a", 1, [counted(2)])
        if give_up == "time":
            [(call, args)] = all_of_them.timers
            call(*args)
        else:
            all_of_them.census.gone("b")
        assert total(all_of_them.answers[0]) == 2
        all_of_them.census.told("b", 1, [counted(3)])  # too late
        assert len(all_of_them.answers) == 1


def test_what_those_counted_who_left_is_kept():
    alone = Workers()
    alone.census.left([counted(2)])
    alone.census.left([counted(5)])
    alone.ask()
    assert total(alone.answers[0]) == 7
