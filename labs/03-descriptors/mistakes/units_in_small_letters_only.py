"""Compares units letter by letter: KiB is not found."""

CAUGHT_BY = "units"
MESSAGE = """\
wrong: Size field, which wants a size (bytes, KiB, MiB, GiB) from 0 to inf, given '2 B'
  expected: 2, of type int
  got:      SettingError: size: '2 B' is not a size (bytes, KiB, MiB, GiB) from 0 to inf
at check: raise SettingError(f"{self.name}: {value!r} is not {wants}") from None
"""


class Number:
    def parse(self, text):
        found = re.fullmatch(r"(-?[0-9]+(?:\.[0-9]+)?) ?([A-Za-z]*)", text.strip())
        if not found or found[2] not in self.units:
            raise ValueError
        return float(found[1]) * self.units[found[2]]
