"""Keeps what was computed only if it is something. None is computed again and again."""

CAUGHT_BY = "computed_once"
MESSAGE = """\
wrong: thing.tema is '', read three times: how often it was computed
  expected: 1
  got:      3
Nothing, zero and empty are results like any other.
"""


class lazy:
    def __get__(self, instance, owner):
        if instance is None:
            return self
        value = self.compute(instance)
        if value:
            instance.__dict__[self.name] = value
        return value
