"""Puts a value into the path as it is: "?" in it would begin the query."""

CAUGHT_BY = "url_for"
MESSAGE = """\
wrong: router.url_for('puki', **{'id': 5094, 'user': 'falani ü?'}); the name stands for /sosufe/{id:int}/{user} and /sosufe
  expected: '/sosufe/5094/falani%20%C3%BC%3F'
  got:      '/sosufe/5094/falani ü?'
"""


class Route:
    def build(self, params):
        def fill(placeholder):
            text = str(params[placeholder[1]])
            expression, _ = CONVERTERS[placeholder[2] or "str"]
            if not re.fullmatch(expression, text):
                raise LookupError(f"{text!r} does not fit")
            return text

        return PLACEHOLDER.sub(fill, self.pattern)
