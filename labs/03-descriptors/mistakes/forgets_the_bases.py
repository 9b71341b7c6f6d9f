"""Looks into the class alone. What it inherits is an attribute, and no setting."""

CAUGHT_BY = "knows_its_fields"
MESSAGE = """\
wrong: Lower(Base) has mugozo, rava once more, and pakaso: the names in Lower.fields()
  expected: ['rava', 'pigete', 'mugozo', 'pakaso']
  got:      ['mugozo', 'rava', 'pakaso']
Those of the bases come first, and a name keeps its place.
"""


class Settings:
    @classmethod
    def fields(cls):
        return {name: item for name, item in vars(cls).items() if isinstance(item, Field)}
