"""The decorator is an object with __call__, and so is a layer of middleware."""


class Router:
    def route(self, pattern, methods=None, name=None):
        if type(pattern) is not str:
            raise TypeError(f"{pattern} is no path")
        return Registration(self, pattern, methods, name)

    def wrap(self, handler):
        return layer_all(list(self.middleware), handler)


class Registration:
    def __init__(self, router, pattern, methods, name):
        self.router, self.pattern = router, pattern
        self.methods, self.name = methods, name

    def __call__(self, handler):
        route = self.router._route_for(self.pattern)
        for method, function in handlers_of(handler, self.methods).items():
            route.add(method, function)
        label = self.name or getattr(handler, "__name__", None)
        label = label or type(handler).__name__
        self.router.names[label] = [*self.router.names.get(label, []), route]
        return handler


class Layer:
    def __init__(self, middleware, inner):
        self.middleware, self.inner = middleware, inner

    def __call__(self, request):
        return self.middleware(request, self.inner)


def layer(middleware, inner):
    return Layer(middleware, inner)


def layer_all(rings, handler):
    if not rings:
        return handler
    return layer(rings[0], layer_all(rings[1:], handler))
