"""Header fields, of requests and of responses (RFC 9110, section 5)."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

Pair = tuple[str, str]


class Headers:
    """Header fields: their names have no case, and a name can have several values.

        headers = Headers({"Content-Type": "text/plain"})
        headers["content-type"] = "text/html"
        headers.add("Set-Cookie", "a=1")
        headers.add("Set-Cookie", "b=2")
        headers.get_all("set-cookie")  # ["a=1", "b=2"]

    `headers[name]` and `get` join several values with commas, which means the same
    (RFC 9110, 5.3) but for Set-Cookie. Values are those of Latin-1; what can't be sent
    is found out where it is written (see `writer`).
    """

    __slots__ = ("_fields",)

    def __init__(self, fields: "Headers | Mapping[str, str] | Iterable[Pair]" = ()):
        if not isinstance(fields, (tuple, list)) and hasattr(fields, "items"):
            fields = fields.items()
        self._fields: list[Pair] = list(fields)

    @classmethod
    def parse(cls, block: bytes) -> "Headers":
        """Those of field lines that were checked, each with a CRLF before it."""
        headers = cls()
        for line in block.decode("latin-1").split("\r\n")[1:]:
            name, _, value = line.partition(":")
            headers._fields.append((name, value.strip(" \t")))
        return headers

    def items(self) -> list[Pair]:
        """Each field's name, as it was sent, and value, in order; for reading only."""
        return self._fields

    def get_all(self, name: str) -> list[str]:
        """Every value of a name, in order."""
        name = name.lower()
        return [value for key, value in self._fields if key.lower() == name]

    def get(self, name: str, default: Any = None) -> Any:
        """The value of a name; several are joined with commas."""
        values = self.get_all(name)
        return ", ".join(values) if values else default

    def __getitem__(self, name: str) -> str:
        values = self.get_all(name)
        if not values:
            raise KeyError(name)
        return ", ".join(values)

    def __setitem__(self, name: str, value: str) -> None:
        """Have one field of this name, with this value."""
        del self[name]
        self._fields.append((name, value))

    def __delitem__(self, name: str) -> None:
        """Have no field of this name; there need not be one."""
        name = name.lower()
        self._fields = [pair for pair in self._fields if pair[0].lower() != name]

    def add(self, name: str, value: str) -> None:
        """Add a field; others of the name stay."""
        self._fields.append((name, value))

    def setdefault(self, name: str, value: str) -> None:
        """Add a field, unless there is one of this name."""
        lowered = name.lower()
        for key, _ in self._fields:
            if key.lower() == lowered:
                return
        self._fields.append((name, value))

    def extend(self, fields: "Headers | Mapping[str, str] | Iterable[Pair]") -> None:
        """Add all of these fields."""
        self._fields.extend(Headers(fields).items())

    def __contains__(self, name: str) -> bool:
        name = name.lower()
        return name in [key.lower() for key, _ in self._fields]

    def __iter__(self) -> Iterator[str]:
        """The names as they were sent, each once for each of its fields."""
        return (name for name, _ in self._fields)

    def __len__(self) -> int:
        return len(self._fields)

    def __eq__(self, other: object) -> bool:
        """Whether these are the same fields in the same order."""
        return isinstance(other, Headers) and self._fields == other._fields

    __hash__ = None  # type: ignore[assignment]  # they can change

    def __repr__(self) -> str:
        return f"<Headers {self._fields}>"
