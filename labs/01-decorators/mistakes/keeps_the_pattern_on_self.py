"""Keeps what route() was called with on the router, in place of in a closure.

The decorators of a stack are all made before the first of them is applied, so each
finds there what the last call left.
"""

CAUGHT_BY = "stacks"
MESSAGE = """\
wrong: @router.route('/rofofo', methods=['GET']) @router.route('/gote', methods=['POST']) @router.route('/bisi', methods=['GET']), on one function: the handler of GET /rofofo
  expected: pibubefu()
  got:      None
"""


class Router:
    def route(self, pattern, methods=None, name=None):
        self.pattern, self.methods, self.name = pattern, methods, name
        return self.register

    def register(self, handler):
        route = self._route_for(self.pattern)
        for method, function in handlers_of(handler, self.methods).items():
            if method not in route.handlers:
                route.add(method, function)
        label = getattr(handler, "__name__", type(handler).__name__)
        self.names.setdefault(self.name or label, []).append(route)
        return handler
