"""Enters the function into the table, and believes that this was all.

What a decorator returns is what the name means from then on.
"""

CAUGHT_BY = "hands_it_back"
MESSAGE = """\
wrong: what the name sepo means below @router.get('/sepo')
  expected: sepo()
  got:      None
A function without a return statement returns None, and that is now the value of the name.
"""


class Router:
    def route(self, pattern, methods=None, name=None):
        def register(handler):
            route = self._route_for(pattern)
            for method, function in handlers_of(handler, methods).items():
                route.add(method, function)
            label = getattr(handler, "__name__", type(handler).__name__)
            self.names.setdefault(name or label, []).append(route)

        return register
