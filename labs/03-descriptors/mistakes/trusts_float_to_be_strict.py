"""Cuts off the unit and leaves the rest to float(), which takes 8_0, +80, nan and ٣."""

CAUGHT_BY = "no_numbers"
MESSAGE = """\
wrong: Size field, which wants a size (bytes, KiB, MiB, GiB) from 0 to inf, given '8_0'
  expected: SettingError is raised
  got:      no exception
"""


class Number:
    def parse(self, text):
        text = text.strip().lower()
        for unit in sorted(self.units, key=len, reverse=True):
            if text.endswith(unit):
                number = text.removesuffix(unit)
                return float(number) * self.units[unit]
        raise ValueError
