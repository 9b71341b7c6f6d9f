"""Pages of other origins: which of them may read our answers.

    app.use(Cors(["https://app.example"], credentials=True))

A browser lets a page send requests to anywhere, but read the answers only where they
came from the page's own origin, its scheme, host and port. Cross-origin resource
sharing is how a server allows more (Fetch Standard, section 3.3). It protects the
users of browsers; other programs read what they like.
"""

from collections.abc import Collection

from dustdevil.routing import METHODS, Handler
from dustdevil.web.messages import Request, Response
from dustdevil.web.middleware import vary


class Cors:
    """A middleware that lets pages of other origins read the answers.

    `origins` are those that may, like "https://app.example", or "*" for all of them:
    but then without the user's cookies. Those come, and the answers to them can be
    read, with `credentials` only, which need a list. `headers` are the request's
    that a page may set, `expose` those of the response that it may read. A browser
    asks first before it sends anything unusual, and remembers for `max_age` seconds.
    """

    def __init__(
        self,
        origins: Collection[str] | str,
        methods: Collection[str] = METHODS,
        headers: Collection[str] = (),
        expose: Collection[str] = (),
        credentials: bool = False,
        max_age: int = 600,
    ):
        if isinstance(origins, str) and origins != "*":
            raise TypeError("origins are a collection of str, or '*'")
        if credentials and "*" in origins:
            raise ValueError(
                "credentials for every origin would open the site to all others: "
                "name the origins"
            )
        self.origins = origins
        self.credentials = credentials
        self.preflight = {
            "Access-Control-Allow-Methods": ", ".join(methods),
            "Access-Control-Max-Age": str(max_age),
        }
        if headers:
            self.preflight["Access-Control-Allow-Headers"] = ", ".join(headers)
        self.exposed: dict[str, str] = {}
        if expose:
            self.exposed["Access-Control-Expose-Headers"] = ", ".join(expose)

    async def __call__(self, request: Request, call_next: Handler) -> Response:
        """Answer a request, with the headers that let its page read the answer."""
        asking = "access-control-request-method" in request.headers
        origin = request.headers.get("origin")
        if request.method == "OPTIONS" and asking and origin is not None:
            response, more = Response(status=204), self.preflight
        else:
            response, more = await call_next(request), self.exposed
        headers = response.headers
        if "*" in self.origins:
            allowed: str | None = "*"
        else:
            allowed = origin if origin in self.origins else None
            vary(headers, "Origin")  # also where it was absent, or not allowed
        if origin is not None and allowed is not None:
            headers["Access-Control-Allow-Origin"] = allowed
            if self.credentials:
                headers["Access-Control-Allow-Credentials"] = "true"
            headers.extend(more)
        return response
