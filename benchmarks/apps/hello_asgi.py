"""The same as a bare ASGI application: no framework, which flatters its servers."""

HEADERS = [
    (b"content-type", b"text/plain; charset=utf-8"),
    (b"content-length", b"13"),
]


async def app(scope, receive, send):
    if scope["type"] != "http" or scope["path"] != "/":
        raise NotImplementedError
    await send({"type": "http.response.start", "status": 200, "headers": HEADERS})
    await send({"type": "http.response.body", "body": b"Hello, world!"})
