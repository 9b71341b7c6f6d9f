"""Takes the text that matched for the value: {id:int} gives "7" and not 7."""

CAUGHT_BY = "placeholders"
MESSAGE = """\
wrong: Route('/nulinevo/{visa:int}').params('/nulinevo/7713')
  expected: {'visa': 7713}
  got:      {'visa': '7713'}
The text matched, but nothing made an int of it.
"""


class Route:
    def params(self, path):
        found = self.regex.fullmatch(path)
        return found and found.groupdict()
