"""Lets int() make a whole number of 1.5."""

CAUGHT_BY = "numbers"
MESSAGE = """\
wrong: Integer field, which wants a whole number from -15 to 1, given -7.5
  expected: SettingError is raised
  got:      no exception
int() cuts off what stands behind the point, and says nothing.
"""


class Number:
    def convert(self, value):
        if isinstance(value, str):
            value = self.parse(value)
        if isinstance(value, bool):
            raise ValueError
        value = self.number(value)
        if not self.minimum <= value <= self.maximum:
            raise ValueError
        return value
