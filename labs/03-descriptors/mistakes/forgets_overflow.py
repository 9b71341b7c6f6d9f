"""Expects ValueError and TypeError; int(inf) raises the third kind."""

CAUGHT_BY = "says_what_is_wrong"
MESSAGE = """\
wrong: x.lamatomu = v, and convert raises OverflowError
  expected: SettingError is raised
  got:      OverflowError: ripu
int() and float() refuse in these three ways; they mean the same to us.
at check: return self.convert(value)
"""


class Field:
    def check(self, value):
        if self.optional and (value is None or value == "none"):
            return None
        try:
            return self.convert(value)
        except (ValueError, TypeError):
            wants = self.wants + (" or none" if self.optional else "")
            raise SettingError(f"{self.name}: {value!r} is not {wants}") from None
