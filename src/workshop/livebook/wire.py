"""One Jupyter message, three spellings.

To a kernel a message is a list of frames: the JSON of its header, its parent's
header, its metadata and its content, then any binary buffers. We call these frames
*parts*, and the gateway carries them unopened wherever it can. A browser sees the
same parts packed into one WebSocket message, in one of two ways, both described in
the Jupyter Server documentation, "WebSocket kernel wire protocols":

- the default one: a JSON object with one key a part. If the message has buffers,
  the object and the buffers follow each other behind a table of 32-bit offsets;
- `v1.kernel.websocket.jupyter.org`: the parts as they are, behind a table of 64-bit
  offsets. No JSON is taken apart, so it is the cheaper one.

Nothing here does I/O: bytes in, parts out, and back.
"""

import json
import struct
from itertools import pairwise
from typing import Any

V1 = "v1.kernel.websocket.jupyter.org"
CHANNELS = ("shell", "control", "stdin", "iopub")
NAMES = ("header", "parent_header", "metadata", "content")

Parts = list[bytes]


class WireError(ValueError):
    """What the browser sent is no Jupyter message."""


def pack(value: Any) -> bytes:
    """One part: compact JSON in UTF-8."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()


def encode(channel: str, parts: Parts, protocol: str | None) -> str | bytes:
    """Spell a kernel's message for a browser: text, or bytes for a binary message."""
    if protocol == V1:
        return _table([channel.encode(), *parts], "<", "Q", end=True)
    text = _as_object(channel, parts)
    if len(parts) == len(NAMES):
        return text.decode()
    return _table([text, *parts[len(NAMES) :]], ">", "I", end=False)


def decode(message: str | bytes, protocol: str | None) -> tuple[str, dict, Parts]:
    """Read a browser's message: the channel it is for, its header, and its parts.

    Raises WireError if it is not spelled as the protocol says.
    """
    try:
        if protocol == V1:
            name, *parts = _untable(_as_bytes(message), "<", "Q", end=True)
            channel = name.decode()
        else:
            channel, parts = _read_object(message)
    except (ValueError, RecursionError, struct.error) as error:
        raise WireError(f"this is not a Jupyter message: {error}") from error
    if channel not in CHANNELS or len(parts) < len(NAMES):
        raise WireError(f"a message for {channel!r} in {len(parts)} parts")
    return channel, read_header(parts[0]), parts


def read_header(part: bytes) -> dict[str, Any]:
    """A message's header. Raises WireError unless it names its type and its id."""
    try:
        header = json.loads(part)
        names = header["msg_id"], header["msg_type"]
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise WireError("the header of the message cannot be read") from error
    if not all(isinstance(name, str) for name in names):
        raise WireError("the header's msg_id and msg_type have to be strings")
    return header


def read_object(part: bytes) -> dict[str, Any]:
    """A part that has to be a JSON object. Raises WireError for another."""
    try:
        value = json.loads(part)
    except (ValueError, RecursionError) as error:
        raise WireError("a part of the message cannot be read") from error
    if not isinstance(value, dict):
        raise WireError("each part of the message has to be an object")
    return value


def _as_object(channel: str, parts: Parts) -> bytes:
    """The default protocol's JSON object, put together from JSON that is ready."""
    header = json.loads(parts[0])
    fields = {
        **dict(zip(NAMES, parts, strict=False)),
        "channel": pack(channel),
        "msg_id": pack(header.get("msg_id")),
        "msg_type": pack(header.get("msg_type")),
        "buffers": b"[]",
    }
    members = (b'"%s":%s' % (name.encode(), value) for name, value in fields.items())
    return b"{" + b",".join(members) + b"}"


def _read_object(message: str | bytes) -> tuple[str, Parts]:
    buffers: list[bytes] = []
    if isinstance(message, bytes):
        message, *buffers = _untable(message, ">", "I", end=False)
    fields = json.loads(message)
    if not isinstance(fields, dict):
        raise WireError("the JSON is not an object")
    parts = [pack(fields.get(name) or {}) for name in NAMES]
    return fields.get("channel", "shell"), parts + buffers


def _as_bytes(message: str | bytes) -> bytes:
    if isinstance(message, str):
        raise WireError("this protocol has binary messages only")
    return message


def _table(pieces: list[bytes], order: str, size: str, end: bool) -> bytes:
    """Pieces behind their table: a count, then the offset at which each starts.

    With `end` one more offset says where the last piece ends; it is counted too.
    """
    count = len(pieces) + end
    offsets = [struct.calcsize(f"{order}{count + 1}{size}")]
    for piece in pieces:
        offsets.append(offsets[-1] + len(piece))
    table = struct.pack(f"{order}{count + 1}{size}", count, *offsets[:count])
    return b"".join([table, *pieces])


def _untable(data: bytes, order: str, size: str, end: bool) -> list[bytes]:
    (count,) = struct.unpack_from(order + size, data)
    width = struct.calcsize(order + size)
    if not 1 <= count < len(data) // width:
        raise WireError(f"a table of {count} offsets in {len(data)} bytes")
    offsets = list(struct.unpack_from(f"{order}{count}{size}", data, width))
    if not end:
        offsets.append(len(data))
    if offsets != sorted(offsets) or offsets[0] != width * (count + 1):
        raise WireError("the offsets do not follow each other")
    if offsets[-1] != len(data):
        raise WireError("the last offset is not the end of the message")
    return [data[a:b] for a, b in pairwise(offsets)]
