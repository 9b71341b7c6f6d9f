"""Checks the value, and then keeps what was given: the text and not the number."""

CAUGHT_BY = "each_its_own"
MESSAGE = """\
wrong: one.tabagi = 53; one.risute = 41; two.tabagi = 91; then two.tabagi (this field's check makes a list)
  expected: ['checked', 91]
  got:      91
What is kept is what check returned, and not what it was given.
"""


class Field:
    def __set__(self, instance, value):
        self.check(value)
        instance.__dict__[self.name] = value
