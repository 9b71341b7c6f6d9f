"""Ends the search at the first route with this path, though another has the method."""

CAUGHT_BY = "finds"
MESSAGE = """\
wrong: router.match('POST', '/zireda/tasu'); the routes are GET /zireda/tasu-fixed, GET /own, HEAD /own, GET /zireda/{name}, POST /zireda/{other}
  expected: save() with {'other': 'tasu'}
  got:      MethodNotAllowed: only GET, HEAD allowed here
at match: raise MethodNotAllowed(route.allowed)
"""


class Router:
    def match(self, method, path):
        for route, params in self._candidates(path):
            handler = route.handler(method)
            if handler is None:
                raise MethodNotAllowed(route.allowed)
            return Match(handler, params)
        raise NotFound(path)
