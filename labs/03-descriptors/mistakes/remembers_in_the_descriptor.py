"""Keeps the result in the descriptor: the first instance computes for all."""

CAUGHT_BY = "computed_once"
MESSAGE = """\
wrong: other.bukimeme: how often it was computed for another instance
  expected: 1
  got:      0
What one instance has computed, another must not be given.
"""


class lazy:
    def __get__(self, instance, owner):
        if instance is None:
            return self
        if not hasattr(self, "value"):
            self.value = self.compute(instance)
        return self.value
