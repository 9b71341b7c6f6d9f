"""Expects an instance at every read. Through the class there is none."""

CAUGHT_BY = "steps_aside"
MESSAGE = """\
wrong: Thing.bugafugu, read through the class
  expected: a lazy object
  got:      14
There is no instance to compute anything for.
"""


class lazy:
    def __get__(self, instance, owner):
        value = self.compute(instance)
        if instance is not None:
            instance.__dict__[self.name] = value
        return value
