"""The parser of multipart/form-data, held to RFC 7578 and RFC 2046, cut everywhere."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dustdevil.http import Data, End
from dustdevil.web import FormError, MultipartParser, Part
from dustdevil.web.multipart import (
    BOUNDARY,
    boundary_of,
    last_component,
    parse_parameters,
)

FIELD = b'Content-Disposition: form-data; name="a"\r\n'
FILE = b'Content-Disposition: form-data; name="f"; filename="x.bin"\r\n'


def verdict(body, cuts=(), boundary="b", **limits):
    """The parts a body has when it comes in these pieces, or the error's status."""
    parser = MultipartParser(boundary, **limits)
    parts, open_ = [], False
    try:
        for start, end in pairwise([0, *sorted(cuts), len(body)]):
            for event in parser.feed(body[start:end]):
                match event:
                    case Part():
                        assert not open_
                        open_ = True
                        parts.append([event.name, event.filename, b""])
                    case Data(data):
                        assert open_
                        assert data
                        parts[-1][2] += data
                    case End():
                        assert open_
                        open_ = False
    except FormError as error:
        return error.status
    assert open_ is False or not parser.complete
    return parts if parser.complete else "incomplete"


def everywhere(body, **options):
    """The verdict on a body, which must be the same however it is cut."""
    whole = verdict(body, **options)
    for cut in range(len(body) + 1):
        assert verdict(body, [cut], **options) == whole, cut
    assert verdict(body, range(len(body)), **options) == whole
    return whole


GOOD = {
    "two parts": (
        b"--b\r\n" + FIELD + b"\r\none\r\n--b\r\n" + FILE + b"\r\ntwo\r\n--b--\r\n",
        [["a", None, b"one"], ["f", "x.bin", b"two"]],
    ),
    "nothing after the last boundary": (
        b"--b\r\n" + FIELD + b"\r\none\r\n--b--",
        [["a", None, b"one"]],
    ),
    "no part at all": (b"--b--\r\n", []),
    "text before the first and after the last": (
        b"before\r\nand\r\n--b\r\n" + FIELD + b"\r\none\r\n--b--\r\n--b\r\nafter",
        [["a", None, b"one"]],
    ),
    "spaces behind a boundary": (
        b"--b \t \r\n" + FIELD + b"\r\none\r\n--b  \r\n" + FIELD + b"\r\n\r\n--b--",
        [["a", None, b"one"], ["a", None, b""]],
    ),
    "an empty line in place of a body": (
        b"--b\r\n" + FIELD + b"\r\n--b--",
        [["a", None, b""]],
    ),
    "what nearly is a boundary": (
        b"--b\r\n" + FIELD + b"\r\n\r\n\r\n-b\r\n--\r--b\n--b--b\r\n-\r\n\r\n--b--",
        [["a", None, b"\r\n\r\n-b\r\n--\r--b\n--b--b\r\n-\r\n"]],
    ),
    "other headers, names without case": (
        b"--b\r\ncontent-TYPE: text/plain\r\nX-Any: 1\r\n" + FIELD + b"\r\n1\r\n--b--",
        [["a", None, b"1"]],
    ),
}


@pytest.mark.parametrize("name", GOOD)
def test_well_formed(name):
    body, parts = GOOD[name]
    assert everywhere(body) == parts


BAD = {
    "no last boundary": (b"--b\r\n" + FIELD + b"\r\none\r\n--b\r\n", "incomplete"),
    "cut in the last boundary": (b"--b\r\n" + FIELD + b"\r\none\r\n--b-", "incomplete"),
    "nothing": (b"", "incomplete"),
    "more behind a boundary": (b"--bc\r\n" + FIELD + b"\r\none\r\n--b--", 400),
    "a boundary in a head": (b"--b\r\n" + FIELD + b"--b: c\r\n\r\none\r\n--b--", 400),
    "no head": (b"--b\r\n\r\none\r\n--b--", 400),
    "bare LF": (b"--b\n" + FIELD + b"\r\none\r\n--b--", 400),
    "bare LF in a head": (b"--b\r\nA: b\n" + FIELD + b"\r\none\r\n--b--", 400),
    "folded": (b"--b\r\nA: b\r\n c\r\n" + FIELD + b"\r\none\r\n--b--", 400),
    "space before a colon": (b"--b\r\nA : b\r\n" + FIELD + b"\r\none\r\n--b--", 400),
    "NUL": (b"--b\r\nA: \0\r\n" + FIELD + b"\r\none\r\n--b--", 400),
    "no name": (b"--b\r\nContent-Disposition: form-data\r\n\r\n1\r\n--b--", 400),
    "no form-data": (
        b"--b\r\nContent-Disposition: attachment; name=a\r\n\r\n1\r\n--b--",
        400,
    ),
    "two names": (
        b"--b\r\nContent-Disposition: form-data; name=a; NAME=b\r\n\r\n1\r\n--b--",
        400,
    ),
    "two dispositions": (b"--b\r\n" + FIELD + FIELD + b"\r\n1\r\n--b--", 400),
    "a name that is not UTF-8": (
        b'--b\r\nContent-Disposition: form-data; name="\xe9"\r\n\r\n1\r\n--b--',
        400,
    ),
    "encoded": (
        b"--b\r\nContent-Transfer-Encoding: base64\r\n" + FIELD + b"\r\n1\r\n--b--",
        400,
    ),
}


@pytest.mark.parametrize("name", BAD)
def test_malformed(name):
    body, status = BAD[name]
    assert everywhere(body) == status


def test_the_head_of_a_part_is_bounded():
    exact = len(b"\r\n" + FIELD) - 2
    body = b"--b\r\n" + FIELD + b"\r\n1\r\n--b--"
    assert everywhere(body, max_head=exact) == [["a", None, b"1"]]
    assert everywhere(body, max_head=exact - 1) == 413
    assert verdict(b"--b\r\nA: " + b"x" * 10**6, max_head=1000) == 413
    assert verdict(b"--b" + b" " * 10**6, max_head=1000) == 413


@st.composite
def forms(draw):
    """A boundary, and parts in which it does not occur."""
    boundary = draw(st.sampled_from(["b", "----x", "a:b", "-", "x" * 70]))
    # Pieces of boundaries, so that contents are nearly one again and again.
    line = b"\r\n--" + boundary.encode()
    bits = [b"\r", b"\n", b"-", b"x", b"\0", line[:-1], line[1:], line[:3]]
    content = st.lists(st.sampled_from(bits), max_size=8).map(b"".join)
    parts = draw(st.lists(content.filter(lambda c: line not in c), max_size=4))
    return boundary, [c for c in parts if line not in b"\r\n" + c]


@given(forms(), st.data())
def test_any_split_gives_the_same_parts(form, data):
    boundary, contents = form
    line = b"--" + boundary.encode()
    body = b"".join(
        line + b"\r\n" + FIELD + b"\r\n" + content + b"\r\n" for content in contents
    )
    body += line + b"--"
    cuts = data.draw(st.lists(st.integers(0, len(body)), max_size=20))
    expected = [["a", None, content] for content in contents]
    assert verdict(body, cuts, boundary) == expected
    assert verdict(body, range(len(body)), boundary) == expected


class Counting(bytearray):
    """A buffer that counts the bytes that are moved or searched in it."""

    work = 0

    def find(self, what, start=0):
        found = super().find(what, start)
        Counting.work += (len(self) if found < 0 else found) - start
        return found

    def rfind(self, what, start=0):
        Counting.work += len(self) - start
        return super().rfind(what, start)

    def __iadd__(self, data):
        Counting.work += len(data)
        super().__iadd__(data)
        return self

    def __getitem__(self, key):
        found = super().__getitem__(key)
        Counting.work += len(found) if isinstance(key, slice) else 1
        return found


@pytest.mark.parametrize(
    "filling", [b"x", b"\r", b"\r\n", b"\r\n-", b"\r\n--" + b"x" * 69, b"\n--"]
)
@pytest.mark.parametrize("piece", [1, 7, 100_000])
def test_work_grows_with_the_bytes_and_no_faster(filling, piece):
    boundary = "x" * 70

    def work(size):
        body = b"--" + boundary.encode() + b"\r\n" + FIELD + b"\r\n"
        body += filling * (size // len(filling))
        parser = MultipartParser(boundary)
        parser._buffer = Counting(parser._buffer)
        Counting.work = 0
        for start in range(0, len(body), piece):
            parser.feed(body[start : start + piece])
        assert len(parser._buffer) < 80
        return Counting.work

    assert work(20_000) < 3 * work(10_000)


@pytest.mark.parametrize("piece", [1, 100_000])
def test_work_on_a_long_head_and_on_many_parts(piece):
    def work(body):
        parser = MultipartParser("b", max_head=10**6)
        parser._buffer = Counting(parser._buffer)
        Counting.work = 0
        for start in range(0, len(body), piece):
            parser.feed(body[start : start + piece])
        return Counting.work

    head = b"--b\r\n" + FIELD + b"A: "
    assert work(head + b"\r\nA: " * 4000) < 3 * work(head + b"\r\nA: " * 2000)
    part = b"--b\r\n" + FIELD + b"\r\n1\r\n"
    assert work(part * 200) < 3 * work(part * 100)


# Names and parameters


@pytest.mark.parametrize(
    ("disposition", "name", "filename"),
    [
        (b'name="a"; filename="b.txt"', "a", "b.txt"),
        (b"name=a; filename=b.txt", "a", "b.txt"),
        (b'NAME="a" ;; FileName="b"', "a", "b"),
        ('name="grüße"; filename="日本.txt"'.encode(), "grüße", "日本.txt"),
        (b'name="a;b=c"; filename="d;e"', "a;b=c", "d;e"),
        (rb'name="say \"hi\""; filename="a\\b"', 'say "hi"', "b"),
        (rb'name=a; filename="C:\dir\file.txt"', "a", "file.txt"),
        (b'name=a; filename="../../etc/passwd"', "a", "passwd"),
        (b'name=a; filename="/"', "a", ""),
        (b'name=a; filename=".."', "a", ""),
        (b'name=a; filename="x/.."', "a", ""),
        (b'name=a; filename=""', "a", ""),
        (b'name=a; filename="x\xe2\x80\xaey"', "a", "xy"),
        (b"name=a; filename*=UTF-8''b", "a", None),
    ],
)
def test_names(disposition, name, filename):
    parser = MultipartParser("b")
    [part] = parser.feed(
        b"--b\r\nContent-Disposition: form-data; " + disposition + b"\r\n\r\n"
    )
    assert (part.name, part.filename) == (name, filename)


def test_the_type_of_a_part():
    parser = MultipartParser("b")
    field, _, file, _, image = parser.feed(
        b"--b\r\n" + FIELD + b"\r\n\r\n--b\r\n" + FILE + b"\r\n\r\n--b\r\n"
        b"Content-Type: image/png\r\n" + FILE + b"\r\n"
    )
    types = [part.content_type for part in (field, file, image)]
    assert types == ["text/plain", "application/octet-stream", "image/png"]
    assert repr(file) == "<Part 'f' x.bin>"


def test_the_last_component_has_no_control_characters():
    assert last_component("a\x1b[2Jb\x7f\r\n.txt") == "a[2Jb.txt"
    assert last_component("a\\b/c\\ d ") == "d"


def test_boundaries():
    assert boundary_of("multipart/form-data; boundary=abc") == "abc"
    assert boundary_of('multipart/form-data; Boundary="a b:c"; x=y') == "a b:c"
    assert boundary_of("multipart/form-data; boundary=" + "x" * 70) == "x" * 70
    for wrong in (
        "",
        "; boundary=",
        '; boundary=""',
        "; boundary=" + "x" * 71,
        '; boundary="a "',
        '; boundary="a\r\nb"',
        "; boundary=a; boundary=b",
        "; boundary=a b",
        '; boundary="a',
    ):
        with pytest.raises(FormError) as caught:
            boundary_of("multipart/form-data" + wrong)
        assert caught.value.status == 400
    assert BOUNDARY.fullmatch("'()+_,-./:=?")


def test_parameters():
    assert parse_parameters("Text/Plain") == ("text/plain", {})
    assert parse_parameters('a; b="c\\"d"; e=f;') == ("a", {"b": 'c"d', "e": "f"})
    assert parse_parameters("a;; ;b=c ; ;") == ("a", {"b": "c"})
    assert parse_parameters("") == ("", {})
    for wrong in ("a; b", "a; b=", "a; =b", 'a; b="c"d', "a; b=c d"):
        with pytest.raises(FormError, match="malformed"):
            parse_parameters(wrong)
