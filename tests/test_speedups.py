"""The twins, in C and in Python: one contract, and the same answer to anything.

The extension is compiled here, from the source as it stands, and with warnings as
errors. A C compiler is needed for that: without one the tests of the C twin are
skipped, except in CI. CFLAGS are honoured, for `make memcheck`.
"""

import contextlib
import gc
import inspect
import json
import os
import shutil
import string
import subprocess
import sys
import tracemalloc

import pytest
from extension import ROOT, Fence, compiled, in_other_interpreters, load
from hypothesis import given
from hypothesis import strategies as st
from test_http1 import STREAMS

from dustdevil import speedups
from dustdevil.speedups import pure as twins

BARE = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"
BROWSER = b"\r\n".join(
    (
        b"GET /articles/winter%20fair?page=3&sort=date HTTP/1.1",
        b"Host: 127.0.0.1:8000",
        b"Connection: keep-alive",
        b"Cache-Control: max-age=0",
        b'sec-ch-ua: "Chromium";v="124", "Not-A.Brand";v="99"',
        b"sec-ch-ua-mobile: ?0",
        b'sec-ch-ua-platform: "Linux"',
        b"Upgrade-Insecure-Requests: 1",
        b"User-Agent: Mozilla/5.0 (X11; Linux x86_64) Chrome/124.0.0.0 Safari/537.36",
        b"Accept: text/html,application/xhtml+xml,image/avif,image/webp,*/*;q=0.8",
        b"Accept-Encoding: gzip, deflate, br, zstd",
        b"Accept-Language: en-GB,en;q=0.9,de;q=0.8",
        b"Referer: http://127.0.0.1:8000/articles/",
        b"Cookie: session=8f14e45fceea167a5a36dedd4bea2543; theme=dark; seen=17",
        b"",
        b"",
    )
)
POST = b"\r\n".join(
    (
        b"POST /a/~b;c?d=@e&f=/%2f!? HTTP/1.0",
        b"HOST:\t b.example:81 \t",
        b"content-LENGTH: 5",
        b"X: \xe9\t \x80",
        b"Expect: 100-continue",
        b"Connection: keep-alive",
        b"connection:Upgrade",
        b"Upgrade: websocket",
        b"Transfer-Encoding: gzip, chunked",
        b"Content-Length:",
        b"",
        b"hello",
    )
)


@pytest.fixture(scope="session")
def library(tmp_path_factory):
    """The compiled extension, as a file."""
    return compiled(tmp_path_factory.mktemp("c"), "_speedups")


@pytest.fixture(scope="session")
def c(library):
    return load(library)


@pytest.fixture(params=["c", "python"])
def twin(request):
    return request.getfixturevalue("c") if request.param == "c" else twins


def parse(twin, data, start=0, most=8192, max_fields=100):
    return twin.parse_head(data, start, most, max_fields)


# Heads


def test_a_bare_head(twin):
    expected = (len(BARE), "GET", "/", "1.1", "a", {}, b"\r\nHost: a")
    for kind in (bytes, bytearray):
        found = parse(twin, kind(BARE))
        assert found == expected
        assert [*map(type, found)] == [int, str, str, str, str, dict, bytes]


def test_the_head_of_a_browser(twin):
    end, method, target, version, host, fields, block = parse(twin, BROWSER + b"GET")
    assert (end, method, version) == (len(BROWSER), "GET", "1.1")
    assert target == "/articles/winter%20fair?page=3&sort=date"
    assert host == "127.0.0.1:8000"
    assert fields == {}  # "Connection: keep-alive" says nothing new in HTTP/1.1
    assert block == BROWSER[BROWSER.index(b"\r\n") : -4]


def test_the_framing_fields(twin):
    end, method, target, version, host, fields, _ = parse(twin, POST)
    assert (end, method, version) == (len(POST) - 5, "POST", "1.0")
    assert target == "/a/~b;c?d=@e&f=/%2f!?"
    assert host == "b.example:81"
    assert list(fields.items()) == [
        (b"content-length", [b"5", b""]),
        (b"expect", [b"100-continue"]),
        (b"connection", [b"keep-alive", b"Upgrade"]),
        (b"upgrade", [b"websocket"]),
        (b"transfer-encoding", [b"gzip, chunked"]),
    ]


def test_keep_alive_is_left_out_where_it_says_nothing(twin):
    def connection(version, value):
        head = b"GET / HTTP/1.%d\r\nHost: a\r\nConnection:%b\r\n\r\n"
        return parse(twin, head % (version, value))[5]

    for value in (b"keep-alive", b" Keep-Alive\t", b"KEEP-ALIVE"):
        assert connection(1, value) == connection(9, value) == {}
        assert connection(0, value) == {b"connection": [value.strip()]}
    for value in (b"close", b"keep-alive, close", b"keep-alives", b"keep-aliv", b""):
        assert connection(1, value) == {b"connection": [value]}


@pytest.mark.parametrize(
    "host",
    [b"", b"a", b"a:", b"a:80", b"a.b-c_d~e!$&'()*+,;=f", b"%41%ff:1"],
)
def test_usual_hosts(twin, host):
    head = b"GET / HTTP/1.1\r\nHost: %b\r\n\r\n" % host
    assert parse(twin, head)[4] == host.decode()


@pytest.mark.parametrize(
    "host",
    [
        b"[::1]",
        b":80",
        b"a b",
        b"a@b",
        b"a:8x",
        b"a:1:2",
        b"a/b",
        b"%4",
        b"%zz",
        b"\xe9",
    ],
)
def test_unusual_hosts(twin, host):
    assert parse(twin, b"GET / HTTP/1.1\r\nHost: %b\r\n\r\n" % host) is None


DIGITS_AND_LETTERS = (string.digits + string.ascii_letters).encode()
UNRESERVED_AND_SUB_DELIMS = DIGITS_AND_LETTERS + b"-._~!$&'()*+,;="
PATH = UNRESERVED_AND_SUB_DELIMS + b":@/"


@pytest.mark.parametrize(
    ("place", "allowed"),
    [
        ("method", DIGITS_AND_LETTERS + b"!#$%&'*+-.^_`|~"),
        ("path", PATH + b"?"),  # where the query begins
        ("query", PATH + b"?"),
        ("host", UNRESERVED_AND_SUB_DELIMS),
        ("name", DIGITS_AND_LETTERS + b"!#$%&'*+-.^_`|~:"),  # where the name ends
        ("value", bytes({*b"\t", *range(32, 127), *range(128, 256)})),
    ],
)
def test_each_class_of_bytes(twin, place, allowed):
    """Every byte there is, in the place of a Z."""
    heads = {
        "method": b"GZT /p?q HTTP/1.1\r\nHost: h\r\n\r\n",
        "path": b"GET /pZp?q HTTP/1.1\r\nHost: h\r\n\r\n",
        "query": b"GET /p?qZq HTTP/1.1\r\nHost: h\r\n\r\n",
        "host": b"GET /p?q HTTP/1.1\r\nHost: hZh\r\n\r\n",
        "name": b"GET /p?q HTTP/1.1\r\nHost: h\r\nnZn: v\r\n\r\n",
        "value": b"GET /p?q HTTP/1.1\r\nHost: h\r\nn:vZv\r\n\r\n",
    }
    for code in range(256):
        head = heads[place].replace(b"Z", bytes([code]))
        assert (parse(twin, head) is not None) is (code in allowed), code


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b"GET /", b"CONNECT /"),
        (b"GET /", b"GET *"),
        (b"GET /", b"GET http://a/"),
        (b"GET /", b"GET ?"),
        (b"GET /", b"GET "),
        (b"GET /", b"GET  /"),
        (b"GET /", b" GET /"),
        (b"GET /", b" /"),
        (b"GET /", b"\r\nGET /"),
        (b"GET /", b"GET /%"),
        (b"GET /", b"GET /%4"),
        (b"GET /", b"GET /%4g"),
        (b"GET /", b"GET /%g4"),
        (b"GET /", b"GET /?%"),
        (b"GET /", b"GET /#"),
        (b"GET / ", b"GET /\t"),
        (b"HTTP/1.1", b"HTTP/1.x"),
        (b"HTTP/1.1", b"HTTP/1."),
        (b"HTTP/1.1", b"HTTP/2.0"),
        (b"HTTP/1.1", b"HTTP/1.10"),
        (b"HTTP/1.1", b"http/1.1"),
        (b"Host: a\r\n", b""),
        (b"Host: a\r\n", b"Host: a\r\nhost: a\r\n"),
        (b"Host: a\r\n", b"Host : a\r\n"),
        (b"Host: a\r\n", b"Host\r\n"),
        (b"Host: a\r\n", b": a\r\n"),
        (b"Host: a\r\n", b" Host: a\r\n"),
        (b"Host: a\r\n", b"Host: a\n"),
        (b"Host: a\r\n", b"Host: a\r"),
        (b"Host: a\r\n", b"Host: a\r\r\n"),
        (b"Host: a\r\n", b"Host: a\r\nA: b\r\n c\r\n"),
        (b"Host: a\r\n", b"Host: a\r\nA: b\0c\r\n"),
        (b"Host: a\r\n", b"Host: a\r\nA: b\x7f\r\n"),
        (b"Host: a\r\n", b"Host: a\r\n\xe9: b\r\n"),
    ],
)
def test_what_is_left_to_be_read_by_lines(twin, old, new):
    assert parse(twin, BARE) is not None
    assert parse(twin, BARE.replace(old, new)) is None


def test_other_methods_that_begin_or_end_alike(twin):
    for method in (b"CONNECTS", b"CONNEC", b"connect", b"XCONNECT"):
        assert parse(twin, BARE.replace(b"GET", method))[1] == method.decode()


def test_http_1_0_needs_no_host(twin):
    end, *_, host, fields, block = parse(twin, b"GET / HTTP/1.0\r\n\r\n")
    assert (end, host, fields, block) == (18, "", {}, b"")
    twice = b"GET / HTTP/1.0\r\nHost: a\r\nHost: a\r\n\r\n"
    assert parse(twin, twice) is None


def test_a_head_that_is_not_complete(twin):
    for end in range(len(BROWSER)):
        assert parse(twin, BROWSER[:end]) is None


def test_where_to_begin(twin):
    stream = BARE + BROWSER + BARE
    ends = [0]
    while ends[-1] < len(stream):
        ends.append(parse(twin, stream, ends[-1])[0])
    assert ends == [0, len(BARE), len(BARE + BROWSER), len(stream)]
    for start in (len(stream), len(stream) + 1, sys.maxsize):
        assert parse(twin, stream, start) is None
    assert parse(twin, stream, 1) is not None  # "ET" is a method as good as any


def test_the_limits(twin):
    fields = BROWSER.count(b"\r\n") - 2
    for start in (0, len(BARE)):
        data = BARE * bool(start) + BROWSER
        assert parse(twin, data, start, len(BROWSER), fields)
        assert parse(twin, data, start, sys.maxsize, sys.maxsize)
        assert parse(twin, data, start, len(BROWSER) - 1, fields) is None
        assert parse(twin, data, start, len(BROWSER), fields - 1) is None
        assert parse(twin, data, start, 0, fields) is None


def test_arguments_that_are_none_of_ours(twin):
    for arguments in (
        (),
        (BARE, 0, 1),
        (BARE, "0", 1, 1),
        ("x", 0, 1, 1),
        (1, 0, 1, 1),
    ):
        with pytest.raises((TypeError, AttributeError)):
            twin.parse_head(*arguments)


@pytest.mark.parametrize("stream", STREAMS)
def test_both_twins_say_the_same_of_every_stream(c, stream):
    for start in range(len(stream)):
        for limits in ((8192, 100), (40, 2)):
            assert parse(c, stream, start, *limits) == parse(
                twins, stream, start, *limits
            )


PIECES = [BARE, b"\r\n", b"\r", b"\n", b" ", b"\t", b":", b"/", b"?", b"%", b"%4F",
          b"\0", b"\x7f", b"\xff", b"[", b"{", b"\\", b"HTTP/1.0", b"CONNECT ",
          b"A: b\r\n", b"Host: a\r\n", b"Connection: Keep-Alive\r\n",
          b"content-length: 3\r\n", b"TRANSFER-ENCODING:chunked\r\n",
          b"Expect:x\r\n", b"Upgrade: h2c\r\n"]  # fmt: skip

edits = st.lists(
    st.tuples(st.integers(0, 700), st.integers(0, 3), st.sampled_from(PIECES)),
    max_size=4,
)


@given(st.sampled_from([BARE, BROWSER, POST]), edits, st.integers(0, 3), st.data())
def test_both_twins_say_the_same_of_a_damaged_head(c, head, edits, start, data):
    head = bytearray(head)
    for place, size, piece in edits:
        place %= len(head) + 1
        head[place : place + size] = piece
    most = data.draw(st.sampled_from([8192, len(head), len(head) - 1]))
    max_fields = data.draw(st.integers(0, 20))
    for kind in (bytes, bytearray):
        found = [
            parse(twin, kind(head), start, most, max_fields) for twin in (c, twins)
        ]
        assert found[0] == found[1]


@given(st.lists(st.sampled_from(PIECES) | st.binary(max_size=3), max_size=12))
def test_both_twins_say_the_same_of_nonsense(c, pieces):
    data = b"GET /" + b"".join(pieces) + b"\r\n\r\n"
    assert parse(c, data) == parse(twins, data)


# Signatures


@pytest.mark.parametrize(
    ("data", "signature"),
    [
        (b"", 0xCBF29CE484222325),
        (b"a", 0xAF63DC4C8601EC8C),
        (b"foobar", 0x85944171F73967E8),
        (b"\0", 0xAF63BD4C8601B7DF),
    ],
)
def test_signatures_that_are_known(twin, data, signature):
    """FNV-1a's, as its authors publish them (RFC 9923)."""
    high, low = twin.fs64(data)
    assert high << 32 | low == signature


def test_a_signature_is_of_the_bytes_whatever_holds_them(twin):
    data = bytes(range(256))
    expected = twin.fs64(data)
    numbers = memoryview(data).cast("I")
    for same in (bytearray(data), memoryview(b"x" + data)[1:], numbers):
        assert twin.fs64(same) == expected
    for wrong in ("text", 5, None, [1]):
        with pytest.raises(TypeError):
            twin.fs64(wrong)


def test_both_halves_are_unsigned(twin):
    halves = [half for i in range(1000) for half in twin.fs64(b"k%d" % i)]
    assert min(halves) >= 0
    assert max(halves) < 2**32
    assert len(set(halves)) > 1990  # and hardly any comes twice


@given(st.binary(max_size=300))
def test_both_twins_sign_alike(c, data):
    assert c.fs64(data) == twins.fs64(data)


# Masks


@given(st.binary(max_size=1200), st.binary(min_size=4, max_size=4), st.integers(0, 9))
def test_a_mask_is_the_rfcs_loop(c, data, mask, start):
    expected = bytes(byte ^ mask[i % 4] for i, byte in enumerate(data[start:]))
    for twin in (c, twins):
        for kind in (bytes, bytearray, memoryview):
            masked = twin.apply_mask(kind(data)[start:], mask)
            assert masked == expected
            assert type(masked) is bytes


def test_a_mask_leaves_its_input_as_it_was(twin):
    data = bytearray(b"some words" * 100)
    assert twin.apply_mask(twin.apply_mask(data, b"abcd"), b"abcd") == data
    assert data == b"some words" * 100


def test_a_mask_has_four_bytes(twin):
    for mask in (b"", b"abc", b"abcde"):
        with pytest.raises(ValueError, match="a mask has four bytes"):
            twin.apply_mask(b"data", mask)
    for arguments in ((b"",), ("", b"abcd"), (b"", "abcd"), (b"", b"abcd", 1)):
        with pytest.raises(TypeError):
            twin.apply_mask(*arguments)


# Memory


def test_no_byte_is_read_outside_of_the_input(c):
    fence = Fence()
    for head in (BARE, BROWSER, POST, BARE.replace(b"/ ", b"/%4f?%4f "), BARE + BARE):
        for size in range(len(head) + 1):
            data = head[:size]
            for view in fence.views(data):
                for start in {0, size // 2, size}:
                    assert parse(c, view, start) == parse(twins, data, start)
    for size in range(70):
        data = os.urandom(size)
        for view in fence.views(data):
            assert c.fs64(view) == twins.fs64(data)
            assert c.apply_mask(view, b"abcd") == twins.apply_mask(data, b"abcd")
    for view in fence.views(b"abcd"):
        assert c.apply_mask(b"data", view) == c.apply_mask(b"data", b"abcd")


def use_everything(c):
    """Each way through the functions, those that fail too."""
    for data in (BARE, BROWSER, POST, POST + POST, BARE[:-1], b"", b"x" * 99):
        parse(c, data)
        parse(c, data, 0, 8192, 1)
        c.fs64(data)
        c.apply_mask(data, b"abcd")
    for function, *arguments in (
        (c.parse_head, BARE),
        (c.parse_head, BARE, 0, 2**80, 1),
        (c.parse_head, "text", 0, 1, 1),
        (c.fs64, "text"),
        (c.apply_mask, BARE, b"abc"),
        (c.apply_mask, BARE, "text"),
        (c.apply_mask, "text", b"abcd"),
    ):
        with contextlib.suppress(TypeError, ValueError, OverflowError):
            function(*arguments)
            pytest.fail(f"{function} takes {arguments}")


def test_nothing_leaks(c):
    """Neither memory nor references: not on the way to a result, nor to an error."""
    watched = [BARE, BROWSER, POST, None, "1.1", b"abcd"]
    use_everything(c)
    gc.collect()
    counts = [sys.getrefcount(item) for item in watched]
    tracemalloc.start()
    try:
        use_everything(c)
        gc.collect()
        before, _ = tracemalloc.get_traced_memory()
        for _ in range(300):
            use_everything(c)
        gc.collect()
        after, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert after - before < 300 * 16  # an object takes 16 bytes at least
    for item, count in zip(watched, counts, strict=True):
        assert sys.getrefcount(item) - count < 300, item  # others use None, too


def test_an_input_can_be_resized_again_afterwards(c):
    """A buffer that is not released keeps a bytearray at its size for ever."""
    data, mask = bytearray(BARE), bytearray(b"abcd")
    for stream in (data, data + b"x", data[:-1]):
        parse(c, stream)
        stream.append(0)
    with pytest.raises(ValueError, match="four"):
        c.apply_mask(data, b"x")
    with pytest.raises(TypeError):
        c.apply_mask(data, "abcd")
    c.apply_mask(data, mask)
    c.fs64(data)
    data.append(0)
    mask.append(0)


def test_no_memory_is_an_error_and_not_a_crash(library):
    """Every request for memory is refused once; what was got by then is given back."""
    program = f"""
import sys, _testcapi
sys.path.insert(0, {str(ROOT / "tests")!r})
from extension import load
from test_speedups import BARE, BROWSER, POST
c = load({str(library)!r})
calls = [(c.parse_head, head, 0, 8192, 100) for head in (BARE, BROWSER, POST)]
calls += [(c.apply_mask, BARE * 99, b"abcd"), (c.fs64, BARE)]


def refuse(turn):
    # Have the request for memory of this number fail in each call.
    refused = 0
    for function, *arguments in calls:
        expected = function(*arguments)
        answer = None
        _testcapi.set_nomemory(turn, turn + 1)
        try:
            answer = function(*arguments)
        except MemoryError:
            refused += 1
        finally:
            _testcapi.remove_mem_hooks()
        assert answer in (None, expected), answer
    return refused


refused = sum(map(refuse, range(60)))
before = sys.getallocatedblocks()
for _ in range(20):
    sum(map(refuse, range(60)))
print(refused, sys.getallocatedblocks() - before)
"""
    pytest.importorskip("_testcapi")
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    refused, leaked = map(int, done.stdout.split())
    assert refused > 20
    assert leaked < 20


# The module


def test_the_functions_describe_themselves(c):
    for name in ("parse_head", "fs64", "apply_mask"):
        ours, other = getattr(c, name), getattr(twins, name)
        names = [[*inspect.signature(twin).parameters] for twin in (ours, other)]
        assert names[0] == names[1]
        assert f"dustdevil.speedups.pure.{name}" in ours.__doc__


def run(program, **environment):
    env = os.environ | {"PYTHONPATH": str(ROOT / "src")} | environment
    command = [sys.executable, "-W", "error", "-c", program]
    return subprocess.run(command, capture_output=True, text=True, env=env)


USES = """
assert c.fs64(b"a") == (0xAF63DC4C, 0x8601EC8C)
assert c.parse_head(b"GET / HTTP/1.1\\r\\nHost: a\\r\\n\\r\\n", 0, 99, 9)[1] == "GET"
"""


def test_other_interpreters_load_it_too(library):
    """Each with a GIL of its own, from Python 3.12 on."""
    in_other_interpreters(library, USES)


# Which twin serves


def test_the_choice_is_the_extension_where_there_is_one(library, tmp_path):
    """In a copy of the package, with and without it, and with one that is broken."""
    others = [compiled(library.parent, name) for name in ("_fastpath", "_tasks")]
    package = tmp_path / "dustdevil"
    shutil.copytree(ROOT / "src" / "dustdevil", package,
                    ignore=shutil.ignore_patterns("*.so", "*.pyd"))  # fmt: skip
    program = (
        "from dustdevil.speedups import choice as s; import json;"
        "from dustdevil.http import connection as c;"
        "from dustdevil.loop.eventloop import Loop;"
        "path = getattr(c.FastPath, '__module__', None);"
        "task = getattr(Loop.task_factory, '__module__', None);"
        "print(json.dumps([s.parse_head.__module__, path, task, s.STATUS]))"
    )

    def choice(**environment):
        environment = {"DUSTDEVIL_PURE": ""} | environment
        done = run(program, PYTHONPATH=str(tmp_path), **environment)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    python = ["dustdevil.speedups.pure", None, None]
    *chosen, status = choice()
    assert chosen == python
    assert "pure Python" in status
    assert "_speedups" in status
    shutil.copy(library, package / "speedups")
    for other in others:
        *chosen, status = choice()
        assert chosen == python
        assert f"dustdevil.speedups.{other.name.partition('.')[0]}" in status
        shutil.copy(other, package / "speedups")
    modules = [
        "dustdevil.speedups._speedups",
        "dustdevil.speedups._fastpath",
        "dustdevil.speedups._tasks",
    ]
    assert choice() == [*modules, "with the extension in C"]
    asked = "in pure Python, as DUSTDEVIL_PURE asks"
    assert choice(DUSTDEVIL_PURE="1") == [*python, asked]
    (package / "speedups" / library.name).write_bytes(b"\x7fELF but not really")
    *chosen, status = choice()
    assert chosen == python
    assert library.name in status


def test_the_parser_and_the_frames_take_what_was_chosen():
    from dustdevil.http import parser as http1
    from dustdevil.websocket import frames

    assert http1.parse_head is speedups.parse_head
    assert frames.apply_mask is speedups.apply_mask
