"""Any bytes as a form with files, and as the parameters of a field: see `run.py`.

The first bytes of an input say where the others are cut. However that is, the parts
must be the same, or the status of the error; no more may be kept than the limit of a
part's head; and what was found is found again in a form that is made of it.
"""

from contextlib import suppress

from cutting import pieces, the_same_however_cut

from dustdevil.http import Data, End
from dustdevil.web import FormError, MultipartParser, Part
from dustdevil.web.multipart import boundary_of, parse_parameters

MOST, BOUNDARY = 200, "b'd"
PARAMETERS = 0x80

WORDS = ["\r\n--b'd", "--b'd--", "\r\n\r\n", "Content-Disposition: form-data",
         "; name=", '"', "\\", "; filename=", "Content-Type: ",
         "Content-Transfer-Encoding: 8bit", "\r", "\n", "--",
         "; boundary=", "\xc3\xa9", "\x00"]  # fmt: skip


def seeds():
    head = b'Content-Disposition: form-data; name="%b"'
    field = b"--b'd\r\n" + head % b"t" + b"\r\n\r\nDust\r\n"
    file = b"--b'd\r\n" + head % b"p" + b'; filename="a\\"b\xc3\xa9.png"\r\n\r\n'
    for form in (
        field,
        file,
        field + file + b"\r\n--b\r\n--b'\r\n",
        b"before\r\n" + field,
    ):
        yield b"\x03\x20\x80\xc0" + form + b"--b'd--\r\nbehind"
    yield bytes([PARAMETERS]) + b'Multipart/form-data; Boundary="a b"; x=y;; z'


def read(stream, cuts):
    """The parts of a form cut there, or the status of what is wrong in it."""
    parser, found = MultipartParser(BOUNDARY, MOST), []
    try:
        for piece in pieces(stream, cuts):
            for event in parser.feed(piece):
                note(found, event)
            assert len(parser._buffer) <= MOST + len(BOUNDARY) + 8
    except FormError as error:
        return error.status
    return found, parser.complete


def note(found, event):
    if isinstance(event, Part):
        assert not {"/", "\\"} & set(event.filename or "")
        found.append([event.name, event.filename, event.content_type, b"", False])
    elif isinstance(event, Data):
        assert event.data
        assert not found[-1][-1], "data after the end of its part"
        found[-1][3] += event.data
    else:
        assert isinstance(event, End), event
        found[-1][-1] = True


def again(parts):
    """The parts once more, written as a form of our own."""
    lines = []
    for name, _, kind, content, _ in parts:
        quoted = name.replace("\\", "\\\\").replace('"', '\\"').encode()
        lines += [
            b"--" + BOUNDARY.encode(),
            b'Content-Disposition: form-data; name="%b"' % quoted,
            b"Content-Type: " + kind.encode("latin-1"),
            b"",
            content,
        ]
    return b"\r\n".join([*lines, b"--" + BOUNDARY.encode() + b"--"])


def check_parameters(text):
    with suppress(FormError):
        kind, parameters = parse_parameters(text)
        assert kind == kind.lower().strip()
        assert all(name == name.lower() for name in parameters)
        assert boundary_of(text) == parameters["boundary"]


def check(data):
    count, data = data[:1], data[1:]
    if count and count[0] & PARAMETERS:
        check_parameters(data.decode("latin-1"))
        return
    cuts = data[: count[0] % 8] if count else b""
    stream = data[len(cuts) :]
    whole = the_same_however_cut(read, stream, cuts)
    if isinstance(whole, tuple) and whole[1]:
        parts = [[name, None, *rest] for name, _, *rest in whole[0]]
        assert read(again(parts), []) in ((parts, True), 413)
