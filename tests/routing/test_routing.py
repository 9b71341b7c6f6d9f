"""The contract of dustdevil.routing; `--stack FOLDER` puts a reader's module here."""

import pytest

from dustdevil.routing import MethodNotAllowed, NotFound, Router


@pytest.fixture
def router():
    return Router()


def call(router, method, path, request=None):
    match = router.match(method, path)
    return match.handler(request, **match.params)


def test_a_decorator_registers_and_returns_the_very_function(router):
    def hello(request):
        return "hello"

    assert router.get("/")(hello) is hello
    assert call(router, "GET", "/") == "hello"


def test_route_takes_methods_and_get_is_the_default(router):
    @router.route("/form", methods=["get", "POST"])
    def form(request):
        return "form"

    @router.route("/plain")
    def plain(request):
        return "plain"

    assert call(router, "GET", "/form") == call(router, "POST", "/form") == "form"
    assert call(router, "GET", "/plain") == "plain"
    with pytest.raises(MethodNotAllowed):
        router.match("POST", "/plain")


@pytest.mark.parametrize(
    "method", ["get", "head", "post", "put", "patch", "delete", "options"]
)
def test_each_method_has_its_decorator(router, method):
    getattr(router, method)("/x")(lambda request: method)
    assert call(router, method.upper(), "/x") == method
    other = "PUT" if method != "put" else "POST"
    with pytest.raises(MethodNotAllowed):
        router.match(other, "/x")


def test_decorators_stack(router):
    @router.get("/old")
    @router.get("/new/{page}")
    @router.post("/new/{page}")
    def show(request, page="front"):
        return page

    assert call(router, "GET", "/old") == "front"
    assert call(router, "GET", "/new/two") == call(router, "POST", "/new/two") == "two"


def test_a_class_answers_with_its_methods(router):
    @router.route("/items/{number:int}")
    class Items:
        def get(self, request, number):
            return ("get", self.label, number)

        def delete(self, request, number):
            return ("delete", self.label, number)

        label = "items"

    assert isinstance(Items, type)
    assert call(router, "GET", "/items/7") == ("get", "items", 7)
    assert call(router, "DELETE", "/items/7") == ("delete", "items", 7)
    with pytest.raises(MethodNotAllowed) as caught:
        router.match("POST", "/items/7")
    assert caught.value.allowed == {"GET", "HEAD", "DELETE"}


def test_any_callable_is_a_handler(router):
    class Greeter:
        def __call__(self, request):
            return "called"

    router.get("/")(Greeter())
    assert call(router, "GET", "/") == "called"
    assert router.url_for("Greeter") == "/"


@pytest.mark.parametrize(
    ("pattern", "path", "params"),
    [
        ("/a", "/a", {}),
        ("/hello/{name}", "/hello/Ada", {"name": "Ada"}),
        ("/hello/{name}", "/hello/Ada Lovelace", {"name": "Ada Lovelace"}),
        ("/{a}/{b}", "/1/2", {"a": "1", "b": "2"}),
        ("/{a}-{b}.html", "/x-y.html", {"a": "x", "b": "y"}),
        ("/n/{id:int}", "/n/042", {"id": 42}),
        ("/f/{rest:path}", "/f/a/b.txt", {"rest": "a/b.txt"}),
        ("/f/{rest:path}", "/f/a\nb", {"rest": "a\nb"}),
        ("/p.+q/{x}", "/p.+q/1", {"x": "1"}),
    ],
)
def test_patterns_match(router, pattern, path, params):
    router.get(pattern)(lambda request, **given: given)
    assert call(router, "GET", path) == params


@pytest.mark.parametrize(
    ("pattern", "path"),
    [
        ("/a", "/a/"),
        ("/a", "/A"),
        ("/a", "/a\n"),
        ("/hello/{name}", "/hello/"),
        ("/hello/{name}", "/hello/a/b"),
        ("/hello/{name}", "/x/hello/a"),
        ("/hello/{name}/", "/hello/a"),
        ("/n/{id:int}", "/n/-1"),
        ("/n/{id:int}", "/n/1_0"),
        ("/n/{id:int}", "/n/٣"),
        ("/n/{id:int}", "/n/1\n"),
        ("/n/{id:int}", "/n/" + "9" * 5000),
        ("/f/{rest:path}", "/f/"),
        ("/p.q/{x}", "/pzq/1"),
    ],
)
def test_patterns_refuse(router, pattern, path):
    router.get(pattern)(lambda request, **given: given)
    with pytest.raises(NotFound):
        router.match("GET", path)


def test_a_static_path_wins_and_declared_order_decides_the_rest(router):
    router.get("/{anything}")(lambda request, anything: "first")
    router.get("/{number:int}")(lambda request, number: "second")
    router.get("/exact")(lambda request: "exact")
    assert call(router, "GET", "/exact") == "exact"
    assert call(router, "GET", "/12") == "first"


def test_a_later_pattern_serves_the_method_an_earlier_one_lacks(router):
    router.get("/users/me")(lambda request: "me")
    router.post("/users/{name}")(lambda request, name: f"post {name}")
    router.put("/{kind}/{name}")(lambda request, kind, name: f"put {kind} {name}")
    assert call(router, "POST", "/users/me") == "post me"
    assert call(router, "PUT", "/users/me") == "put users me"
    with pytest.raises(MethodNotAllowed) as caught:
        router.match("DELETE", "/users/me")
    assert caught.value.allowed == {"GET", "HEAD", "POST", "PUT"}


def test_head_is_get_unless_it_has_its_own(router):
    router.get("/a")(lambda request: "get")
    router.get("/b")(lambda request: "get")
    router.head("/b")(lambda request: "head")
    assert call(router, "HEAD", "/a") == "get"
    assert call(router, "HEAD", "/b") == "head"
    router.post("/c")(lambda request: "post")
    with pytest.raises(MethodNotAllowed) as caught:
        router.match("HEAD", "/c")
    assert caught.value.allowed == {"POST"}


def test_not_found_is_told_from_method_not_allowed(router):
    router.get("/here")(lambda request: None)
    with pytest.raises(NotFound):
        router.match("GET", "/there")
    with pytest.raises(MethodNotAllowed) as caught:
        router.match("POST", "/here")
    assert caught.value.allowed == {"GET", "HEAD"}
    assert "GET, HEAD" in str(caught.value)


@pytest.mark.parametrize(
    ("pattern", "complaint"),
    [
        ("hello", "starts with '/'"),
        ("", "starts with '/'"),
        ("/{", "placeholder"),
        ("/{}", "placeholder"),
        ("/{a b}", "placeholder"),
        ("/{a}}", "placeholder"),
        ("/{1a}", "can't name an argument"),
        ("/{a}/{a}", "twice"),
        ("/{a:float}", "none of str, int, path"),
    ],
)
def test_a_bad_pattern_is_one_clear_error(router, pattern, complaint):
    with pytest.raises(ValueError, match=complaint):
        router.get(pattern)(lambda request: None)


def test_a_decorator_without_its_path_is_refused_at_once(router):
    with pytest.raises(TypeError, match="a route needs its path"):

        @router.get
        def forgotten(request):
            return "never reached"


def test_two_handlers_for_one_request_are_refused(router):
    @router.get("/a/{x}")
    def first(request, x):
        return x

    with pytest.raises(ValueError, match=r"GET /a/\{x\} has a handler already: first"):
        router.get("/a/{x}")(lambda request, x: None)


def test_unknown_methods_and_empty_classes_are_refused(router):
    with pytest.raises(ValueError, match="FETCH"):
        router.route("/", methods=["GET", "FETCH"])(lambda request: None)
    with pytest.raises(ValueError, match="methods are some of"):
        router.route("/", methods=[])(lambda request: None)
    with pytest.raises(ValueError, match="Empty"):
        router.route("/")(type("Empty", (), {}))
    with pytest.raises(ValueError, match="by its methods"):
        router.get("/")(type("Resource", (), {"get": lambda self, request: None}))


def test_url_for_builds_the_path_back(router):
    @router.get("/hello/{name}")
    def hello(request, name):
        return name

    router.get("/files/{rest:path}", name="file")(lambda request, rest: rest)
    assert router.url_for("hello", name="Ada") == "/hello/Ada"
    assert router.url_for("hello", name="a b ü?") == "/hello/a%20b%20%C3%BC%3F"
    assert router.url_for("file", rest="a/b c") == "/files/a/b%20c"


def test_url_for_takes_the_route_with_these_params(router):
    @router.get("/posts")
    @router.get("/posts/{year:int}")
    def posts(request, year=None):
        return year

    assert router.url_for("posts") == "/posts"
    assert router.url_for("posts", year=2013) == "/posts/2013"
    with pytest.raises(LookupError, match="no route is called 'nobody'"):
        router.url_for("nobody")
    with pytest.raises(LookupError, match=r"/posts/\{year:int\} or /posts"):
        router.url_for("posts", month=1)
    with pytest.raises(LookupError, match="'2013/12' does not fit"):
        router.url_for("posts", year="2013/12")
    with pytest.raises(LookupError, match="'soon' does not fit 'year'"):
        router.url_for("posts", year="soon")


def test_middleware_is_an_onion_and_the_first_is_outermost(router):
    log = []

    @router.use
    def outer(request, call_next):
        log.append("outer in")
        response = call_next(request + 1)
        log.append("outer out")
        return response + "o"

    @router.use
    def inner(request, call_next):
        log.append("inner in")
        response = call_next(request + 10)
        log.append("inner out")
        return response + "i"

    def handler(request):
        log.append(f"handler {request}")
        return "h"

    assert router.wrap(handler)(0) == "hio"
    assert log == ["outer in", "inner in", "handler 11", "inner out", "outer out"]
    assert callable(outer)


def test_a_middleware_may_answer_by_itself(router):
    router.use(lambda request, call_next: "closed")
    assert router.wrap(lambda request: pytest.fail("reached"))(None) == "closed"


def test_without_middleware_wrap_adds_nothing(router):
    def handler(request):
        return request

    assert router.wrap(handler) is handler
