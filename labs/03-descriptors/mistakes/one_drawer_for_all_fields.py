"""Keeps every field's value under the same name in the instance."""

CAUGHT_BY = "each_its_own"
MESSAGE = """\
wrong: one.tabagi = 53; one.risute = 41; two.tabagi = 91; then one.tabagi (this field's check makes a list)
  expected: ['checked', 53]
  got:      ['checked', 41]
Another assignment shows here. There is one field for all instances, and one instance for several fields.
"""


class Field:
    def __set__(self, instance, value):
        instance.__dict__["_value"] = self.check(value)

    def __get__(self, instance, owner):
        return self if instance is None else instance.__dict__["_value"]
