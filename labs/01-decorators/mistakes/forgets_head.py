"""Believes that HEAD needs handlers of its own."""

CAUGHT_BY = "finds"
MESSAGE = """\
wrong: router.match('HEAD', '/zireda/tasu'); the routes are GET /zireda/tasu-fixed, GET /own, HEAD /own, GET /zireda/{name}, POST /zireda/{other}
  expected: show() with {'name': 'tasu'}
  got:      MethodNotAllowed: only GET, POST allowed here
at match: raise MethodNotAllowed(allowed)
"""


class Route:
    def handler(self, method):
        return self.handlers.get(method)
