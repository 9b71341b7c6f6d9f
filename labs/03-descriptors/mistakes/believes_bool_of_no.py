"""Takes bool() for a reader of words. Every text that is not empty is true."""

CAUGHT_BY = "text_and_words"
MESSAGE = """\
wrong: Boolean field, which wants yes or no, given 'no'
  expected: False, of type bool
  got:      True, of type bool
Every text but '' is true to bool().
"""


class Boolean:
    def convert(self, value):
        return bool(value)
