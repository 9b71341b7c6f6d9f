"""Takes "not found" for everything that has no handler."""

CAUGHT_BY = "not_found_or_not_allowed"
MESSAGE = """\
wrong: router.match('POST', '/dizavuse/7')
  expected: MethodNotAllowed is raised
  got:      NotFound: /dizavuse/7
The path is there, and a client that is told 404 would believe that it is not.
at match: raise NotFound(path)
"""


class Router:
    def match(self, method, path):
        for route, params in self._candidates(path):
            handler = route.handler(method)
            if handler is not None:
                return Match(handler, params)
        raise NotFound(path)
