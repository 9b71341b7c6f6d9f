"""Makes a string of whatever comes: host=None becomes the host "None"."""

CAUGHT_BY = "text_and_words"
MESSAGE = """\
wrong: Text field, which wants text, given 7
  expected: SettingError is raised
  got:      no exception
str() would make a text of anything, and hide that it was none.
"""


class Text:
    def convert(self, value):
        return str(value)
