"""Believes that HEAD needs handlers of its own."""

CAUGHT_BY = "finds"
MESSAGE = """\
wrong: router.match('HEAD', '/zireda/tasu')
  expected: show() with {'name': 'tasu'}
  got:      MethodNotAllowed: only GET, POST allowed here
"""


class Route:
    def handler(self, method):
        return self.handlers.get(method)
