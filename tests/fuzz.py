"""A coverage-guided fuzzer at our parsers: `make fuzz TARGET=head SECONDS=600`.

libFuzzer (within atheris) changes inputs, sees which of them took a new way through
the code, and goes on from those. Inputs and crashes are kept in build/fuzz/TARGET. The
targets are the functions below; what each finds is an exception, a crash or a hang.

`head`, `mask`  the C twins: as the Python ones, and no byte read outside of the input
`http1`         the request parser: one verdict, wherever the bytes are cut
`frames`        the WebSocket protocol, likewise
"""

import argparse
import sys
from functools import cache
from pathlib import Path

# Before atheris is imported: the extension is to find libFuzzer's functions.
sys.setdlopenflags(sys.getdlopenflags() | 0x100)  # RTLD_GLOBAL

import atheris  # noqa: E402
from extension import SUFFIX, Fence, compile_extension, load  # noqa: E402

with atheris.instrument_imports(include=["dustdevil"]):
    from test_frames import feed
    from test_http1 import verdict

    from dustdevil import twins

TESTS = Path(__file__).resolve().parent
BUILD = TESTS.parent / "build" / "fuzz"
MARKED = "-O1 -g -fsanitize-coverage=trace-pc,trace-cmp"
SEEDS = (
    b"GET / HTTP/1.1\r\nHost: a:80\r\nConnection: keep-alive\r\n\r\n",
    b"POST /a%4F?b{c} HTTP/1.0\r\nhost:\t[::1] \r\nContent-Length: 5\r\n\r\nhello",
    b"PUT /x HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\n"
    b"Transfer-Encoding: chunked\r\nUpgrade: h2c\r\n\r\n"
    b"3;a=b\r\nabc\r\n0\r\nA: b\r\n\r\n",
    b"\x81\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58\x89\x80abcd\x88\x82abcd\x62\x8a",
)


@cache
def extension():
    """The C twins, compiled so that a fuzzer sees its way through them.

    First called when libFuzzer is loaded, whose functions they need.
    """
    file = BUILD / f"_speedups{SUFFIX}"
    compile_extension(file, MARKED, [TESTS / "fuzz_coverage.c"])
    return load(file)


def head(data):
    """Read one head from somewhere, with limits that the input chooses."""
    if len(data) < 3:
        return
    limits = data[0] % 4, 4 * data[1] or 2**62, data[2] % 20
    c = extension()
    for view in FENCE.views(data[3:]):
        assert c.parse_head(view, *limits) == twins.parse_head(data[3:], *limits)


def mask(data):
    """Sign and mask the input."""
    mask, data = data[:4].ljust(4, b"x"), data[4:]
    c = extension()
    for view in FENCE.views(data):
        assert c.apply_mask(view, mask) == twins.apply_mask(data, mask)
        assert c.fs64(view) == twins.fs64(data)


def http1(data):
    """Whole, and in two pieces."""
    cut, stream = data[:1], data[1:]
    place = cut[0] * len(stream) // 256 if cut else 0
    assert verdict(stream, (place,)) == verdict(stream)


def frames(data):
    """Whole, and in two pieces."""
    cut, stream = data[:1], data[1:]
    place = cut[0] * len(stream) // 256 if cut else 0
    assert feed(stream, (place,)) == feed(stream)


FENCE = Fence()
TARGETS = {function.__name__: function for function in (head, mask, http1, frames)}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("target", choices=TARGETS)
    parser.add_argument("--seconds", type=int, default=60)
    options = parser.parse_args()
    corpus = BUILD / options.target
    corpus.mkdir(parents=True, exist_ok=True)
    for number, seed in enumerate(SEEDS):
        prefix = b"\0\0\x63" if options.target == "head" else b"\0"
        (corpus / f"seed{number}").write_bytes(prefix + seed)
    words = [sys.argv[0], str(corpus), f"-artifact_prefix={corpus}/", "-timeout=5"]
    words += ["-max_len=1500", f"-max_total_time={options.seconds}"]
    atheris.Setup(words, TARGETS[options.target])
    atheris.Fuzz()


if __name__ == "__main__":
    main()
