"""Forgets that True is an int to Python: port=True is port 1."""

CAUGHT_BY = "numbers"
MESSAGE = """\
wrong: Integer field, which wants a whole number from 0 to inf, given True
  expected: SettingError is raised
  got:      no exception
True is 1 and False is 0 to Python, but port=True is a slip.
"""


class Number:
    def convert(self, value):
        if isinstance(value, str):
            value = self.parse(value)
        if value != self.number(value):
            raise ValueError
        if not self.minimum <= value <= self.maximum:
            raise ValueError
        return self.number(value)
