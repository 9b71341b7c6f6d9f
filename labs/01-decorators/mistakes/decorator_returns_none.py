"""Believes that @router.get("/x") hands the function to get() itself.

The line is two calls. The first one, get("/x"), has to return a decorator for the
second; here it returns None, as every function does that says nothing else.
"""

CAUGHT_BY = "hands_it_back"
MESSAGE = """\
wrong: router.get('/sepo') is called first; its result decorates the function
  expected: something that can be called with a function
  got:      None
A decorator with arguments is a function that returns a decorator.
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
