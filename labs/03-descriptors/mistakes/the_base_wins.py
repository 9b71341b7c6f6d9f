"""Goes from the class to its bases, so that the base's field replaces the class's."""

CAUGHT_BY = "knows_its_fields"
MESSAGE = """\
wrong: Lower(Base) has mugozo, rava once more, and pakaso: the names in Lower.fields()
  expected: ['rava', 'pigete', 'mugozo', 'pakaso']
  got:      ['mugozo', 'rava', 'pakaso', 'pigete']
Those of the bases come first, and a name keeps its place.
"""


class Settings:
    @classmethod
    def fields(cls):
        found = {}
        for base in cls.__mro__:
            found |= vars(base)
        return {name: item for name, item in found.items() if isinstance(item, Field)}
