"""Keeps the value first. When it is refused, the good one is gone."""

CAUGHT_BY = "refused_changes_nothing"
MESSAGE = """\
wrong: x.nilulozu = 94, then x.nilulozu = 'refuse this', which check refuses; then x.nilulozu
  expected: ['checked', 94]
  got:      'refuse this'
The old value is still good, and a server goes on with it.
"""


class Field:
    def __set__(self, instance, value):
        instance.__dict__[self.name] = value
        instance.__dict__[self.name] = self.check(value)
