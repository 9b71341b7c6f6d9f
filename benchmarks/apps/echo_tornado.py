"""The same on Tornado. argv: the port."""

import asyncio
import logging
import sys

from tornado.web import Application
from tornado.websocket import WebSocketHandler


class Echo(WebSocketHandler):
    async def on_message(self, message):
        await self.write_message(message, binary=isinstance(message, bytes))


async def main():
    logging.getLogger("tornado.access").setLevel(logging.ERROR)
    Application([("/", Echo)]).listen(int(sys.argv[1]), "127.0.0.1")
    await asyncio.Event().wait()


asyncio.run(main())
