"""Typed settings and attributes computed on first use: two uses of descriptors.

A descriptor is an object in a class that answers for an attribute of its instances:
through `__get__` when the attribute is read, `__set__` when it is assigned. A value in
the instance's own dictionary takes precedence over a descriptor that lacks either of
the two methods; one that has both takes precedence over it (Descriptor HowTo Guide).

`Field` has `__set__` and no `__get__`: what is assigned is checked and put into the
instance's dictionary, and a read finds it there without a call. `lazy` has `__get__`
and no `__set__`: the first read computes the value and puts it there, and later reads
never reach the descriptor.
"""

import difflib
import re
from collections.abc import Callable
from math import inf
from typing import TYPE_CHECKING, Any

BYTES: dict[str, float] = {"": 1, "b": 1, "kib": 2**10, "mib": 2**20, "gib": 2**30}
SECONDS = {"": 1, "ms": 0.001, "s": 1, "min": 60, "h": 3600}
YES, NO = ("yes", "on", "true", "1"), ("no", "off", "false", "0")


class SettingError(ValueError):
    """A setting has the wrong name, type or range; the message says which."""


class Field:
    """A checked attribute. Subclasses say in `convert` what they accept.

    Where `optional`, the value may be `None`, as text "none": "no limit".
    """

    wants = "any value"

    def __init__(self, default: Any, doc: str = "", *, optional=False):
        self.default = default
        self.doc = doc
        self.optional = optional

    def __set_name__(self, owner: type, name: str) -> None:
        self.name = name

    def __set__(self, instance: object, value: Any) -> None:
        instance.__dict__[self.name] = self.check(value)

    def check(self, value: Any) -> Any:
        """The value as it will be kept; raises SettingError."""
        if self.optional and (value is None or value == "none"):
            return None
        try:
            return self.convert(value)
        except (ValueError, TypeError, OverflowError):
            wants = self.wants + (" or none" if self.optional else "")
            raise SettingError(f"{self.name}: {value!r} is not {wants}") from None

    if TYPE_CHECKING:
        # There is none (see above), but a type checker takes a read for the field.
        def __get__(self, instance: object, owner: type) -> Any: ...

    def convert(self, value: Any) -> Any:
        """Turn what was given into the right type; a ValueError refuses it."""
        return value


class Text(Field):
    """A string."""

    wants = "text"

    def convert(self, value: Any) -> str:
        if not isinstance(value, str):
            raise ValueError
        return value


class Boolean(Field):
    """True or False; as text: yes/no, on/off, true/false, 1/0."""

    wants = "yes or no"

    def convert(self, value: Any) -> bool:
        word = str(value).lower()
        if word not in YES + NO:
            raise ValueError
        return word in YES


class Number(Field):
    """A number from `minimum` to `maximum`; as text, one of `units` may follow it."""

    noun = "a number"
    number: type[float] = float
    units: dict[str, float] = {"": 1}  # noqa: RUF012

    def __init__(self, default: Any, doc: str = "", minimum=0, maximum=inf, **more):
        super().__init__(default, doc, **more)
        self.minimum, self.maximum = minimum, maximum
        self.wants = f"{self.noun} from {minimum} to {maximum}"

    def convert(self, value: Any) -> float:
        if isinstance(value, str):
            value = self.parse(value)
        # bool is a subclass of int, but port=True is a slip, not port 1. The second
        # test refuses 1.5 where an int is wanted, and NaN, which never equals itself.
        if isinstance(value, bool) or value != self.number(value):
            raise ValueError
        if not self.minimum <= value <= self.maximum:
            raise ValueError
        return self.number(value)

    def parse(self, text: str) -> float:
        """Read "64 KiB" as 65536.0, by the table of units."""
        found = re.fullmatch(r"(-?[0-9]+(?:\.[0-9]+)?) ?([a-z]*)", text.strip().lower())
        if not found or found[2] not in self.units:
            raise ValueError
        return float(found[1]) * self.units[found[2]]


class Integer(Number):
    """A whole number."""

    noun, number = "a whole number", int


class Size(Integer):
    """A number of bytes: 65536, "65536", "64 KiB", "1 MiB"."""

    noun, units = "a size (bytes, KiB, MiB, GiB)", BYTES


class Seconds(Number):
    """A length of time in seconds: 2.5, "2.5", "250 ms", "5 s", "1 min", "1 h"."""

    noun, units = "a time (ms, s, min, h)", SECONDS


class Settings:
    """Base of a group of settings: subclass it and write `Field`s into the class."""

    def __init__(self, **values: Any):
        defaults = {name: field.default for name, field in self.fields().items()}
        for name, value in (defaults | values).items():
            setattr(self, name, value)

    def __setattr__(self, name: str, value: Any) -> None:
        if name not in self.fields():
            close = difflib.get_close_matches(name, self.fields(), 1)
            hint = f"; did you mean {close[0]}?" if close else ""
            raise SettingError(f"{type(self).__name__} has no setting {name}{hint}")
        super().__setattr__(name, value)

    @classmethod
    def fields(cls) -> dict[str, Field]:
        """The fields by name, those of base classes first."""
        found: dict[str, Any] = {}
        for base in reversed(cls.__mro__):
            found |= vars(base)
        return {name: item for name, item in found.items() if isinstance(item, Field)}

    def as_dict(self) -> dict[str, Any]:
        """The values as they stand, checked and converted."""
        return {name: self.__dict__[name] for name in self.fields()}


class lazy:
    """A method whose result becomes the attribute: computed once, on first use.

    The instance needs a `__dict__`. Deleting the attribute forgets the value, and
    assigning to it replaces it, since the instance's dictionary comes first.
    """

    def __init__(self, compute: Callable[[Any], Any]):
        self.compute = compute
        self.__doc__ = compute.__doc__

    def __set_name__(self, owner: type, name: str) -> None:
        self.name = name

    def __get__(self, instance: object, owner: type) -> Any:
        if instance is None:
            return self  # read through the class
        value = instance.__dict__[self.name] = self.compute(instance)
        return value
