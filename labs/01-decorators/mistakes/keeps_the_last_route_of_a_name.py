"""Gives each name one route, and forgets the earlier one of a stacked decorator."""

CAUGHT_BY = "enters_it"
MESSAGE = """\
wrong: the patterns of the routes in router.names.get('povava'), once it is routed a second time
  expected: ['/benozu', '/benozu/more']
  got:      ['/benozu/more']
Decorators stack, so a name may have several routes: its list grows.
"""


class Router:
    def route(self, pattern, methods=None, name=None):
        if not isinstance(pattern, str):
            raise TypeError("a route needs its path")

        def register(handler):
            route = self._route_for(pattern)
            for method, function in handlers_of(handler, methods).items():
                route.add(method, function)
            label = getattr(handler, "__name__", type(handler).__name__)
            self.names[name or label] = [route]
            return handler

        return register
