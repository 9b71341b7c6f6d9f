"""Puts the two dictionaries together the wrong way round: the defaults win."""

CAUGHT_BY = "defaults_and_names"
MESSAGE = """\
wrong: Limits(zibafova_timeout='2 min'): its two values
  expected: [55296, 120.0]
  got:      [55296, 7.0]
What is given comes before what the class says.
"""


class Settings:
    def __init__(self, **values):
        defaults = {name: field.default for name, field in self.fields().items()}
        for name, value in (values | defaults).items():
            setattr(self, name, value)
