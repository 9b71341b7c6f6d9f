"""Looks at name= only, and leaves a route without one out of the names."""

CAUGHT_BY = "enters_it"
MESSAGE = """\
wrong: the patterns of the routes in router.names.get('povava')
  expected: ['/benozu']
  got:      []
The name is what name= says, or else __name__, or else the class's.
"""


class Router:
    def route(self, pattern, methods=None, name=None):
        def register(handler):
            route = self._route_for(pattern)
            for method, function in handlers_of(handler, methods).items():
                route.add(method, function)
            if name:
                self.names.setdefault(name, []).append(route)
            return handler

        return register
