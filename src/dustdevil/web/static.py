"""Files from a folder, and never from outside of it.

A client should not fetch what it has, nor fetch all of what it has half of, nor fetch
at full length what can be compressed: RFC 9110 says how, its section 13 with
conditions ("304 Not Modified") and its section 14 with ranges. Reading a file stops
the loop for a moment, since epoll knows no readiness of files. So a large one is
read in blocks, and everybody else has a turn between two of them.
"""

import errno
import mimetypes
import os
import re
import stat
import time
import zlib
from calendar import timegm
from collections.abc import Callable
from email.utils import formatdate, parsedate_to_datetime
from functools import partial
from io import FileIO
from urllib.parse import quote

from dustdevil.coroutine import let_others_run
from dustdevil.http.headers import Headers
from dustdevil.web.etags import ETAG, etag_of_file, names
from dustdevil.web.messages import HTTPError, Request, Response, redirect

# A file is read as a whole up to this size, and beyond in blocks of it.
READ_SIZE = 1 << 18
# What is compressed in memory: files from the smallest to the largest that pay, and
# the outcomes kept, all together; sizes in bytes.
GZIP_SMALLEST, GZIP_LARGEST, GZIP_KEPT = 500, 1 << 20, 16 << 20
# So much is compressed at a time, some 5 ms; then others have a turn.
GZIP_BLOCK = 1 << 16
GZIP = 31  # zlib's name for the format of RFC 1952, with the largest window
COMPRESSIBLE = re.compile(r"text/|application/(\S+\+)?(json|xml|wasm)|image/svg")

# "/" stands between names that have no "/", "\" or NUL in them and do not start with
# a dot: no "..", no ".git", and no empty name, so no absolute path either.
PLAIN_PATH = re.compile(r"[^./\\\0][^/\\\0]*(?:/[^./\\\0][^/\\\0]*)*")
# RFC 9110, 14.1.2: one range only, "first-last", "first-", "-count".
RANGE = re.compile(r"bytes=([0-9]{1,18})?-([0-9]{1,18})?", re.IGNORECASE)

# RFC 9110, 5.6.7   HTTP-date = IMF-fixdate / rfc850-date / asctime-date
TIME = r"[0-9]{2}:[0-9]{2}:[0-9]{2}"
DATE = re.compile(
    rf"[A-Z][a-z]{{2}}, [0-9]{{2}} [A-Z][a-z]{{2}} [0-9]{{4}} {TIME} GMT"
    rf"|[A-Z][a-z]+day, [0-9]{{2}}-[A-Z][a-z]{{2}}-[0-9]{{2}} {TIME} GMT"
    rf"|[A-Z][a-z]{{2}} [A-Z][a-z]{{2}} [ 0-9][0-9] {TIME} [0-9]{{4}}"
)
# RFC 9110, 12.4.2   weight = OWS ";" OWS "q=" qvalue
WEIGHT = re.compile(r"q=(0(?:\.[0-9]{0,3})?|1(?:\.0{0,3})?)")

# A link that took a file's place since we looked is not followed, and a named pipe
# is not waited for.
CAREFUL = os.O_NOFOLLOW | os.O_NONBLOCK
# What open() says of a name under which there is no file that a client may see.
MISSING = {"ENOENT", "ENOTDIR", "EISDIR", "EACCES", "ELOOP", "ENAMETOOLONG", "ENXIO"}

# The table in the standard library, and not that of the machine, which differs from
# one to the next; with what it lacks or has differently in one Python or another.
TYPES = mimetypes.MimeTypes(filenames=())
TYPES.add_type("text/javascript", ".js")
TYPES.add_type("text/javascript", ".mjs")
TYPES.add_type("text/markdown", ".md")
TYPES.add_type("application/json", ".map")
TYPES.add_type("application/x-ipynb+json", ".ipynb")
TYPES.add_type("image/webp", ".webp")
TYPES.add_type("font/woff", ".woff")
TYPES.add_type("font/woff2", ".woff2")


class StaticFiles:
    """A handler that answers with the files below `root`.

    A folder is answered with its `index`. Names that start with a dot are not served.
    `cache_control` goes into the answers: "no-cache" lets a client keep a file, and
    has it ask each time whether that is still the same.
    """

    def __init__(
        self,
        root: str | os.PathLike[str],
        index: str = "index.html",
        cache_control: str = "no-cache",
    ):
        self.root = os.path.realpath(root)
        self.index = index
        self.cache_control = cache_control
        # By the file's name: its ETag when it was compressed, and the outcome.
        self._zipped: dict[str, tuple[str, bytes]] = {}

    async def __call__(self, request: Request, path: str = "") -> Response:
        """The file, a part of it, or the news that it is the same."""
        if not path or path.endswith("/"):
            path += self.index
        name = self.locate(path)
        if os.path.isdir(name):
            return to_folder(request)
        kind = content_type(name)
        headers = Headers()
        headers["Content-Type"] = kind
        headers["Cache-Control"] = self.cache_control
        headers["X-Content-Type-Options"] = "nosniff"
        zipped = False
        if COMPRESSIBLE.match(kind):
            headers["Vary"] = "Accept-Encoding"
            zipped = accepts_gzip(request.headers)
        if zipped and is_newer(name + ".gz", name):
            headers["Content-Encoding"] = "gzip"
            name, zipped = name + ".gz", False
        with open_file(name) as file:
            info = os.fstat(file.fileno())
            etag = etag_of_file(info)
            modified, size = int(info.st_mtime), info.st_size
            if zipped and GZIP_SMALLEST <= size <= GZIP_LARGEST:
                headers["Content-Encoding"] = "gzip"
                # Other bytes, another tag: a range of these is no range of those.
                etag = etag_of_file(info, "gzip")
                answer = partial(respond, request, etag, modified, headers)
                return await self.zipped(name, file.read(), etag, answer)
            return respond(request, etag, modified, headers, file, size)

    def locate(self, path: str) -> str:
        """The true name of the file that a path means; it need not exist.

        Raises HTTPError 404 for a path that leads out of the root, by itself or
        through a symbolic link.
        """
        if not PLAIN_PATH.fullmatch(path):
            raise HTTPError(404)
        name = os.path.realpath(os.path.join(self.root, path))
        if not name.startswith(os.path.join(self.root, "")):
            raise HTTPError(404)
        return name

    async def zipped(
        self, name: str, content: bytes, etag: str, answer: Callable[..., Response]
    ) -> Response:
        """Answer with the file compressed, from memory if it is as it was last time."""
        kept = self._zipped.get(name, ("", b""))
        if kept[0] != etag:
            kept = etag, await compressed(content)
            self._zipped[name] = kept
            while sum(len(content) for _, content in self._zipped.values()) > GZIP_KEPT:
                del self._zipped[next(iter(self._zipped))]  # the one kept longest
        return answer(kept[1], len(kept[1]))


async def compressed(content: bytes) -> bytes:
    """The bytes in gzip's format, in which they are the same each time."""
    squeeze = zlib.compressobj(6, wbits=GZIP)
    pieces = []
    for start in range(0, len(content), GZIP_BLOCK):
        pieces.append(squeeze.compress(content[start : start + GZIP_BLOCK]))
        await let_others_run()
    return b"".join(pieces) + squeeze.flush()


def open_file(name: str) -> FileIO:
    """Open a regular file; HTTPError 404 if it is none, or not ours to read."""
    try:
        file = FileIO(name, opener=lambda name, flags: os.open(name, flags | CAREFUL))
    except OSError as error:
        if errno.errorcode.get(error.errno or 0) in MISSING:
            raise HTTPError(404) from None
        raise
    if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
        file.close()
        raise HTTPError(404)
    return file


def is_newer(name: str, original: str) -> bool:
    """Whether `name` is a file, and was not changed before `original` was."""
    try:
        info = os.lstat(name)
        return (
            stat.S_ISREG(info.st_mode) and info.st_mtime >= os.stat(original).st_mtime
        )
    except OSError:
        return False


def content_type(name: str) -> str:
    """The media type by the ending of the name; text is taken to be UTF-8."""
    kind, encoding = TYPES.guess_type(name)
    if encoding:
        # "x.tar.gz" is offered as what it is, not as a tar file for the way.
        kind = "application/gzip" if encoding == "gzip" else None
    kind = kind or "application/octet-stream"
    return f"{kind}; charset=utf-8" if kind.startswith("text/") else kind


def accepts_gzip(headers: Headers) -> bool:
    """Whether the client likes gzip as much as plain bytes (RFC 9110, 12.5.3).

    A coding that is not named weighs what "*" does, or nothing; plain bytes, called
    "identity", are good without being named, but need not be preferred.
    """
    weights = {}
    # There are not so many codings: who names more only wants to keep us busy.
    for item in headers.get("accept-encoding", "").lower().split(",")[:50]:
        coding, _, weight = item.partition(";")
        found = WEIGHT.fullmatch(weight.strip())
        weights[coding.strip()] = float(found[1]) if found else 1.0
    liked = weights.get("gzip", weights.get("*", 0.0))
    return liked > 0 and liked >= weights.get("identity", 0.0)


def to_folder(request: Request) -> Response:
    """Redirect to the name with a slash, from which relative links are right."""
    # One slash in front, always: "//host/" would mean another host.
    location = quote("/" + request.path.strip("/") + "/")
    query = request.query_string
    return redirect(f"{location}?{query}" if query else location, 308)


def respond(
    request: Request,
    etag: str,
    modified: int,
    headers: Headers,
    content: bytes | FileIO,
    size: int,
) -> Response:
    """Answer with the content, a part of it, or the news that it is the same."""
    # A date in the future would be a promise (RFC 9110, section 8.8.2.1).
    date = formatdate(min(modified, time.time()), usegmt=True)
    headers["ETag"] = etag
    headers["Last-Modified"] = date
    if is_same(request.headers, etag, modified):
        about = [p for p in headers.items() if not p[0].startswith("Content-")]
        return Response(status=304, headers=about)
    headers["Accept-Ranges"] = "bytes"
    start, end, status = 0, size, 200
    part = wanted_range(request, size, etag, modified)
    if part is not None:
        start, end = part
        headers["Content-Range"] = f"bytes {start}-{end - 1}/{size}"
        status = 206
    if isinstance(content, bytes):
        return Response(content[start:end], status, headers)
    if end - start <= READ_SIZE:
        body = os.pread(content.fileno(), end - start, start)
        return Response(body, status, headers)
    # A descriptor of its own, since `content` is closed when we return.
    blocks = FileBody(FileIO(os.dup(content.fileno())), start, end)
    return Response(blocks, status, headers, length=end - start)


def is_same(headers: Headers, etag: str, modified: int) -> bool:
    """Whether the client has this very content (RFC 9110, section 13.2.2).

    Raises HTTPError 412 if it wants an answer only for another content than this.
    """
    match, unmodified = headers.get("if-match"), headers.get("if-unmodified-since")
    if match is not None:
        if match.strip() != "*" and etag not in ETAG.findall(match):
            raise HTTPError(412)
    elif modified > parse_date(unmodified, modified):
        raise HTTPError(412)
    none_match = headers.get("if-none-match")
    if none_match is not None:
        return names(none_match, etag)
    return modified <= parse_date(headers.get("if-modified-since"), modified - 1)


def wanted_range(
    request: Request, size: int, etag: str, modified: int
) -> tuple[int, int] | None:
    """The first byte wanted and the one after the last; None for everything.

    A range that we do not understand, several of them, and one of an older content
    (If-Range) are answered with everything (section 14.2). Raises HTTPError 416 for
    one that begins behind the end.
    """
    headers = request.headers
    found = RANGE.fullmatch(headers.get("range", ""))
    if not found or found[0].endswith("=-") or not size or request.method != "GET":
        return None
    condition = headers.get("if-range", etag)
    if condition != etag and parse_date(condition, -1) != modified:
        return None
    first, last = found.groups()
    if first and last and int(first) > int(last):
        return None
    start = int(first) if first else max(0, size - int(last))
    end = int(last) + 1 if first and last else size
    if start >= size:
        raise HTTPError(416, headers={"Content-Range": f"bytes */{size}"})
    return start, min(end, size)


def parse_date(text: str | None, default: int) -> int:
    """A date in any of HTTP's three forms, as seconds since 1970 (section 5.6.7).

    What else a mail may have for a date is `default`, and so are two of them.
    """
    if not DATE.fullmatch(text or ""):
        return default
    try:
        return timegm(parsedate_to_datetime(text or "").utctimetuple())
    except ValueError:
        return default


class FileBody:
    """The bytes of a file from `start` to `end`, as an asynchronous iterator.

    An asynchronous generator would be shorter. But closing one that was not begun
    runs nothing of it, so it would never close the file of a HEAD request.
    """

    def __init__(self, file: FileIO, start: int, end: int):
        self.file = file
        self.left = end - start
        file.seek(start)

    def __aiter__(self) -> "FileBody":
        return self

    async def __anext__(self) -> bytes:
        if not self.left:
            self.file.close()
            raise StopAsyncIteration
        await let_others_run()
        block = self.file.read(min(READ_SIZE, self.left))
        if not block:
            raise OSError(f"{self.left} bytes of the file have gone meanwhile")
        self.left -= len(block)
        return block

    async def aclose(self) -> None:
        """Close the file."""
        self.file.close()
