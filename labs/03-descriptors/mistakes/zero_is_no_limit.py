"""Asks `if not value` where it means `if value is None`: 0 becomes “no limit”."""

CAUGHT_BY = "none_where_allowed"
MESSAGE = """\
wrong: an optional field: check(0)
  expected: (0,)
  got:      None
0 is a limit.
"""


class Field:
    def check(self, value):
        if self.optional and (not value or value == "none"):
            return None
        try:
            return self.convert(value)
        except (ValueError, TypeError, OverflowError):
            wants = self.wants + (" or none" if self.optional else "")
            raise SettingError(f"{self.name}: {value!r} is not {wants}") from None
