"""Takes whatever comes for a path; after @router.get alone that is the function."""

CAUGHT_BY = "stacks"
MESSAGE = """\
wrong: @router.get above pibubefu(), without parentheses
  expected: TypeError is raised
  got:      no exception
The function came in where the path belongs. What route() returned would now be what the name means, and nobody would ever call it with a function.
"""


class Router:
    def route(self, pattern, methods=None, name=None):
        def register(handler):
            route = self._route_for(pattern)
            for method, function in handlers_of(handler, methods).items():
                route.add(method, function)
            label = getattr(handler, "__name__", type(handler).__name__)
            self.names.setdefault(name or label, []).append(route)
            return handler

        return register
