"""Tries the units in their order: "5 kib" ends in "b", and "5 ki" is no number."""

CAUGHT_BY = "units"
MESSAGE = """\
wrong: Size field, which wants a size (bytes, KiB, MiB, GiB) from 0 to inf, given '2 KiB'
  expected: 2048, of type int
  got:      SettingError: size: '2 KiB' is not a size (bytes, KiB, MiB, GiB) from 0 to inf
at check: raise SettingError(f"{self.name}: {value!r} is not {wants}") from None
"""


class Number:
    def parse(self, text):
        text = text.strip().lower()
        for unit, factor in self.units.items():
            if unit and text.endswith(unit):
                text = text.removesuffix(unit).rstrip()
                break
        else:
            factor = self.units[""]
        if not re.fullmatch(r"-?[0-9]+(\.[0-9]+)?", text):
            raise ValueError
        return float(text) * factor
