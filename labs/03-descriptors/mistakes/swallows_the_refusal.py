"""Takes a refusal for a reason to go on with the old value, and tells nobody."""

CAUGHT_BY = "refused_changes_nothing"
MESSAGE = """\
wrong: x.nilulozu = 94, then x.nilulozu = 'refuse this'
  expected: SettingError is raised
  got:      no exception
Whoever assigns wants to know.
"""


class Field:
    def __set__(self, instance, value):
        try:
            instance.__dict__[self.name] = self.check(value)
        except SettingError:
            pass
