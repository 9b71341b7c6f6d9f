"""Takes the bounds for the first values that are not allowed."""

CAUGHT_BY = "numbers"
MESSAGE = """\
wrong: Integer field, which wants a whole number from -15 to 1, given -15
  expected: -15, of type int
  got:      SettingError: whole: -15 is not a whole number from -15 to 1
at check: raise SettingError(f"{self.name}: {value!r} is not {wants}") from None
"""


class Number:
    def convert(self, value):
        if isinstance(value, str):
            value = self.parse(value)
        if isinstance(value, bool) or value != self.number(value):
            raise ValueError
        if not self.minimum < value < self.maximum:
            raise ValueError
        return self.number(value)
