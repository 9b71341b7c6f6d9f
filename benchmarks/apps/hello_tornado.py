"""The same on Tornado. argv: the port."""

import asyncio
import logging
import sys

from tornado.web import Application, RequestHandler


class Hello(RequestHandler):
    async def get(self):
        self.set_header("Content-Type", "text/plain; charset=utf-8")
        self.write("Hello, world!")


async def main():
    logging.getLogger("tornado.access").setLevel(logging.ERROR)
    Application([("/", Hello)]).listen(int(sys.argv[1]), "127.0.0.1")
    await asyncio.Event().wait()


asyncio.run(main())
