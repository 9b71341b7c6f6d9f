"""Has no door: a slip of the pen becomes an attribute that nobody reads."""

CAUGHT_BY = "defaults_and_names"
MESSAGE = """\
wrong: limits.max_dafovofx = 1
  expected: SettingError is raised
  got:      no exception
It would become an attribute that nobody reads.
"""


class Settings:
    def __setattr__(self, name, value):
        object.__setattr__(self, name, value)
