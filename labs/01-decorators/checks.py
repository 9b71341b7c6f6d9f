"""The checks of lab 1: `routing`, rebuilt."""

from workshop.labs.checks import (
    Bench,
    Wrong,
    check,
    expect,
    expect_raises,
    expect_same,
    expect_true,
    name_of,
)


def make_handler(word: str):
    """A handler called `word` that answers with its name and its arguments."""

    def handler(request, **params):
        return word, params

    handler.__name__ = handler.__qualname__ = word
    return handler


class Counter:
    """A handler that is no function: an object that can be called."""

    def __call__(self, request):
        return "counted"


def look_up(router, method: str, path: str):
    """What stands in the table, found without `match`, which is a later step."""
    for route, params in router._candidates(path):
        if method in route.handlers:
            return route.handlers[method], params
    return None, {}


@check(
    "The name below the decorator still means your function",
    step=1,
    read="One decorator for each path",
    hints=[
        "@router.get('/x') is two calls. The first is router.get('/x'); what that "
        "returns is called with your function.",
        "route() returns a function of one argument, the handler. What that inner "
        "function returns is what the name below the @ line means afterwards.",
        "Inside route(): def register(handler): …, ending with `return handler`; and "
        "route() itself ends with `return register`.",
    ],
)
def hands_it_back(bench: Bench) -> None:
    router, word = bench.routing.Router(), bench.word()
    handler = make_handler(word)
    decorator = router.get(f"/{word}")
    expect_true(
        f"router.get('/{word}') is called first; its result decorates the function",
        callable(decorator),
        "something that can be called with a function",
        name_of(decorator),
        "A decorator with arguments is a function that returns a decorator.",
    )
    name = decorator(handler)
    expect_same(
        f"what the name {word} means below @router.get('/{word}')",
        got=name,
        wanted=handler,
        why=_not_handed_back(name, handler),
    )


def _not_handed_back(name, handler) -> str:
    if name is None:
        return (
            "A function without a return statement returns None, and that is now the "
            "value of the name."
        )
    if callable(name):
        return (
            "A route only enters the function into a table. Handing on a wrapper makes "
            "every direct call, and the next decorator, meet a stranger."
        )
    return ""


@check(
    "The table knows which handler answers a method and a path",
    step=1,
    read="When does a page get into the table?",
    hints=[
        "Work at decoration time: when register(handler) runs, everything needed is "
        "there, the pattern, the methods and the handler.",
        "self._route_for(pattern) gives the Route of this path, making it if need be; "
        "its add(method, handler) enters the handler.",
        "for method in (['GET'] if methods is None else methods): "
        "route.add(method.upper(), handler)",
    ],
)
def enters_it(bench: Bench) -> None:
    router = bench.routing.Router()
    methods = bench.random.sample(["POST", "PUT", "PATCH", "DELETE"], 2)
    plain, several = (make_handler(bench.word()) for _ in range(2))
    paths = [f"/{bench.word()}" for _ in range(2)]
    router.route(paths[0])(plain)
    router.route(paths[1], methods=[methods[0], methods[1].lower()])(several)
    _expect_entry(router, "GET", paths[0], plain, f"@router.route({paths[0]!r})")
    said = f"@router.route({paths[1]!r}, methods={[methods[0], methods[1].lower()]})"
    for method in methods:
        _expect_entry(router, method, paths[1], several, said)
    handler, _ = look_up(router, "GET", paths[1])
    expect_same(
        f"{said}: the handler of GET {paths[1]}",
        got=handler,
        wanted=None,
        why="GET is only what methods=None stands for.",
    )
    name, instance = bench.word(), Counter()
    router.route(f"/{name}/named", name=name)(plain)
    router.route("/count")(instance)
    _expect_entry(router, "GET", "/count", instance, "an object with __call__ routed")
    for label, pattern in (
        (plain.__name__, paths[0]),
        (name, f"/{name}/named"),
        ("Counter", "/count"),
    ):
        expect(
            f"the patterns of the routes in router.names.get({label!r})",
            [route.pattern for route in router.names.get(label, [])],
            [pattern],
            "The name is what name= says, or else __name__, or else the class's.",
        )
    router.route(f"{paths[0]}/more")(plain)
    expect(
        f"the patterns of the routes in router.names.get({plain.__name__!r}), once it "
        "is routed a second time",
        [route.pattern for route in router.names.get(plain.__name__, [])],
        [paths[0], f"{paths[0]}/more"],
        "Decorators stack, so a name may have several routes: its list grows.",
    )


def _expect_entry(router, method: str, path: str, wanted, said: str) -> None:
    handler, _ = look_up(router, method, path)
    expect_same(f"{said}: the handler of {method} {path}", got=handler, wanted=wanted)


@check(
    "Decorators stack, and one without its path is refused",
    step=1,
    read="The decorator",
    hints=[
        "The lowest decorator gets the function, the next one up gets whatever that "
        "one returned.",
        "Each route() call must keep its own pattern and methods. Do you keep them in "
        "a place that the next call writes to as well?",
        "The inner function can use pattern and methods of the call that made it: a "
        "closure keeps them, and nothing needs to be stored on self. For the missing "
        "path: if not isinstance(pattern, str): raise TypeError(…).",
    ],
)
def stacks(bench: Bench) -> None:
    router, handler = bench.routing.Router(), make_handler(bench.word())
    routes = [(m, f"/{bench.word()}") for m in ("GET", "POST", "GET")]
    decorators = [router.route(path, methods=[m]) for m, path in routes]
    decorated = handler
    for decorator in reversed(decorators):
        decorated = decorator(decorated)
    said = " ".join(f"@router.route({p!r}, methods=[{m!r}])" for m, p in routes)
    for method, path in routes:
        _expect_entry(router, method, path, handler, f"{said}, on one function")
    with expect_raises(
        TypeError,
        f"@router.get above {handler.__name__}(), without parentheses",
        "The function came in where the path belongs. What route() returned would now "
        "be what the name means, and nobody would ever call it with a function.",
    ):
        router.get(handler)


@check(
    "A class is called once, its methods answer, and nonsense is refused",
    step=2,
    read="The decorator",
    hints=[
        "A class is an object like a function is, and the decorator gets it the same "
        "way. isinstance(handler, type) tells them apart.",
        "Call the class once. Its bound methods, resource.get and so on, are the "
        "handlers: they bring their object with them.",
        "{m: getattr(resource, m.lower()) for m in METHODS if hasattr(resource, "
        "m.lower())}; and route() asks handlers_of for its pairs. ValueError is for "
        "methods that METHODS does not have, for none, for methods= with a class, and "
        "for a class without any such method.",
    ],
)
def a_class_answers(bench: Bench) -> None:
    router, path = bench.routing.Router(), f"/{bench.word()}"
    made = []
    methods = ["GET", *bench.random.sample(["POST", "PUT", "DELETE"], 2)]

    def answer(method):
        return lambda self, request: (method, self)

    body = {m.lower(): answer(m) for m in methods}
    body["__init__"] = lambda self: made.append(self)
    items = type("Items", (), body)
    shown = f"class Items with {', '.join(m.lower() + '()' for m in methods)}"
    expect_same(
        f"what the name Items means below @router.route({path!r})",
        got=router.route(path)(items),
        wanted=items,
    )
    for method in methods:
        handler, _ = look_up(router, method, path)
        expect_true(
            f"{shown}: the handler of {method} {path}",
            handler is not None,
            f"the method {method.lower()}() of an Items object",
            "no handler",
        )
        if isinstance(handler, type):
            raise Wrong(
                f"{shown}: the handler of {method} {path}\n"
                f"  expected: the method {method.lower()}() of an Items object\n"
                f"  got:      the class itself\n"
                "A request would make a new object of the class, and nothing else. Did "
                "route() ask handlers_of?"
            )
        expect(f"handler(request) for {method} {path}", handler(None)[0], method)
    expect(
        "how many objects of the class were made for three methods",
        len(made),
        1,
        "What one request leaves in self, the next one should find.",
    )
    _refuses(bench)


def _refuses(bench: Bench) -> None:
    handlers_of, word = bench.routing.handlers_of, bench.word()
    handler = make_handler(word)
    with expect_raises(ValueError, f"handlers_of({word}, ['{word.upper()}'])"):
        handlers_of(handler, [word.upper()])
    with expect_raises(ValueError, f"handlers_of({word}, [])"):
        handlers_of(handler, [])
    with expect_raises(ValueError, "handlers_of of a class without get(), post(), …"):
        handlers_of(type("Nothing", (), {word: handler}), None)
    with expect_raises(
        ValueError,
        "handlers_of(a class with get(), ['POST'])",
        "The class says by its methods what it answers; a second list could only "
        "contradict it.",
    ):
        handlers_of(type("Getter", (), {"get": handler}), ["POST"])
    expect(f"handlers_of({word}, None)", handlers_of(handler, None), {"GET": handler})


@check(
    "Placeholders become arguments",
    step=3,
    read="From a pattern to a regular expression",
    hints=[
        "_group makes the piece of a regular expression for one placeholder; params "
        "uses the whole expression, self.regex, on a path.",
        "A named group, (?P<name>…), makes groupdict() give the texts by name. Which "
        "text a placeholder takes stands in CONVERTERS, and so does what turns the "
        "text into a value.",
        "_group: expression, self.convert[name] = CONVERTERS[converter], then return "
        "f'(?P<{name}>{expression})'. params: call self.convert[name](text) for each.",
    ],
)
def placeholders(bench: Bench) -> None:
    Route = bench.routing.Route
    first, second, text = bench.word(), bench.word(), bench.word()
    number = bench.random.randrange(10_000)
    cases = [
        (f"/{first}/{{{second}}}", f"/{first}/{text}", {second: text}),
        (f"/{first}/{{{second}:int}}", f"/{first}/{number}", {second: number}),
        (f"/{first}/{{{second}:int}}", f"/{first}/{text}", None),
        (f"/f/{{{first}:path}}", f"/f/{text}/{text}.py", {first: f"{text}/{text}.py"}),
        (
            f"/{{{first}}}/{{{second}:int}}",
            f"/{text}/{number}",
            {first: text, second: number},
        ),
    ]
    for pattern, path, wanted in cases:
        got = Route(pattern).params(path)
        expect(
            f"Route({pattern!r}).params({path!r})",
            got,
            wanted,
            _no_converter(got, wanted),
        )
    with expect_raises(ValueError, f"Route('/{{{first}}}/{{{first}}}')"):
        Route(f"/{{{first}}}/{{{first}}}")
    with expect_raises(
        ValueError,
        f"Route('/{{7{first}}}')",
        f"No argument can be called 7{first}; str.isidentifier() knows.",
    ):
        Route(f"/{{7{first}}}")
    with expect_raises(ValueError, f"Route('/{{{first}:{second}}}')"):
        Route(f"/{{{first}:{second}}}")


def _no_converter(got, wanted) -> str:
    if wanted and got == {name: str(value) for name, value in wanted.items()}:
        return "The text matched, but nothing made an int of it."
    return ""


@check(
    "A pattern takes the whole path, or nothing of it",
    step=3,
    read="From a pattern to a regular expression",
    hints=[
        "Which of re's methods insists on the end of the text as well?",
        "match() is content with the beginning; search() with any part. A '$' at the "
        "end still lets one last newline pass.",
        "found = self.regex.fullmatch(path)",
    ],
)
def the_whole_path(bench: Bench) -> None:
    Route, word, value = bench.routing.Route, bench.word(), bench.word()
    route = Route(f"/{word}/{{name}}")
    for path in (
        f"/{word}/{value}/{value}",
        f"/before/{word}/{value}",
        f"/{word}/",
        f"/{word.upper()}/{value}",
    ):
        expect(f"Route('/{word}/{{name}}').params({path!r})", route.params(path), None)
    digits = Route(f"/{word}/{{id:int}}")
    expect(
        f"Route('/{word}/{{id:int}}').params('/{word}/7\\n')",
        digits.params(f"/{word}/7\n"),
        None,
        "In a regular expression '$' also stands before a newline that ends the text.",
    )
    dots = Route(f"/{word}.txt/{{name}}")
    expect(
        f"Route('/{word}.txt/{{name}}').params('/{word}-txt/{value}')",
        dots.params(f"/{word}-txt/{value}"),
        None,
    )


@check(
    "match finds the handler; HEAD may take GET's",
    step=4,
    read="Finding the handler",
    hints=[
        "_candidates(path) yields every route that has this path, with its arguments. "
        "Which of their handlers is wanted?",
        "A route that has the path but not the method is no reason to stop: a later "
        "one may have both.",
        "Route.handler: self.handlers.get(method), and for HEAD, if that is None, "
        "self.handlers.get('GET').",
    ],
)
def finds(bench: Bench) -> None:
    router, word, value = bench.routing.Router(), bench.word(), bench.word()
    show, save, look, fixed = (
        make_handler(n) for n in ("show", "save", "look", "fixed")
    )
    router.get(f"/{word}/{{name}}")(show)
    router.post(f"/{word}/{{other}}")(save)
    router.get(f"/{word}/{value}-fixed")(fixed)
    router.get("/own")(show)
    router.head("/own")(look)
    cases = [
        ("GET", f"/{word}/{value}", show, {"name": value}),
        ("POST", f"/{word}/{value}", save, {"other": value}),
        ("GET", f"/{word}/{value}-fixed", fixed, {}),
        ("HEAD", f"/{word}/{value}", show, {"name": value}),
        ("HEAD", "/own", look, {}),
        ("GET", "/own", show, {}),
    ]
    for method, path, handler, params in cases:
        _expect_match(bench, router, (method, path), handler, params)


def _routes(router) -> str:
    """The table in words: "GET /own, HEAD /own, GET /notes/{id}"."""
    routes = [*router.static.values(), *router.dynamic.values()]
    return ", ".join(f"{m} {route.pattern}" for route in routes for m in route.handlers)


def _expect_match(bench, router, request, handler, params) -> None:
    method, path = request
    what = f"router.match({method!r}, {path!r})"
    told = f"{what}; the routes are {_routes(router)}"
    try:
        match = router.match(method, path)
    except LookupError as error:
        raise Wrong(
            f"{told}\n  expected: {name_of(handler)} with {params}\n"
            f"  got:      {type(error).__name__}: {error}"
        ) from error
    expect_true(
        told,
        isinstance(match, tuple) and len(match) == 2,
        "a Match(handler, params)",
        name_of(match),
    )
    expect_same(f"{what}: the handler", got=match[0], wanted=handler)
    expect(f"{what}: the arguments", got=match[1], wanted=params)


@check(
    "No such path is 404, no such method 405",
    step=4,
    read="Finding the handler",
    hints=[
        "Two different mistakes of a client: a path that nobody has, and a path that "
        "is there but not for this method.",
        "Collect the methods of every route that has the path. If there are any when "
        "the search ends, it is MethodNotAllowed; if not, NotFound.",
        "allowed |= route.allowed in the loop; after it `if allowed: raise "
        "MethodNotAllowed(allowed)`, then `raise NotFound(path)`.",
    ],
)
def not_found_or_not_allowed(bench: Bench) -> None:
    routing, word = bench.routing, bench.word()
    router = routing.Router()
    method, other = bench.random.sample(["POST", "PUT", "PATCH"], 2)
    # DELETE is answered by both: what two routes have in common counts as well.
    router.route(f"/{word}/{{x}}", methods=["GET", "DELETE"])(make_handler("show"))
    router.route(f"/{word}/{{y}}", methods=[method, "DELETE"])(make_handler("change"))
    router.route("/fixed", methods=[method])(make_handler("fixed"))
    _expect_error(routing.NotFound, router, other, f"/{word}")
    for path, allowed in (
        (f"/{word}/7", {"GET", "HEAD", "DELETE", method}),
        ("/fixed", {method}),
    ):
        error = _expect_error(routing.MethodNotAllowed, router, other, path)
        expect(
            f"router.match({other!r}, {path!r}): the methods for the Allow header",
            sorted(error.allowed),
            sorted(allowed),
            "Several routes may have the path; the header names the methods of all.",
        )
    _expect_error(routing.MethodNotAllowed, router, "GET", "/fixed")


def _expect_error(kind, router, method: str, path: str):
    why = {
        "NotFound": "",
        "MethodNotAllowed": "The path is there, and a client that is told 404 would "
        "believe that it is not.",
    }[kind.__name__]
    what = f"router.match({method!r}, {path!r})"
    with expect_raises(kind, what, why) as caught:
        router.match(method, path)
    return caught[0]


@check(
    "url_for is match, backwards",
    step=5,
    read="The decorator",
    hints=[
        "self.names holds, under each name, the list of its routes. Which of them "
        "takes exactly the params that are given?",
        "build fills the placeholders in. PLACEHOLDER.sub can take a function that is "
        "called with each match and returns what to put there.",
        "A value is percent-encoded by quote(text, safe=''), and for a path with "
        "safe='/'. First see that its converter's expression takes the text at all.",
    ],
)
def url_for(bench: Bench) -> None:
    router, word, name = bench.routing.Router(), bench.word(), bench.word()
    user, odd = bench.word(), f"{bench.word()} ü?"
    number = bench.random.randrange(10_000)
    handler = make_handler(name)
    router.get(f"/{word}")(router.get(f"/{word}/{{id:int}}/{{user}}")(handler))
    router.get("/files/{rest:path}", name="files")(make_handler("other"))
    cases = [
        (name, {"id": number, "user": user}, f"/{word}/{number}/{user}"),
        (name, {}, f"/{word}"),
        ("files", {"rest": f"a/{user}.txt"}, f"/files/a/{user}.txt"),
        (name, {"id": number, "user": odd}, f"/{word}/{number}/{odd[:-3]}%20%C3%BC%3F"),
        # The route matches it, for a dot takes a newline there: so it can be built.
        ("files", {"rest": f"{user}\n"}, f"/files/{user}%0A"),
    ]
    for name_, params, wanted in cases:
        what = f"router.url_for({name_!r}, **{params}); {_named(router, name_)}"
        try:
            got = router.url_for(name_, **params)
        except LookupError as error:
            raise Wrong(
                f"{what}\n  expected: {wanted!r}\n"
                f"  got:      {type(error).__name__}: {error}"
            ) from error
        expect(what, got, wanted)
    for name_, params in (
        (bench.word(), {}),
        (name, {"id": number}),
        (name, {"id": user, "user": user}),
        (name, {"id": number, "user": "a/b"}),
    ):
        what = f"router.url_for({name_!r}, **{params}); {_named(router, name_)}"
        with expect_raises(LookupError, what):
            router.url_for(name_, **params)


def _named(router, name: str) -> str:
    patterns = [route.pattern for route in router.names.get(name, [])]
    return f"the name stands for {' and '.join(patterns) or 'no route'}"


@check(
    "Middleware: first declared, outermost, and each may answer by itself",
    step=6,
    read="A wrapper around every page",
    hints=[
        "Wrap from the inside out: which middleware must be put round the handler "
        "first, so that the first declared ends up outside?",
        "layer(middleware, inner) returns a function of one argument, the request; "
        "when that is called, it calls middleware(request, inner).",
        "for middleware in reversed(self.middleware): handler = layer(middleware, "
        "handler)",
    ],
)
def onion(bench: Bench) -> None:
    router = bench.routing.Router()
    names = [bench.word() for _ in range(bench.random.randint(3, 4))]
    request, log = bench.word(), []
    for name in names:
        ring = make_ring(name, log)
        expect_same(
            f"what the name {name} means below @router.use",
            got=router.use(ring),
            wanted=ring,
            why="What a decorator returns is what the name means.",
        )

    def handler(request_):
        log.append("handler")
        return [request_]

    wrapped = router.wrap(handler)
    expect("what runs while wrap() only builds the layers", log, [])
    try:
        answer = wrapped(request)
    except RecursionError:
        raise Wrong(
            f"{', '.join(names)} declared with @router.use; a request comes in\n"
            "  expected: each calls the next one inward, the last one the handler\n"
            "  got:      one that calls itself, until Python gives up\n"
            "A closure keeps the variable and not its value: functions made in a loop "
            "all see the last round's. Each layer needs a function call of its own."
        ) from None
    expect(
        f"{', '.join(names)} declared in this order; what runs for a request",
        log,
        [f"{n} in" for n in names] + ["handler"] + [f"{n} out" for n in names[::-1]],
        _order(log, names),
    )
    expect(
        "what comes out of the outermost layer",
        answer,
        [request, *names[::-1]],
        "Each layer returns what its middleware returns.",
    )
    _short_circuit(bench)


def _order(log: list[str], names: list[str]) -> str:
    if log[:1] == ["handler"]:
        return "The handler ran before any middleware was asked whether it may."
    if log[:1] == [f"{names[-1]} in"] and len(log) > 3:
        return "What is put round the handler last ends up outside."
    return ""


def make_ring(name: str, log: list):
    """A middleware that logs on the way in and out, and signs the answer."""

    def ring(request, call_next):
        log.append(f"{name} in")
        answer = call_next(request)
        log.append(f"{name} out")
        return [*answer, name]

    ring.__name__ = ring.__qualname__ = name
    return ring


def _short_circuit(bench: Bench) -> None:
    router, secret = bench.routing.Router(), bench.word()
    calls = []

    def guard(request, call_next):
        return call_next(request) if request == secret else "refused"

    router.use(guard)
    handlers = [make_handler(bench.word()) for _ in range(3)]
    wrapped = [router.wrap(handler) for handler in handlers]
    expect(
        "a middleware that returns 'refused' without calling the next one inward",
        wrapped[0]("stranger"),
        "refused",
    )
    for handler, call in zip(handlers, wrapped, strict=True):
        word = handler.__name__
        expect(f"wrap({word}) called with the password", call(secret), (word, {}))
    router.use(lambda request, call_next: calls.append(1) or call_next(request))
    router.wrap(handlers[0])(secret)
    expect("how often a middleware declared later runs in a new wrap()", len(calls), 1)
