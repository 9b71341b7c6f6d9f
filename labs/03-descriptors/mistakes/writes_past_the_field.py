"""Puts the value into the dictionary itself: the field is never asked."""

CAUGHT_BY = "defaults_and_names"
MESSAGE = """\
wrong: max_dafovofi = Size('54 KiB'), zibafova_timeout = Seconds(7); Limits().as_dict()
  expected: {'max_dafovofi': 55296, 'zibafova_timeout': 7.0}
  got:      {'max_dafovofi': '54 KiB', 'zibafova_timeout': 7}
A default goes through the same door as every other value.
"""


class Settings:
    def __setattr__(self, name, value):
        if name not in self.fields():
            close = difflib.get_close_matches(name, self.fields(), 1)
            hint = f"; did you mean {close[0]}?" if close else ""
            raise SettingError(f"{type(self).__name__} has no setting {name}{hint}")
        self.__dict__[name] = value
