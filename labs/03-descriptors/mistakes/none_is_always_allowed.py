"""Takes None wherever it comes, whether or not the setting is optional."""

CAUGHT_BY = "none_where_allowed"
MESSAGE = """\
wrong: a field lebevomu that is not optional: x.lebevomu = None
  expected: SettingError is raised
  got:      no exception
convert refuses None, and nothing says that it is allowed here.
"""


class Field:
    def check(self, value):
        if value is None or (self.optional and value == "none"):
            return None
        try:
            return self.convert(value)
        except (ValueError, TypeError, OverflowError):
            wants = self.wants + (" or none" if self.optional else "")
            raise SettingError(f"{self.name}: {value!r} is not {wants}") from None
