"""Adds a __set__ for protection, and becomes a data descriptor: the instance's
dictionary is not looked at any more."""

CAUGHT_BY = "computed_once"
MESSAGE = """\
wrong: thing.bukimeme is 74, read three times: how often it was computed
  expected: 1
  got:      3
"""


class lazy:
    def __get__(self, instance, owner):
        if instance is None:
            return self
        value = instance.__dict__[self.name] = self.compute(instance)
        return value

    def __set__(self, instance, value):
        raise AttributeError(f"{self.name} is computed")
