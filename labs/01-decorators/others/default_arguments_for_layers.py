"""The other cure for late binding: a default argument keeps the value of its round."""


class Router:
    def wrap(self, handler):
        for middleware in self.middleware[::-1]:

            def handler(request, ring=middleware, inner=handler):
                return ring(request, inner)

        return handler

    def match(self, method, path):
        allowed = frozenset()
        for route, params in self._candidates(path):
            try:
                return Match(route.handlers[method], params)
            except KeyError:
                if method == "HEAD" and "GET" in route.handlers:
                    return Match(route.handlers["GET"], params)
                allowed |= route.allowed
        if not allowed:
            raise NotFound(f"nothing at {path}")
        raise MethodNotAllowed(allowed)
