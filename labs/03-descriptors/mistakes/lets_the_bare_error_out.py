"""Leaves it at convert's ValueError, which says neither which setting nor why."""

CAUGHT_BY = "says_what_is_wrong"
MESSAGE = """\
wrong: x.lamatomu = v, and convert raises ValueError
  expected: SettingError is raised
  got:      ValueError: fafepape
int() and float() refuse in these three ways; they mean the same to us.
at check: return self.convert(value)
"""


class Field:
    def check(self, value):
        if self.optional and value in (None, "none"):
            return None
        return self.convert(value)
