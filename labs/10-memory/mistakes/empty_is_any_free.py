"""Takes an arena for empty as soon as it has a free pool."""

CAUGHT_BY = "arenas_go"
MESSAGE = """\
wrong: empty, with 13 of 16 pools in use
  expected: False
  got:      True
"""


class Arena:
    @property
    def empty(self):
        return bool(self.free)
