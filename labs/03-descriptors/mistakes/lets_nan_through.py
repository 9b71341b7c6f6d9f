"""Looks for numbers outside the bounds. NaN is not outside: it is nowhere."""

CAUGHT_BY = "numbers"
MESSAGE = """\
wrong: Number field, which wants a number from -15 to 1, given nan
  expected: SettingError is raised
  got:      no exception
NaN is neither below the minimum nor above the maximum.
"""


class Number:
    def convert(self, value):
        if isinstance(value, str):
            value = self.parse(value)
        if isinstance(value, bool):
            raise ValueError
        if self.number is int and value != int(value):
            raise ValueError
        if value < self.minimum or value > self.maximum:
            raise ValueError
        return self.number(value)
