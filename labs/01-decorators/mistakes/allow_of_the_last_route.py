"""Names the methods of one route in Allow, where several have the path."""

CAUGHT_BY = "not_found_or_not_allowed"
MESSAGE = """\
wrong: router.match('POST', '/dizavuse/7'): the methods for the Allow header
  expected: ['DELETE', 'GET', 'HEAD', 'PUT']
  got:      ['DELETE', 'PUT']
Several routes may have the path; the header names the methods of all.
"""


class Router:
    def match(self, method, path):
        allowed = None
        for route, params in self._candidates(path):
            handler = route.handler(method)
            if handler is not None:
                return Match(handler, params)
            allowed = route.allowed
        if allowed:
            raise MethodNotAllowed(allowed)
        raise NotFound(path)
