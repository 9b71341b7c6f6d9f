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
from hypothesis import given
from hypothesis import strategies as st

from dustdevil.speedups import choice, pure
from support.extension import Fence, compiled, in_other_interpreters, load
from support.http_requests import BARE, BROWSER, POST, STREAMS
from support.places import ROOT


@pytest.fixture(scope="session")
def library(tmp_path_factory):
    """The compiled extension, as a file."""
    return compiled(tmp_path_factory.mktemp("c"))


@pytest.fixture(scope="session")
def c(library):
    return load(library)


@pytest.fixture(params=["c", "python"])
def twin(request):
    return request.getfixturevalue("c") if request.param == "c" else pure


def split(twin, data, start=0, end=None):
    """Of a head, or of bytes that begin with one."""
    if end is None:
        end = data.find(b"\r\n\r\n", start)
    return twin.split_head(data, start, end if end >= 0 else len(data))


# Heads


def test_a_bare_head(twin):
    expected = (True, "GET", "/", "1.1", "a", {}, b"\r\nHost: a")
    for kind in (bytes, bytearray):
        found = split(twin, kind(BARE))
        assert found == expected
        assert [*map(type, found)] == [bool, str, str, str, str, dict, bytes]


def test_the_head_of_a_browser(twin):
    usual, method, target, version, host, fields, block = split(twin, BROWSER)
    assert (usual, method, version) == (True, "GET", "1.1")
    assert target == "/articles/winter%20fair?page=3&sort=date"
    assert host == "127.0.0.1:8000"
    assert fields == {}  # "Connection: keep-alive" says nothing new in HTTP/1.1
    assert block == BROWSER[BROWSER.index(b"\r\n") : -4]


def test_the_framing_fields(twin):
    usual, method, target, version, host, fields, _ = split(twin, POST)
    assert (usual, method, version) == (True, "POST", "1.0")
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
        return split(twin, head % (version, value))[5]

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
    assert split(twin, head)[::4] == (True, host.decode())


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
    found = split(twin, b"GET / HTTP/1.1\r\nHost: %b\r\n\r\n" % host)
    assert found[::4] == (False, "")
    assert found[5] == {b"host": [host]}


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
        found = split(twin, head)
        assert bool(found and found[0]) is (code in allowed), code


@pytest.mark.parametrize(
    ("old", "new", "hosts"),
    [
        (b"GET /", b"CONNECT /", [b"a"]),
        (b"GET /", b"GET *", [b"a"]),
        (b"GET /", b"GET http://a/", [b"a"]),
        (b"GET /", b"GET ?", [b"a"]),
        (b"GET /", b"GET /%", [b"a"]),
        (b"GET /", b"GET /%4", [b"a"]),
        (b"GET /", b"GET /%4g", [b"a"]),
        (b"GET /", b"GET /%g4", [b"a"]),
        (b"GET /", b"GET /?%", [b"a"]),
        (b"GET /", b"GET /#", [b"a"]),
        (b"GET /", b"GET /[]", [b"a"]),
        (b"GET /", b"GET /\xff", [b"a"]),
        (b"Host: a\r\n", b"", None),
        (b"Host: a\r\n", b"Host: a\r\nhost: b\r\n", [b"a", b"b"]),
        (b"Host: a\r\n", b"Host: [::1]\r\n", [b"[::1]"]),
    ],
)
def test_what_has_to_be_looked_at_more_closely(twin, old, new, hosts):
    usual, _, target, _, host, fields, _ = split(twin, BARE.replace(old, new))
    assert (usual, host, fields.get(b"host")) == (False, "", hosts)
    line = BARE.replace(old, new).partition(b"\r\n")[0]
    assert target.encode("latin-1") == line.split(b" ")[1]


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b"GET /", b"GET "),
        (b"GET /", b"GET  /"),
        (b"GET /", b" GET /"),
        (b"GET /", b" /"),
        (b"GET /", b"\r\nGET /"),
        (b"GET / ", b"GET /\t"),
        (b"HTTP/1.1", b"HTTP/1.x"),
        (b"HTTP/1.1", b"HTTP/1."),
        (b"HTTP/1.1", b"HTTP/2.0"),
        (b"HTTP/1.1", b"HTTP/1.10"),
        (b"HTTP/1.1", b"http/1.1"),
        (b"Host: a\r\n", b"Host : a\r\n"),
        (b"Host: a\r\n", b"Host\r\n"),
        (b"Host: a\r\n", b": a\r\n"),
        (b"Host: a\r\n", b" Host: a\r\n"),
        (b"Host: a\r\n", b"Host: a\nA: b\r\n"),
        (b"Host: a\r\n", b"Host: a\rA: b\r\n"),
        (b"Host: a\r\n", b"Host: a\r\r\n"),
        (b"Host: a\r\n", b"Host: a\r\nA: b\r\n c\r\n"),
        (b"Host: a\r\n", b"Host: a\r\nA: b\0c\r\n"),
        (b"Host: a\r\n", b"Host: a\r\nA: b\x7f\r\n"),
        (b"Host: a\r\n", b"Host: a\r\n\xe9: b\r\n"),
    ],
)
def test_what_is_malformed(twin, old, new):
    head = BARE.replace(old, new)
    assert twin.split_head(head, 0, len(head) - len(b"\r\n\r\n")) is None


def test_other_methods_that_begin_or_end_alike(twin):
    for method in (b"CONNECTS", b"CONNEC", b"connect", b"XCONNECT"):
        found = split(twin, BARE.replace(b"GET", method))
        assert found[:2] == (True, method.decode())


def test_http_1_0_needs_no_host(twin):
    usual, *_, host, fields, block = split(twin, b"GET / HTTP/1.0\r\n\r\n")
    assert (usual, host, fields, block) == (False, "", {}, b"")


def test_where_it_begins_and_ends(twin):
    stream = BARE + BROWSER + BARE
    start = 0
    for head in (BARE, BROWSER, BARE):
        end = start + len(head) - 4
        assert split(twin, stream, start, end) == split(twin, head)
        assert split(twin, stream, start, end + 1) is None
        assert split(twin, stream, start, end + 2) is None
        start = end + 4
    # "ET" is a method as good as any.
    assert split(twin, BARE, 1)[1] == "ET"


def test_places_that_are_none(twin):
    size = len(BARE)
    for start, end in ((size, size), (5, 5), (5, 4)):
        assert twin.split_head(BARE, start, end) is None


def test_arguments_that_are_none_of_ours(twin):
    for arguments in ((), (BARE, 0), (BARE, "0", 1), ("x", 0, 1), (1, 0, 1)):
        with pytest.raises((TypeError, AttributeError)):
            twin.split_head(*arguments)


@pytest.mark.parametrize("stream", STREAMS)
def test_both_twins_say_the_same_of_every_stream(c, stream):
    for start in range(len(stream)):
        assert split(c, stream, start) == split(pure, stream, start)


PIECES = [BARE, b"\r\n", b"\r", b"\n", b" ", b"\t", b":", b"/", b"?", b"%", b"%4F",
          b"\0", b"\x7f", b"\xff", b"[", b"{", b"\\", b"HTTP/1.0", b"CONNECT ",
          b"A: b\r\n", b"Host: a\r\n", b"Connection: Keep-Alive\r\n",
          b"content-length: 3\r\n", b"TRANSFER-ENCODING:chunked\r\n",
          b"Expect:x\r\n", b"Upgrade: h2c\r\n"]  # fmt: skip

edits = st.lists(
    st.tuples(st.integers(0, 700), st.integers(0, 3), st.sampled_from(PIECES)),
    max_size=4,
)


@given(st.sampled_from([BARE, BROWSER, POST]), edits, st.integers(0, 3))
def test_both_twins_say_the_same_of_a_damaged_head(c, head, edits, start):
    head = bytearray(head)
    for place, size, piece in edits:
        place %= len(head) + 1
        head[place : place + size] = piece
    for kind in (bytes, bytearray):
        for end in (None, len(head)):
            assert split(c, kind(head), start, end) == split(
                pure, kind(head), start, end
            )


@given(st.lists(st.sampled_from(PIECES) | st.binary(max_size=3), max_size=12))
def test_both_twins_say_the_same_of_nonsense(c, pieces):
    data = b"GET /" + b"".join(pieces)
    assert split(c, data) == split(pure, data)


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
    assert c.fs64(data) == pure.fs64(data)


# Masks


@given(st.binary(max_size=1200), st.binary(min_size=4, max_size=4), st.integers(0, 9))
def test_a_mask_is_the_rfcs_loop(c, data, mask, start):
    expected = bytes(byte ^ mask[i % 4] for i, byte in enumerate(data[start:]))
    for twin in (c, pure):
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
                    assert split(c, view, start, size) == split(pure, data, start, size)
    for size in range(70):
        data = os.urandom(size)
        for view in fence.views(data):
            assert c.fs64(view) == pure.fs64(data)
            assert c.apply_mask(view, b"abcd") == pure.apply_mask(data, b"abcd")
    for view in fence.views(b"abcd"):
        assert c.apply_mask(b"data", view) == c.apply_mask(b"data", b"abcd")


def use_everything(c):
    """Each way through the functions, those that fail too."""
    for data in (BARE, BROWSER, POST, POST + POST, BARE[:-1], b"", b"x" * 99):
        split(c, data)
        split(c, data, 0, 9)
        c.fs64(data)
        c.apply_mask(data, b"abcd")
    for function, *arguments in (
        (c.split_head, BARE),
        (c.split_head, BARE, 0, 2**80),
        (c.split_head, "text", 0, 1),
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
        split(c, stream)
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
from support.extension import load
from support.http_requests import BARE, BROWSER, POST
c = load({str(library)!r})
heads = [head.partition(b"\\r\\n\\r\\n")[0] for head in (BARE, BROWSER, POST)]
calls = [(c.split_head, head, 0, len(head)) for head in heads]
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
    for name in ("split_head", "fs64", "apply_mask"):
        ours, other = getattr(c, name), getattr(pure, name)
        names = [[*inspect.signature(twin).parameters] for twin in (ours, other)]
        assert names[0] == names[1]
        assert f"dustdevil.speedups.pure.{name}" in ours.__doc__


def run(program, **environment):
    env = os.environ | {"PYTHONPATH": str(ROOT / "src")} | environment
    command = [sys.executable, "-W", "error", "-c", program]
    return subprocess.run(command, capture_output=True, text=True, env=env)


USES = """
assert c.fs64(b"a") == (0xAF63DC4C, 0x8601EC8C)
assert c.split_head(b"GET / HTTP/1.1\\r\\nHost: a", 0, 23)[1] == "GET"
"""


def test_other_interpreters_load_it_too(library):
    """Each with a GIL of its own, from Python 3.12 on."""
    in_other_interpreters(library, USES)


# Which twin serves


def test_the_choice_is_the_extension_where_there_is_one(library, tmp_path):
    """In a copy of the package, with and without it, and with one that is broken."""
    package = tmp_path / "dustdevil"
    shutil.copytree(ROOT / "src" / "dustdevil", package,
                    ignore=shutil.ignore_patterns("*.so", "*.pyd"))  # fmt: skip
    program = (
        "from dustdevil.speedups import choice; import json;"
        "print(json.dumps([choice.functions.__name__, choice.STATUS]))"
    )

    def chosen(**environment):
        environment = {"DUSTDEVIL_PURE": ""} | environment
        done = run(program, PYTHONPATH=str(tmp_path), **environment)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    python, in_c = "dustdevil.speedups.pure", "dustdevil.speedups._speedups"
    module, status = chosen()
    assert module == python
    assert "pure Python" in status
    assert "_speedups" in status
    shutil.copy(library, package / "speedups")
    assert chosen() == [in_c, "with the extension in C"]
    asked = "in pure Python, as DUSTDEVIL_PURE asks"
    assert chosen(DUSTDEVIL_PURE="1") == [python, asked]
    (package / "speedups" / library.name).write_bytes(b"\x7fELF but not really")
    module, status = chosen()
    assert module == python
    assert library.name in status


def test_the_parser_and_the_frames_take_what_was_chosen():
    from dustdevil.http import parser
    from dustdevil.websocket import frames

    assert parser.split_head is choice.split_head
    assert frames.apply_mask is choice.apply_mask
