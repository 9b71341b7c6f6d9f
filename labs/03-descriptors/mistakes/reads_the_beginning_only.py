"""Takes match() to compare the whole text: it is content with the beginning."""

CAUGHT_BY = "no_numbers"
MESSAGE = """\
wrong: Size field, which wants a size (bytes, KiB, MiB, GiB) from 0 to inf, given '8_0'
  expected: SettingError is raised
  got:      no exception
"""


class Number:
    def parse(self, text):
        found = re.match(r"(-?[0-9]+(?:\.[0-9]+)?) ?([a-z]*)", text.strip().lower())
        if not found or found[2] not in self.units:
            raise ValueError
        return float(found[1]) * self.units[found[2]]
