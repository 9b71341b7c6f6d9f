"""The same as a bare WSGI application. As a program (argv: the port), on bjoern."""

import sys

HEADERS = [("Content-Type", "text/plain; charset=utf-8"), ("Content-Length", "13")]


def app(environ, start_response):
    start_response("200 OK", HEADERS)
    return [b"Hello, world!"]


if __name__ == "__main__":
    import bjoern

    bjoern.run(app, "127.0.0.1", int(sys.argv[1]))
