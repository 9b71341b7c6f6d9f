"""The chat's application: a page, and two ways to listen to a room."""

import json
import os
from pathlib import Path

from dustdevil import Application, Event, HTTPError, Response, StaticFiles
from dustdevil.coroutine import current_scheduler
from dustdevil.web import check_site, last_number
from dustdevil.websocket import websocket

from .room import Away, Listener, Room

STATIC = Path(__file__).parent / "static"
POLL = 25.0  # seconds that a poll waits: less than what proxies have patience for
LONGEST_NAME, LONGEST_TEXT = 40, 2000  # characters

# The page needs what this server sends, and nothing else may run in it.
POLICY = "default-src 'self'; frame-ancestors 'none'; base-uri 'none'"


def make_app(redis: str | None = None) -> Application:
    """A chat of its own: in this process alone, or with others through Redis."""
    app = Application()
    room = Room(redis)
    app.room = room
    app.background(room.stay_connected)
    files = StaticFiles(STATIC)

    @app.background
    async def let_go():
        """When the server stops, those who poll need not wait for a message."""
        try:
            await Event().wait()
        finally:
            room.topic.wake()

    @app.get("/messages")
    async def poll(request):
        """Long polling: answer when there is something new, or after a while.

        `?now` answers at once, for a page that has just been opened.
        """
        after = last_number(request) or 0
        if "now" in request.query:
            found = room.topic.since(after)
        else:
            found = await room.topic.after(after, POLL)
        news = {"number": room.topic.number, "messages": found, "online": room.online}
        answer = Response(json.dumps(news), content_type="application/json")
        answer.headers["Cache-Control"] = "no-store"
        return answer

    @app.post("/messages")
    async def post(request):
        check_site(request)
        return {"number": await say(await request.json())}

    @app.get("/socket")
    @websocket(max_message="16 KiB")
    async def socket(request, ws):
        """The same over a WebSocket: listen and speak at the same time."""
        listener = Listener(room, ws)
        listening = current_scheduler().spawn(
            listener.listen(last_number(request) or 0)
        )
        try:
            async for text in ws:
                await hear(text, listener)
        finally:
            listening.cancel()

    async def hear(text, listener):
        try:
            await say(json.loads(text))
        except HTTPError as error:
            listener.refuse(error.detail)
        except ValueError:
            listener.refuse("That was no JSON.")

    async def say(message) -> int:
        """Check what a client wants to say, and say it; HTTPError 400 or 503."""
        name = clean(message, "name", LONGEST_NAME)
        text = clean(message, "text", LONGEST_TEXT)
        try:
            return await room.say(name, text)
        except Away:
            raise HTTPError(503, "Not sent: Redis is away. Try again soon.") from None

    @app.get("/")
    async def page(request):
        response = await files(request)
        response.headers["Content-Security-Policy"] = POLICY
        return response

    app.get("/{path}")(files)
    return app


def clean(message, field: str, longest: int) -> str:
    """A field of a message, without the spaces around it; HTTPError 400 for none."""
    text = message.get(field) if isinstance(message, dict) else None
    text = text.strip() if isinstance(text, str) else ""
    if not 1 <= len(text) <= longest:
        raise HTTPError(400, f"A {field} has from 1 to {longest} characters.")
    return text


# For `dustdevil demos.chat.app:app --workers 2`: with REDIS_URL set, all workers, on
# any host, are one chat.
app = make_app(os.environ.get("REDIS_URL"))
