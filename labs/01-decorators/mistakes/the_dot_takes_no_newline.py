"""Asks the converter's expression, and not as the route does: there a dot takes a
newline too."""

CAUGHT_BY = "url_for"
MESSAGE = """\
wrong: router.url_for('files', **{'rest': 'kodasuma\\n'}); the name stands for /files/{rest:path}
  expected: '/files/kodasuma%0A'
  got:      LookupError: 'kodasuma\\n' does not fit
at fill: raise LookupError(f"{text!r} does not fit")
"""


class Route:
    def build(self, params):
        def fill(placeholder):
            name, converter = placeholder[1], placeholder[2] or "str"
            text = str(params[name])
            if not re.fullmatch(CONVERTERS[converter][0], text):
                raise LookupError(f"{text!r} does not fit")
            return quote(text, safe="/" if converter == "path" else "")

        return PLACEHOLDER.sub(fill, self.pattern)
