"""Assigns only what was given, and trusts that the class has the rest.

It has: the field itself.
"""

CAUGHT_BY = "defaults_and_names"
MESSAGE = """\
wrong: max_dafovofi = Size('54 KiB'), zibafova_timeout = Seconds(7); Limits().as_dict()
  expected: {'max_dafovofi': 55296, 'zibafova_timeout': 7.0}
  got:      {'max_dafovofi': 'the field itself', 'zibafova_timeout': 'the field itself'}
A default goes through the same door as every other value.
"""


class Settings:
    def __init__(self, **values):
        for name, value in values.items():
            setattr(self, name, value)
