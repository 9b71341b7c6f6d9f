"""Routes and middleware, declared with decorators.

A router is a table from a method and a path to a handler. Decorators fill the
table while the module that uses them is imported; a server asks it once for every
request. Nothing here knows of sockets or HTTP messages: a handler is any callable,
and a request is whatever the server passes on.

    router = Router()

    @router.get("/hello/{name}")
    def hello(request, name):
        return f"Hello, {name}!"

    match = router.match("GET", "/hello/Ada")
    match.handler(None, **match.params)        # 'Hello, Ada!'
"""

import re
from collections.abc import Callable, Iterable, Iterator
from typing import Any, NamedTuple, TypeVar
from urllib.parse import quote

Handler = Callable[..., Any]
Middleware = Callable[[Any, Handler], Any]
Registered = TypeVar("Registered", bound=Handler)

METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")

# What may stand behind the colon in "{id:int}": the text it takes, and what makes a
# value of that text. Eighteen digits always fit into 64 bits. Without a bound, a
# path of many digits would make int() raise: CPython converts 4,300 at most.
CONVERTERS: dict[str, tuple[str, Callable[[str], Any]]] = {
    "str": (r"[^/]+", str),
    "int": (r"[0-9]{1,18}", int),
    "path": (r".+", str),
}

# A pattern is plain text with placeholders in it: "{name}" or "{name:converter}".
PLACEHOLDER = re.compile(r"\{(\w+)(?::(\w+))?\}")


class NotFound(LookupError):
    """No route has this path: a server answers 404 (RFC 9110, section 15.5.5)."""


class MethodNotAllowed(LookupError):
    """The path exists, but not for this method: 405 (RFC 9110, section 15.5.6).

    `allowed` holds the methods that the path has, for the Allow header, which such
    an answer must carry.
    """

    def __init__(self, allowed: Iterable[str]) -> None:
        self.allowed = frozenset(allowed)
        super().__init__(f"only {', '.join(sorted(self.allowed))} allowed here")


class Match(NamedTuple):
    """What a router found: call `handler(request, **params)`."""

    handler: Handler
    params: dict[str, Any]


class Route:
    """One path pattern, and the handlers of its methods."""

    def __init__(self, pattern: str) -> None:
        self.pattern = pattern
        self.handlers: dict[str, Handler] = {}
        self.convert: dict[str, Callable[[str], Any]] = {}
        self.regex = re.compile(self._translate(pattern), re.DOTALL)

    def _translate(self, pattern: str) -> str:
        """Return the regular expression for a pattern; note its converters."""
        if not pattern.startswith("/"):
            raise ValueError(f"a path starts with '/', and {pattern!r} does not")
        # split() with two groups gives text, name, converter, text, name, …, text.
        text, *rest = PLACEHOLDER.split(pattern)
        regex = self._literal(text)
        for name, converter, text in zip(
            rest[::3], rest[1::3], rest[2::3], strict=True
        ):
            regex += self._group(name, converter or "str") + self._literal(text)
        return regex

    def _literal(self, text: str) -> str:
        # A brace left over here is a placeholder that PLACEHOLDER did not take.
        if "{" in text or "}" in text:
            raise ValueError(f"{self.pattern!r} has a placeholder that is not {{name}}")
        return re.escape(text)

    def _group(self, name: str, converter: str) -> str:
        if not name.isidentifier():
            raise ValueError(f"{name!r} in {self.pattern!r} can't name an argument")
        if name in self.convert:
            raise ValueError(f"{name!r} stands twice in {self.pattern!r}")
        if converter not in CONVERTERS:
            known = ", ".join(CONVERTERS)
            raise ValueError(f"{converter!r} in {self.pattern!r} is none of {known}")
        expression, self.convert[name] = CONVERTERS[converter]
        return f"(?P<{name}>{expression})"

    def add(self, method: str, handler: Handler) -> None:
        """Give one method of this path its handler.

        Raises ValueError where the method has one already: two functions for one
        request are a mistake that should be heard when the program starts.
        """
        if method in self.handlers:
            taken = getattr(self.handlers[method], "__name__", self.handlers[method])
            raise ValueError(f"{method} {self.pattern} has a handler already: {taken}")
        self.handlers[method] = handler

    def handler(self, method: str) -> Handler | None:
        """Return the method's handler; HEAD without one of its own takes GET's.

        That HEAD is answered like GET, only without the body, is the server's part
        (RFC 9110, section 9.3.2).
        """
        found = self.handlers.get(method)
        if found is None and method == "HEAD":
            found = self.handlers.get("GET")
        return found

    @property
    def allowed(self) -> set[str]:
        """The methods this path answers."""
        return {method for method in METHODS if self.handler(method)}

    def params(self, path: str) -> dict[str, Any] | None:
        """Return the path's arguments, converted, or None if it is another path."""
        # The whole path. A "$" is not enough: it would let a last newline pass.
        found = self.regex.fullmatch(path)
        if found is None:
            return None
        convert = self.convert
        return {name: convert[name](text) for name, text in found.groupdict().items()}

    def build(self, params: dict[str, Any]) -> str:
        """Return the path with its placeholders filled in, percent-encoded.

        Raises LookupError for a value that this route would not match again.
        """

        def fill(placeholder: re.Match[str]) -> str:
            name, converter = placeholder[1], placeholder[2] or "str"
            text = str(params[name])
            if not re.fullmatch(CONVERTERS[converter][0], text, re.DOTALL):
                raise LookupError(f"{text!r} does not fit {name!r} of {self.pattern}")
            return quote(text, safe="/" if converter == "path" else "")

        return PLACEHOLDER.sub(fill, self.pattern)


class Router:
    """Decorators that fill a table of routes, and the questions a server asks it."""

    def __init__(self) -> None:
        # A path without placeholders is found by one look into a dictionary, however
        # many there are. The others are tried one by one, in order of declaration.
        self.static: dict[str, Route] = {}
        self.dynamic: dict[str, Route] = {}
        self.names: dict[str, list[Route]] = {}
        self.middleware: list[Middleware] = []

    def route(
        self,
        pattern: str,
        methods: Iterable[str] | None = None,
        name: str | None = None,
    ) -> Callable[[Registered], Registered]:
        """Return a decorator that enters its function, or class, into the table.

        A function answers `methods` (GET, if not said); a class is called once, and
        its methods get(), post() and so on answer the HTTP methods of their names.
        `name` is what `url_for` finds it by, `__name__` if not said.

        Raises TypeError for a decorator written without its path, and ValueError, when
        the decorator is applied, for a pattern that can't be read, an unknown method,
        or a method and path that are taken.
        """
        if not isinstance(pattern, str):
            # Without parentheses, Python passes the function as the path, and the
            # decorator that we would return is never called: the page is missing.
            raise TypeError(f"a route needs its path, as in @get('/'), not {pattern!r}")

        def register(handler: Registered) -> Registered:
            route = self._route_for(pattern)
            for method, function in handlers_of(handler, methods).items():
                route.add(method, function)
            label = getattr(handler, "__name__", type(handler).__name__)
            self.names.setdefault(name or str(label), []).append(route)
            # We return the same object, so the name below the decorator still means
            # the function, and decorators stack.
            return handler

        return register

    def _route_for(self, pattern: str) -> Route:
        table = self.dynamic if PLACEHOLDER.search(pattern) else self.static
        if pattern not in table:
            table[pattern] = Route(pattern)
        return table[pattern]

    def get(self, pattern: str, name: str | None = None):
        """Decorate the handler for GET (and, unless it has its own, HEAD)."""
        return self.route(pattern, ["GET"], name)

    def head(self, pattern: str, name: str | None = None):
        """Decorate the handler for HEAD, where GET's will not do."""
        return self.route(pattern, ["HEAD"], name)

    def post(self, pattern: str, name: str | None = None):
        """Decorate the handler for POST."""
        return self.route(pattern, ["POST"], name)

    def put(self, pattern: str, name: str | None = None):
        """Decorate the handler for PUT."""
        return self.route(pattern, ["PUT"], name)

    def patch(self, pattern: str, name: str | None = None):
        """Decorate the handler for PATCH."""
        return self.route(pattern, ["PATCH"], name)

    def delete(self, pattern: str, name: str | None = None):
        """Decorate the handler for DELETE."""
        return self.route(pattern, ["DELETE"], name)

    def options(self, pattern: str, name: str | None = None):
        """Decorate the handler for OPTIONS."""
        return self.route(pattern, ["OPTIONS"], name)

    def match(self, method: str, path: str) -> Match:
        """Find the handler for a request; `path` is decoded and has no query.

        Raises NotFound, or MethodNotAllowed with the methods that would do.
        """
        allowed: set[str] = set()
        for route, params in self._candidates(path):
            handler = route.handler(method)
            if handler is not None:
                return Match(handler, params)
            allowed |= route.allowed
        if allowed:
            raise MethodNotAllowed(allowed)
        raise NotFound(path)

    def _candidates(self, path: str) -> Iterator[tuple[Route, dict[str, Any]]]:
        """Yield the routes with this path, with its arguments, likeliest first."""
        static = self.static.get(path)
        if static is not None:
            yield static, {}
        for route in self.dynamic.values():
            params = route.params(path)
            if params is not None:
                yield route, params

    def url_for(self, name: str, /, **params: Any) -> str:
        """Return the path of the handler called `name`, with `params` filled in.

        Raises LookupError where no route of that name takes exactly these params.
        """
        routes = self.names.get(name, [])
        for route in routes:
            if route.convert.keys() == params.keys():
                return route.build(params)
        if not routes:
            raise LookupError(f"no route is called {name!r}")
        wanted = " or ".join(route.pattern for route in routes)
        raise LookupError(f"{name!r} is {wanted}; given: {', '.join(params) or '-'}")

    def use(self, middleware: Middleware) -> Middleware:
        """Decorate a middleware: a callable of a request and the next one inward.

        The first one declared is the outermost: it sees a request first and the
        response last.
        """
        self.middleware.append(middleware)
        return middleware

    def wrap(self, handler: Handler) -> Handler:
        """Return `handler` inside all the middleware, as a callable of a request."""
        for middleware in reversed(self.middleware):
            handler = layer(middleware, handler)
        return handler


def layer(middleware: Middleware, inner: Handler) -> Handler:
    """Put one middleware around a handler.

    A function of its own, since each layer needs an `inner` of its own: closures
    made in the loop of `wrap` would all share its variable, and call themselves.
    """

    def call(request: Any) -> Any:
        return middleware(request, inner)

    return call


def handlers_of(handler: Handler, methods: Iterable[str] | None) -> dict[str, Handler]:
    """Return the HTTP methods a function or a class answers, and with what."""
    if not isinstance(handler, type):
        wanted = ["GET"] if methods is None else [method.upper() for method in methods]
        unknown = [method for method in wanted if method not in METHODS]
        if unknown or not wanted:
            raise ValueError(f"methods are some of {', '.join(METHODS)}: not {unknown}")
        return dict.fromkeys(wanted, handler)
    if methods is not None:
        raise ValueError(
            f"the class {handler.__name__} says by its methods what it does"
        )
    resource = handler()
    found = {
        m: getattr(resource, m.lower()) for m in METHODS if hasattr(resource, m.lower())
    }
    if not found:
        raise ValueError(f"the class {handler.__name__} has no get(), post(), …")
    return found
