"""Forms: fields into memory, files onto the disk, each within its limits.

    @app.post("/pictures")
    async def add(request):
        form = await request.form(max_file="10 MiB")
        picture = form.files["picture"]
        await picture.save(f"pictures/{number}.png")
        return f"{form['title']}: {picture.size} bytes, thank you."

A browser sends a form in one of two encodings. The plain one is a query string in the
body, and the other, for forms with files, comes in parts (see `multipart`). Neither is
held in memory as a whole. A file of more than a few KiB goes to the disk while it
comes, into one without a name: the system removes that when its last descriptor is
closed, however that comes about, by us, or because the process was killed.

Writing stops the loop while it lasts, mostly no longer than copying into the system's
memory takes. Beside these limits stands the server's own, `max_body`.
"""

import errno
import os
from collections.abc import AsyncIterator, Iterable
from contextlib import suppress
from io import FileIO
from tempfile import SpooledTemporaryFile
from urllib.parse import parse_qsl

from dustdevil.coroutine import let_others_run
from dustdevil.fields import Integer, Settings, Size, Text, lazy
from dustdevil.http.headers import Headers
from dustdevil.http.parser import Data
from dustdevil.web.multipart import (
    FormError,
    MultipartParser,
    Part,
    boundary_of,
    parse_parameters,
)

URLENCODED, MULTIPART = "application/x-www-form-urlencoded", "multipart/form-data"
COPY_SIZE = 1 << 18  # bytes that are copied before others have a turn
# What write(2) says when there is no room: on the disk, or of that which is ours.
NO_ROOM = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}


class FormSettings(Settings):
    """The limits of a form; what goes beyond one is answered with a 413."""

    max_parts = Integer(1000, "fields and files together", 1)
    max_files = Integer(50, "files: each may hold a descriptor open", 0)
    max_part_head = Size("8 KiB", "of the head of one part", 64)
    max_fields_size = Size("1 MiB", "of all fields together, which are kept in memory")
    max_file = Size("16 MiB", "of one file", optional=True)
    max_body = Size(None, "of the form as it is sent; the server has its own limit too",
                    optional=True)  # fmt: skip
    max_in_memory = Size("64 KiB", "of a file that is not worth writing to the disk", 1)
    folder = Text(None, "where the temporary files are; by default as in `tempfile`",
                  optional=True)  # fmt: skip


class Values(dict[str, str]):
    """Names and values where a name may come more than once; `[name]` is the first."""

    def __init__(self, pairs: Iterable[tuple[str, str]]):
        self.pairs = list(pairs)
        super().__init__(reversed(self.pairs))

    @lazy
    def _lists(self) -> dict[str, list[str]]:
        lists: dict[str, list[str]] = {}
        for name, value in self.pairs:
            lists.setdefault(name, []).append(value)
        return lists

    def all(self, name: str) -> list[str]:
        """Every value of that name, in order."""
        return self._lists.get(name, [])


class Upload:
    """A file that came with a form.

    `name` is the field's, `filename` what the client calls the file, without any
    folders; it need not be unique, safe or true, and neither need `content_type`.
    `file` is open for reading in binary mode, at its beginning; `size` is in bytes.
    """

    def __init__(self, part: Part, settings: FormSettings):
        self.name = part.name
        self.filename = part.filename or ""
        self.content_type = part.content_type
        self.size = 0
        self.file = SpooledTemporaryFile(  # noqa: SIM115 (see close)
            settings.max_in_memory, dir=settings.folder
        )

    def write(self, data: bytes) -> None:
        """Append what came; FormError 507 if the disk is full."""
        self.size += len(data)
        with no_room_is_507():
            self.file.write(data)

    def rewind(self) -> None:
        """The file is complete: to be read from its beginning. FormError 507."""
        with no_room_is_507():
            self.file.seek(0)  # which writes what is still in Python's own buffer

    async def save(self, path: str | os.PathLike[str]) -> None:
        """Copy the file to `path`, which must not exist yet: all of it or nothing.

        Never make that of `filename` alone: the next client calls its file the same.
        Raises FileExistsError, and FormError 507 if the disk is full.
        """
        target = FileIO(path, "x")
        try:
            with target, no_room_is_507():
                self.file.seek(0)
                while block := self.file.read(COPY_SIZE):
                    view = memoryview(block)
                    while view:
                        view = view[target.write(view) :]
                    await let_others_run()
        except BaseException:
            os.unlink(path)
            raise

    def close(self) -> None:
        """Let go of the file, which is gone then. It happens by itself, too."""
        with suppress(OSError):  # of what can't be written, and is not wanted
            self.file.close()

    __del__ = close

    def __repr__(self) -> str:
        return f"<Upload {self.filename!r}, {self.size} bytes>"


class no_room_is_507:
    """Turn the system's complaint about a full disk into the client's answer.

    507 is Insufficient Storage (RFC 4918, section 11.5). It is worth trying later.
    """

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: type | None, error: object, traceback: object) -> None:
        if isinstance(error, OSError) and error.errno in NO_ROOM:
            raise FormError(507, "there is no room for the file") from None


class Form(Values):
    """The fields of a form, as `Values`, and its `files`, by the fields' names.

    `uploads` are all the files, in their order; `files[name]` is the first of a name.
    """

    def __init__(self, pairs: Iterable[tuple[str, str]], uploads: Iterable[Upload]):
        super().__init__(pairs)
        self.uploads = list(uploads)
        self.files = {upload.name: upload for upload in reversed(self.uploads)}


async def read_form(
    headers: Headers, pieces: AsyncIterator[bytes], settings: FormSettings
) -> Form:
    """Read a form in either encoding; raises FormError for one that can't be taken."""
    content_type = headers.get("content-type", "")
    kind, _ = parse_parameters(content_type)
    pieces = bounded(pieces, settings.max_body)
    if kind == URLENCODED:
        return Form(await read_urlencoded(pieces, settings), ())
    if kind != MULTIPART:
        raise FormError(415, "this is no form")
    reader = FormReader(settings)
    parser = MultipartParser(boundary_of(content_type), settings.max_part_head)
    async for piece in pieces:
        for event in parser.feed(piece):
            reader.take(event)
    if not parser.complete:
        raise FormError(400, "the form ends in the middle")
    return Form(reader.fields, reader.uploads)


async def bounded(
    pieces: AsyncIterator[bytes], limit: int | None
) -> AsyncIterator[bytes]:
    """The same pieces; FormError 413 when they become too many bytes."""
    left = limit
    async for piece in pieces:
        if left is not None:
            left -= len(piece)
            if left < 0:
                raise FormError(413, "the form is too large")
        yield piece


async def read_urlencoded(
    pieces: AsyncIterator[bytes], settings: FormSettings
) -> list[tuple[str, str]]:
    """The fields of a body like "a=1&b=2" (URL Standard, section 5.1)."""
    body = bytearray()
    async for piece in pieces:
        body += piece
        if len(body) > settings.max_fields_size:
            raise FormError(413, "the fields are too large")
    if body.count(b"&") >= settings.max_parts:
        raise FormError(413, "there are too many fields")
    try:
        return parse_qsl(body.decode(), True, errors="strict")
    except UnicodeDecodeError:
        raise FormError(400, "the form is not UTF-8") from None


class FormReader:
    """Makes fields and files of a multipart parser's events, within the limits."""

    def __init__(self, settings: FormSettings):
        self.settings = settings
        self.fields: list[tuple[str, str]] = []
        self.uploads: list[Upload] = []
        self._parts = self._field_bytes = 0
        self._name = ""
        self._content: bytearray | Upload = bytearray()  # of a field, or a file

    def take(self, event: object) -> None:
        """Take the next event. Raises FormError."""
        if isinstance(event, Data):
            self._more(event.data)
        elif isinstance(event, Part):
            self._begin(event)
        else:
            self._end()

    def _begin(self, part: Part) -> None:
        self._parts += 1
        if self._parts > self.settings.max_parts:
            raise FormError(413, "there are too many fields")
        self._name = part.name
        if part.filename is None:
            self._content = bytearray()
            self._count(len(part.name))
        elif len(self.uploads) >= self.settings.max_files:
            raise FormError(413, "there are too many files")
        else:
            self._content = Upload(part, self.settings)

    def _count(self, size: int) -> None:
        self._field_bytes += size
        if self._field_bytes > self.settings.max_fields_size:
            raise FormError(413, "the fields are too large")

    def _more(self, data: bytes) -> None:
        content, limit = self._content, self.settings.max_file
        if isinstance(content, bytearray):
            self._count(len(data))
            content += data
        elif limit is not None and content.size + len(data) > limit:
            raise FormError(413, "the file is too large")
        else:
            content.write(data)

    def _end(self) -> None:
        content = self._content
        if isinstance(content, bytearray):
            try:
                self.fields.append((self._name, content.decode()))
            except UnicodeDecodeError:
                raise FormError(400, f"{self._name} is not UTF-8") from None
        elif content.filename or content.size:
            # A browser sends a part for a file that nobody chose, too: it is skipped.
            content.rewind()
            self.uploads.append(content)
