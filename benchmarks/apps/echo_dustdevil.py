"""WebSocket messages sent back as they come."""

from dustdevil import Application
from dustdevil.websocket import websocket

app = Application()


@app.get("/")
@websocket()
async def echo(request, ws):
    async for message in ws:
        await ws.send(message)
