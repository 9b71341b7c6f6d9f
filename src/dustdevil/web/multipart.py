"""multipart/form-data without input or output: bytes in, events out (RFC 7578).

A form with a file in it is sent in parts. A line that occurs in none of them, the
boundary, stands between; each part has a head of its own:

    --b\\r\\n
    Content-Disposition: form-data; name="title"\\r\\n
    \\r\\n
    Dust\\r\\n
    --b\\r\\n
    Content-Disposition: form-data; name="picture"; filename="dust.png"\\r\\n
    Content-Type: image/png\\r\\n
    \\r\\n
    …bytes of the picture…\\r\\n
    --b--\\r\\n

`MultipartParser.feed(data)` takes the body cut anywhere, and returns events: for
each part a `Part`, any number of `Data`, and an `End`. It keeps at most one part's
head, or the few bytes that could be the beginning of a boundary. What is malformed
raises a `FormError`; nothing is repaired or guessed.
"""

import re

from dustdevil.http.grammar import FIELD, TOKEN
from dustdevil.http.headers import Headers
from dustdevil.http.parser import Data, End

# RFC 2046, 5.1.1   boundary := 0*69<bchars> bcharsnospace
BOUNDARY = re.compile(r"[0-9A-Za-z'()+_,\-./:=? ]{0,69}[0-9A-Za-z'()+_,\-./:=?]")
# RFC 9110, 5.6.6   parameters = *( OWS ";" OWS [ parameter ] )
#                   parameter = token "=" ( token / quoted-string )
# Some clients send a path of DOS in quotes, with backslashes that quote nothing: so
# only those before a quote or another backslash count.
NAME = TOKEN.decode()
FORM_PARAMETER = re.compile(
    rf'(?:[ \t]*+;)++[ \t]*+(?:({NAME})=(?:({NAME})|"((?:[^"\\]|\\.)*+)"))?+'
)
QUOTED_PAIR = re.compile(r'\\(["\\])')

# RFC 2046, 5.1.1   what follows a boundary: transport-padding CRLF MIME-part-headers
PART_HEAD = re.compile(rb"[\t ]*+((?:\r\n%b)*+)\r\n" % FIELD)
# RFC 7578, 4.7 deprecates encodings; those that change nothing can pass.
IDENTITY = {"7bit", "8bit", "binary"}


class FormError(ValueError):
    """A form that can't be taken; `status` is what a server would answer."""

    def __init__(self, status: int, reason: str):
        super().__init__(reason)
        self.status = status
        self.reason = reason


class Part:
    """The beginning of a part: its field's name, and what else the head says.

    `filename` is None for a plain field. Of a path that a client may have sent, only
    the last component is left: it names a file, and never a place.
    """

    def __init__(self, headers: Headers):
        self.headers = headers
        kind, parameters = parse_parameters(headers.get("content-disposition", ""))
        if kind != "form-data" or "name" not in parameters:
            raise FormError(400, "a part does not say which field it is")
        encoding = headers.get("content-transfer-encoding", "binary").lower()
        if encoding not in IDENTITY:
            raise FormError(400, f"a part is encoded in {encoding}")
        self.name = to_utf8(parameters["name"])
        self.filename: str | None = None
        if "filename" in parameters:
            self.filename = last_component(to_utf8(parameters["filename"]))
        default = "text/plain" if self.filename is None else "application/octet-stream"
        self.content_type: str = headers.get("content-type", default)

    def __repr__(self) -> str:
        return f"<Part {self.name!r} {self.filename or ''}>"


class MultipartParser:
    """Takes a body apart; `max_head` is the most that a part's head may have, in bytes.

    `complete` tells whether the last boundary has come.
    """

    def __init__(self, boundary: str, max_head: int = 8192):
        self._delimiter = b"\r\n--" + boundary.encode("ascii")
        self._max_head = max_head
        # The first boundary may have no line before it: we give it one.
        self._buffer = bytearray(b"\r\n")
        self._searched = 0
        self._part: Part | None = None  # None in what comes before the first
        self._step = self._read_data
        self.complete = False

    def feed(self, data: bytes) -> list[Part | Data | End]:
        """Take the next bytes of the body; raises FormError 400 or 413."""
        events: list[Part | Data | End] = []
        self._buffer += data
        while self._step(events):
            pass
        return events

    def _take(self, size: int) -> bytes:
        data = bytes(self._buffer[:size])
        del self._buffer[:size]
        return data

    def _read_data(self, events: list) -> bool:
        """Pass on what belongs to the part, up to the next boundary."""
        # What is kept for the next time is shorter than a boundary, so no byte is
        # searched more often than a boundary has bytes, however small the pieces.
        found = self._buffer.find(self._delimiter)
        data = self._take(found if found >= 0 else self._safe())
        if data and self._part is not None:
            events.append(Data(data))
        if found < 0:
            return False
        if self._part is not None:
            events.append(End(Headers()))
        del self._buffer[: len(self._delimiter)]
        self._searched = 0
        self._step = self._read_head
        return True

    def _safe(self) -> int:
        """How many bytes can't be a part of a boundary that is still to come."""
        # A boundary begins with the only CR in it.
        size = len(self._buffer)
        start = self._buffer.rfind(b"\r", max(0, size - len(self._delimiter) + 1))
        cut = start >= 0 and self._delimiter.startswith(self._buffer[start:])
        return start if cut else size

    def _read_head(self, events: list) -> bool:
        """Read the rest of a boundary's line, and the head of the part after it."""
        if self._buffer.startswith(b"--"):
            self.complete = True
            self._step = self._ignore
            return True
        end = self._buffer.find(b"\r\n\r\n", max(0, self._searched - 3))
        self._searched = len(self._buffer)
        if (self._searched - 3 if end < 0 else end) > self._max_head:
            raise FormError(413, "the head of a part is too large")
        if end < 0:
            return False
        # RFC 2046, 5.1.1   body-part := MIME-part-headers [CRLF *OCTET]
        # Without a body, the last CRLF is the next boundary's already: it stays.
        found = PART_HEAD.fullmatch(self._take(end + 2))
        if not found or self._delimiter in found[1]:
            raise FormError(400, "the head of a part is malformed")
        self._part = Part(Headers.parse(found[1]))
        events.append(self._part)
        self._step = self._read_beginning
        return True

    def _read_beginning(self, events: list) -> bool:
        """Find out whether a body follows; throw its CRLF away."""
        start = self._buffer[: len(self._delimiter)]
        if len(start) < len(self._delimiter) and self._delimiter.startswith(start):
            return False
        if start != self._delimiter:
            del self._buffer[:2]
        self._step = self._read_data
        return True

    def _ignore(self, events: list) -> bool:
        """After the last boundary anything may come, and means nothing."""
        self._buffer.clear()
        return False


def parse_parameters(text: str) -> tuple[str, dict[str, str]]:
    """Take apart a field like Content-Type: its value, and its parameters.

    Names and the value come in lower case. Raises FormError for a malformed field and
    for a parameter that stands twice: who reads the first would see another form than
    who reads the last.
    """
    kind = text.partition(";")[0]
    parameters: dict[str, str] = {}
    position = len(kind)
    while position < len(text):
        found = FORM_PARAMETER.match(text, position)
        if not found:
            raise FormError(400, f"malformed parameters: {text:.80}")
        position = found.end()
        name, token, quoted = found.groups()
        if name is None:
            continue  # an empty one at the end, as in "a; b=c;"
        if name.lower() in parameters:
            raise FormError(400, f"{name} stands twice in {text:.80}")
        parameters[name.lower()] = (
            QUOTED_PAIR.sub(r"\1", quoted) if token is None else token
        )
    return kind.strip().lower(), parameters


def boundary_of(content_type: str) -> str:
    """The boundary that a Content-Type names; FormError 400 if it names none."""
    _, parameters = parse_parameters(content_type)
    boundary = parameters.get("boundary", "")
    if not BOUNDARY.fullmatch(boundary):
        raise FormError(400, "the form names no boundary, or a malformed one")
    return boundary


def to_utf8(text: str) -> str:
    """Read what came as Latin-1, as all of a head does, as the UTF-8 that it is."""
    try:
        return text.encode("latin-1").decode("utf-8")
    except UnicodeDecodeError:
        raise FormError(400, "a name in the form is not UTF-8") from None


def last_component(path: str) -> str:
    """The file's name out of a path of any system; "" if there is none.

    Control characters go too: a terminal or a log might obey them.
    """
    name = re.split(r"[/\\]", path)[-1]
    name = "".join(c for c in name if c.isprintable()).strip()
    return "" if name in (".", "..") else name
