"""Puts the value into the instance with setattr, which asks the field again."""

CAUGHT_BY = "each_its_own"
MESSAGE = """\
wrong: x.tabagi = 53
  expected: the value is kept
  got:      the field asks itself, until Python gives up
setattr(x, name, value) is the same as the assignment: the class has a field of that name, and its __set__ is called again.
"""


class Field:
    def __set__(self, instance, value):
        setattr(instance, self.name, self.check(value))
