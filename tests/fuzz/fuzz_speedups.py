"""Any bytes to the C twins and the Python ones: the same answers; see `run.py`.

The bytes lie against a page that may not be touched. The extension is compiled with
gcc's marks at each of its basic blocks, so that the fuzzer sees its way through the C.
"""

from functools import cache

from dustdevil.speedups import pure
from support.extension import SUFFIX, Fence, compile_extension, load
from support.places import ROOT

FENCE = Fence()
FILE = ROOT / "build" / "fuzz" / "speedups" / f"_speedups{SUFFIX}"
MARKED = "-O1 -g -fsanitize-coverage=trace-pc,trace-cmp"

WORDS = ["GET ", "POST /", " HTTP/1.1\r\n", " HTTP/1.0\r\n", "Host: a\r\n", "\r\n\r\n",
         "CONTENT-length: ", "Transfer-Encoding:", "Connection: ", "keep-alive",
         "KEEP-ALIVE", "Upgrade:", "Expect: ", "CONNECT ", "%4F", ":80"]  # fmt: skip


def seeds():
    # Compiled here: on a busy machine it takes longer than an input may.
    compile_extension(FILE, MARKED, [ROOT / "tests" / "fuzz" / "coverage.c"])
    from support.http_requests_rfc import REFUSE, TAKE

    streams = [stream for stream, *_ in TAKE.values()]
    for stream in streams + [stream for _, stream in REFUSE.values()]:
        yield b"\0\0\x13" + stream
    yield b"\xff\0\0 some words"


@cache
def extension():
    """Loaded at the first check: libFuzzer, which its marks report to, is there."""
    return load(FILE)


def check(data):
    choice, data = data[:3].ljust(3, b"\0"), data[3:]
    for view in FENCE.views(data):
        if choice[0] < 200:
            start, end = choice[0] % 4, len(data) - choice[1] % 8
            found = extension().split_head(view, start, end)
            assert found == pure.split_head(data, max(start, 0), max(end, 0))
        else:
            mask = choice + b"x"
            assert extension().fs64(view) == pure.fs64(data)
            assert extension().apply_mask(view, mask) == pure.apply_mask(data, mask)
