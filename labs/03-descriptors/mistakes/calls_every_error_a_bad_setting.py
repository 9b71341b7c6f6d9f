"""Catches Exception: mistakes in the program are blamed on who sets the value."""

CAUGHT_BY = "says_what_is_wrong"
MESSAGE = """\
wrong: x.lamatomu = v, and convert raises KeyError
  expected: KeyError is raised
  got:      SettingError: lamatomu: KeyError('lamatomu') is not a nusago
A KeyError in convert is a mistake in the program. Called a bad setting, it would be looked for in the wrong place.
at check: raise SettingError(f"{self.name}: {value!r} is not {wants}") from None
"""


class Field:
    def check(self, value):
        if self.optional and (value is None or value == "none"):
            return None
        try:
            return self.convert(value)
        except Exception:
            wants = self.wants + (" or none" if self.optional else "")
            raise SettingError(f"{self.name}: {value!r} is not {wants}") from None
