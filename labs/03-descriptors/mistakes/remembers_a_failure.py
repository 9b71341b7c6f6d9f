"""Marks the attribute as computed before it is: a failure leaves None behind."""

CAUGHT_BY = "steps_aside"
MESSAGE = """\
wrong: thing.zuto, which raises ValueError
  expected: ValueError is raised
  got:      no exception
"""


class lazy:
    def __get__(self, instance, owner):
        if instance is None:
            return self
        instance.__dict__[self.name] = None
        instance.__dict__[self.name] = self.compute(instance)
        return instance.__dict__[self.name]
