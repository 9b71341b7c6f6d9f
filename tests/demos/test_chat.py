"""The chat, end to end: polling and WebSocket, one process and two over Redis."""

import json
import re
import socket
import subprocess
import sys
from contextlib import closing, contextmanager

import httpx
import pytest
from websockets.sync.client import connect

from demos.chat import resp
from demos.chat.app import make_app
from demos.chat.resp import Redis, RedisError, encode, parse
from demos.chat.room import Listener, Room
from dustdevil.coroutine import Scheduler, let_others_run
from dustdevil.stream import Stream
from support.places import ROOT
from support.redis_server import RedisServer
from support.serving import PATIENCE, Running


class Chat:
    """A chat at a port of this machine, as its clients see it."""

    def __init__(self, port):
        self.port = port
        self.client = httpx.Client(
            base_url=f"http://127.0.0.1:{port}", timeout=3 * PATIENCE
        )

    def socket(self, after=0):
        return connect(f"ws://127.0.0.1:{self.port}/socket?after={after}")

    def poll(self, after=0, now=""):
        return self.client.get(f"/messages?after={after}{now}").json()

    def post(self, text, name="Poll", **options):
        message = {"name": name, "text": text}
        return self.client.post("/messages", json=message, **options)


def receive(ws):
    return json.loads(ws.recv(PATIENCE))


def texts(news):
    return [(number, m["name"], m["text"]) for number, m in news["messages"]]


# One process


@pytest.fixture
def chat():
    server = Running(make_app())
    chat = Chat(server.port)
    chat.room = server.server.application.room
    yield chat
    chat.client.close()
    server.stop()
    server.loop.close()


def test_a_poll_and_a_websocket_hear_each_other(chat):
    with chat.socket() as ws:
        assert receive(ws) == {"online": True}
        assert chat.post("hello").json() == {"number": 1}
        assert texts(receive(ws)) == [(1, "Poll", "hello")]
        ws.send(json.dumps({"name": " Socket ", "text": "hello, you "}))
        assert texts(chat.poll(1)) == [(2, "Socket", "hello, you")]
        assert texts(receive(ws)) == [(2, "Socket", "hello, you")]
    assert chat.poll(0)["number"] == 2
    assert chat.poll(2, "&now")["messages"] == []


def test_who_comes_late_or_again_gets_what_was_missed(chat):
    for text in "abc":
        chat.post(text)
    with chat.socket(after=1) as ws:
        receive(ws)
        assert texts(receive(ws)) == [(2, "Poll", "b")]
        assert texts(receive(ws)) == [(3, "Poll", "c")]


def test_observers_leave_with_their_clients(chat):
    with chat.socket() as ws:
        receive(ws)
        assert len(chat.room.topic.observers) == len(chat.room.on_status) == 1
    # The server answered the goodbye; its handler ends in a turn after that.
    while chat.room.topic.observers or chat.room.on_status:
        chat.poll(0, "&now")


@pytest.mark.parametrize(
    "message",
    [{}, [], 1, {"name": "a"}, {"name": "a", "text": 1}, {"name": "a", "text": " "},
     {"name": "a" * 41, "text": "b"}, {"name": "a", "text": "b" * 2001}],
)  # fmt: skip
def test_what_is_no_message_is_refused(chat, message):
    assert chat.client.post("/messages", json=message).status_code == 400
    with chat.socket() as ws:
        receive(ws)
        ws.send(json.dumps(message))
        assert "from 1 to" in receive(ws)["refused"]
        ws.send("{")
        assert "JSON" in receive(ws)["refused"]
    assert chat.room.topic.number == 0


def test_pages_of_others_may_not_speak_here(chat):
    answer = chat.post("hi", headers={"Sec-Fetch-Site": "cross-site"})
    assert answer.status_code == 403


def test_the_page_may_load_only_what_is_here(chat):
    page = chat.client.get("/")
    assert page.headers["content-security-policy"].startswith("default-src 'self';")
    for name in re.findall(r'(?:href|src)="(.+?)"', page.text):
        assert chat.client.get("/" + name).status_code == 200
    assert 'lang="en"' in page.text


def test_who_does_not_read_is_let_go():
    class Socket:
        left = None

        def leave(self, code, reason):
            self.left = code

    async def main():
        listener = Listener(Room(), Socket())
        for number in range(Listener.LIMIT):
            listener.on_message(number, {})
        assert listener.ws.left is None
        listener.on_message(Listener.LIMIT, {})
        assert listener.ws.left == 1013

    Scheduler().run(main())


def test_what_redis_tells_twice_is_heard_once():
    room = Room("redis://localhost")
    for entry in (b'7 "a"', b'8 "b"', b'7 "a"', b'8 "b"', b'9 "c"'):
        room._hear(entry)
    assert room.topic.since(0) == [(7, "a"), (8, "b"), (9, "c")]


def test_those_who_poll_hear_at_once_when_redis_comes_or_goes():
    room, scheduler, seen = Room("redis://localhost"), Scheduler(), []
    room.on_status.add(seen.append)

    async def main():
        for redis in (object(), None):
            polling = scheduler.spawn(room.topic.after(0))
            await let_others_run()
            room._note(redis)
            room._note(redis)
            assert await polling == []

    scheduler.run(main())
    assert seen == [True, False]


# RESP


VALUES = [
    (b"+OK\r\n", b"OK"),
    (b":-7\r\n", -7),
    (b"$5\r\na\r\nb!\r\n", b"a\r\nb!"),
    (b"$0\r\n\r\n", b""),
    (b"$-1\r\n", None),
    (b"_\r\n", None),
    (b"*2\r\n:1\r\n*1\r\n$1\r\na\r\n", [1, [b"a"]]),
    (b"%1\r\n+a\r\n:1\r\n", [b"a", 1]),
    (b">3\r\n$7\r\nmessage\r\n$1\r\nc\r\n$1\r\nx\r\n", [b"message", b"c", b"x"]),
    (b"*0\r\n", []),
]


@pytest.mark.parametrize(("sent", "value"), VALUES)
@pytest.mark.parametrize("size", [1, 1000])
def test_values_of_resp(loop, sent, value, size):
    ours, theirs = socket.socketpair()

    async def main():
        stream, peer = Stream(ours), Stream(theirs)
        reading = loop.spawn(resp.read(stream))
        for start in range(0, len(sent), size):
            peer.write(sent[start : start + size])
            while peer.unsent:
                await let_others_run()
        found = await reading
        stream.close()
        peer.close()
        return found

    assert loop.run(main()) == (sent[:1], value)


def test_an_error_is_a_value_and_other_bytes_are_an_error(loop):
    for sent, error in ((b"-ERR no\r\n", None), (b"HTTP/1.1 400\r\n", RedisError)):
        ours, theirs = socket.socketpair()
        theirs.sendall(sent)
        theirs.close()

        async def main(sock=ours):
            with closing(Stream(sock)) as stream:
                return (await resp.read(stream))[1]

        if error:
            with pytest.raises(error, match="no RESP"):
                loop.run(main())
        else:
            assert str(loop.run(main())) == "ERR no"


def test_commands_and_addresses():
    assert encode("SET", "é", 1) == b"*3\r\n$3\r\nSET\r\n$2\r\n\xc3\xa9\r\n$1\r\n1\r\n"
    assert parse("redis://localhost") == ("localhost", 6379, "default", "")
    assert parse("redis://a:b%40@h:1/") == ("h", 1, "a", "b@")
    for wrong in ("localhost", "http://x", "redis://", "redis://h/1", "redis://h:x"):
        with pytest.raises(ValueError, match=r"redis://|Port"):
            parse(wrong)


# Two processes


@pytest.fixture
def redis(tmp_path):
    server = RedisServer(tmp_path)
    yield server
    if server.process.poll() is None:
        server.stop()


@contextmanager
def chats(url, count):
    """Chats in processes of their own."""
    command = [sys.executable, "-m", "demos.chat", "--port", "0", "--redis", url]
    started, found = [], []
    try:
        for _ in range(count):
            started.append(
                subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
            )
        lines = [process.stdout.readline() for process in started]
        found = [Chat(int(re.search(r":(\d+)/", line)[1])) for line in lines]
        yield found
    finally:
        for chat in found:
            chat.client.close()
        for process in started:
            process.terminate()
        for process in started:
            assert process.wait(PATIENCE) == 0
            process.stdout.close()


def connected(chat):
    """Wait until this process has Redis."""
    while not chat.poll(0, "&now")["online"]:
        pass


def test_two_processes_are_one_chat_and_redis_may_go_and_come(redis):
    url = f"redis://127.0.0.1:{redis.port}"
    with chats(url, 2) as (one, two), one.socket() as ws:
        while receive(ws) != {"online": True}:
            pass
        connected(two)
        assert two.post("from two").json() == {"number": 1}
        assert texts(receive(ws)) == [(1, "Poll", "from two")]
        ws.send(json.dumps({"name": "Socket", "text": "from one"}))
        assert texts(two.poll(1)) == [(2, "Socket", "from one")]
        assert texts(receive(ws)) == [(2, "Socket", "from one")]
        # A process that comes later knows what was said.
        with chats(url, 1) as (three,):
            connected(three)
            assert [number for number, *_ in texts(three.poll(0))] == [1, 2]
        redis.stop()
        assert receive(ws) == {"online": False}
        answer = one.post("into the void", headers={"Accept": "text/plain"})
        assert (answer.status_code, "Redis is away" in answer.text) == (503, True)
        ws.send(json.dumps({"name": "Socket", "text": "into the void"}))
        assert "Redis is away" in receive(ws)["refused"]
        redis.start()
        assert receive(ws) == {"online": True}
        connected(two)
        # It was emptied, so it counts from the beginning, and all notice.
        assert two.post("again").json() == {"number": 1}
        assert texts(receive(ws)) == [(1, "Poll", "again")]
        assert texts(two.poll(99)) == texts(one.poll(0)) == [(1, "Poll", "again")]


def test_the_chat_says_so_when_redis_is_not_there(tmp_path):
    with closing(socket.socket()) as sock:
        sock.bind(("127.0.0.1", 0))
        # Taken, and nobody listens: the connection is refused.
        with chats(f"redis://127.0.0.1:{sock.getsockname()[1]}", 1) as (chat,):
            assert chat.poll(0, "&now")["online"] is False
            assert chat.post("hello").status_code == 503


def test_commands_are_answered_in_order_and_errors_are_told(redis, loop):
    async def main():
        async with Redis("127.0.0.1", redis.port) as client:
            tasks = [loop.spawn(client.call("ECHO", n)) for n in range(100)]
            assert [await task for task in tasks] == [b"%d" % n for n in range(100)]
            with pytest.raises(RedisError, match="unknown command"):
                await client.call("NONSENSE")
            # Who gave up waiting takes nobody else's answer.
            lost = loop.spawn(client.call("ECHO", "lost"))
            kept = loop.spawn(client.call("ECHO", "kept"))
            lost.add_done_callback(lambda task: task.exception())
            loop.call_soon(lost.cancel)
            assert await kept == b"kept"
            client.subscribe("c")
            assert await client.call("PUBLISH", "c", "told") == 1
            assert await client.next_message("c") == b"told"
        with pytest.raises(ConnectionError):
            await client.call("PING")
        with pytest.raises(ConnectionError):
            await client.next_message("c")

    loop.run(main())


def test_a_password_is_given(redis, loop):
    async def main():
        async with Redis("127.0.0.1", redis.port) as client:
            await client.call("CONFIG", "SET", "requirepass", "secret")
        async with Redis("127.0.0.1", redis.port, password="secret") as client:
            assert await client.call("PING") == b"PONG"
        with pytest.raises(RedisError, match="WRONGPASS"):
            async with Redis("127.0.0.1", redis.port, password="wrong"):
                pass

    loop.run(main())


def test_a_wrong_address_is_one_line():
    command = [sys.executable, "-m", "demos.chat", "--redis", "nonsense"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 2
    assert done.stderr.endswith(
        "'nonsense' is not redis://[user:password@]host[:port]\n"
    )
