"""Assigns with setattr inside __setattr__, which is what it was called by."""

CAUGHT_BY = "defaults_and_names"
MESSAGE = """\
wrong: Limits(), which assigns the defaults
  expected: the values are kept
  got:      __setattr__ asks itself, until Python gives up
setattr(self, name, value) is an assignment like any other, and comes back to __setattr__. The usual path is the base class's method.
"""


class Settings:
    def __setattr__(self, name, value):
        if name not in self.fields():
            close = difflib.get_close_matches(name, self.fields(), 1)
            hint = f"; did you mean {close[0]}?" if close else ""
            raise SettingError(f"{type(self).__name__} has no setting {name}{hint}")
        setattr(self, name, value)
