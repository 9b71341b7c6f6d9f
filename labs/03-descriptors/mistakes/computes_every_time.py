"""A property by another name: nothing is kept."""

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
        return self.compute(instance)
