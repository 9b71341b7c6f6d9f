"""Takes match() to compare the whole text: it is content with the beginning."""

CAUGHT_BY = "the_whole_path"
MESSAGE = """\
wrong: Route('/netotubi/{name}').params('/netotubi/tika/tika')
  expected: None
  got:      {'name': 'tika'}
"""


class Route:
    def params(self, path):
        found = self.regex.match(path)
        if found is None:
            return None
        return {
            name: self.convert[name](text) for name, text in found.groupdict().items()
        }
