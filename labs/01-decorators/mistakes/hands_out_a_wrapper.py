"""Believes that every decorator has to wrap what it decorates."""

import functools

CAUGHT_BY = "hands_it_back"
MESSAGE = """\
wrong: what the name sepo means below @router.get('/sepo')
  expected: sepo()
  got:      sepo(), but another object of that name
A route only enters the function into a table. Handing on a wrapper makes every direct call, and the next decorator, meet a stranger.
"""


class Router:
    def route(self, pattern, methods=None, name=None):
        def register(handler):
            route = self._route_for(pattern)
            for method, function in handlers_of(handler, methods).items():
                route.add(method, function)
            label = getattr(handler, "__name__", type(handler).__name__)
            self.names.setdefault(name or label, []).append(route)

            @functools.wraps(handler)
            def wrapper(*args, **kwargs):
                return handler(*args, **kwargs)

            return wrapper

        return register
