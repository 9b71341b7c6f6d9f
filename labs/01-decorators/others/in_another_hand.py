"""A router written in another hand: partial() for closures, plain loops, and one
expression where the reference has a step."""

from functools import partial, reduce


class Route:
    def _group(self, name, converter):
        if not name.isidentifier() or name in self.convert:
            raise ValueError(f"{name!r} can't be used here")
        try:
            expression, make = CONVERTERS[converter]
        except KeyError:
            raise ValueError(f"no converter {converter!r}") from None
        self.convert.update({name: make})
        return "(?P<" + name + ">" + expression + ")"

    def params(self, path):
        found = re.fullmatch(self.regex, path)
        values = {}
        if not found:
            return None
        for name in self.convert:
            values[name] = self.convert[name](found[name])
        return values

    def handler(self, method):
        names = ["HEAD", "GET"] if method == "HEAD" else [method]
        for name in names:
            if name in self.handlers:
                return self.handlers[name]
        return None

    def build(self, params):
        path = self.pattern
        for whole, name, converter in re.findall(
            r"(\{(\w+)(?::(\w+))?\})", self.pattern
        ):
            value = str(params[name])
            if re.fullmatch(CONVERTERS[converter or "str"][0], value, re.S) is None:
                raise LookupError(name)
            safe = "/" if converter == "path" else ""
            path = path.replace(whole, quote(value, safe=safe))
        return path


class Router:
    def route(self, pattern, methods=None, name=None):
        if callable(pattern):
            raise TypeError("parentheses and a path are missing after the decorator")
        return partial(self._register, pattern, methods, name)

    def _register(self, pattern, methods, name, handler):
        pairs = handlers_of(handler, methods)
        route = self._route_for(pattern)
        for method in pairs:
            route.add(method, pairs[method])
        self.names.setdefault(name or getattr(handler, "__name__", type(handler).__name__), []).append(route)
        return handler

    def match(self, method, path):
        candidates = list(self._candidates(path))
        if not candidates:
            raise NotFound(path)
        for route, params in candidates:
            if route.handler(method):
                return Match(route.handler(method), params)
        raise MethodNotAllowed(set().union(*[r.allowed for r, _ in candidates]))

    def url_for(self, name, /, **params):
        fitting = [r for r in self.names.get(name, []) if set(r.convert) == set(params)]
        if not fitting:
            raise LookupError(f"{name} with {params}")
        return fitting[0].build(params)

    def use(self, middleware):
        self.middleware += [middleware]
        return middleware

    def wrap(self, handler):
        return reduce(lambda inner, m: layer(m, inner), self.middleware[::-1], handler)


def layer(middleware, inner):
    return lambda request: middleware(request, inner)


def handlers_of(handler, methods):
    if isinstance(handler, type):
        resource, pairs = handler(), {}
        for method in METHODS:
            answer = getattr(resource, method.lower(), None)
            if answer:
                pairs[method] = answer
        if methods is not None or not pairs:
            raise ValueError(handler.__name__)
        return pairs
    pairs = {}
    for method in ("GET",) if methods is None else methods:
        if method.upper() not in METHODS:
            raise ValueError(method)
        pairs[method.upper()] = handler
    if not pairs:
        raise ValueError("no methods at all")
    return pairs
