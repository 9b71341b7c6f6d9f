"""Settings keep what they promise; `lazy` computes once and steps aside."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dustdevil.fields import (
    Boolean,
    Field,
    Integer,
    Number,
    Seconds,
    SettingError,
    Settings,
    Size,
    Text,
    lazy,
)


class Sample(Settings):
    host = Text("127.0.0.1", "address to listen on")
    port = Integer(0, "port", maximum=65535)
    body = Size("1 MiB", "largest body", optional=True)
    idle = Seconds(60, "idle time", optional=True)
    quiet = Boolean(False, "no log")


class Longer(Sample):
    port = Integer(8000, "port", minimum=1, maximum=65535)
    ratio = Number(0.5, maximum=1)


def test_defaults_are_converted_too():
    assert Sample().as_dict() == {
        "host": "127.0.0.1",
        "port": 0,
        "body": 1024 * 1024,
        "idle": 60.0,
        "quiet": False,
    }
    assert isinstance(Sample().idle, float)


def test_each_instance_has_its_own_values():
    one, other = Sample(port=1), Sample(port=2)
    other.port = 3
    assert (one.port, other.port) == (1, 3)


def test_a_subclass_inherits_and_replaces_fields():
    assert list(Longer.fields()) == ["host", "port", "body", "idle", "quiet", "ratio"]
    assert Longer().port == 8000
    assert Sample().port == 0
    with pytest.raises(SettingError, match="port: 0 is not a whole number from 1"):
        Longer(port=0)


@pytest.mark.parametrize(
    ("name", "given", "kept"),
    [
        ("port", "8080", 8080),
        ("port", 80.0, 80),
        ("body", "64 KiB", 65536),
        ("body", "64kib", 65536),
        ("body", "1.5 KiB", 1536),
        ("body", None, None),
        ("body", "none", None),
        ("idle", "250 ms", 0.25),
        ("idle", "2 min", 120.0),
        ("idle", 0.5, 0.5),
        ("quiet", "ON", True),
        ("quiet", "0", False),
        ("quiet", True, True),
    ],
)
def test_accepted(name, given, kept):
    value = Sample(**{name: given}).as_dict()[name]
    assert value == kept
    assert type(value) is type(kept)


@pytest.mark.parametrize(
    ("name", "given"),
    [
        ("host", 127),
        ("host", None),
        ("port", True),
        ("port", -1),
        ("port", 65536),
        ("port", 80.5),
        ("port", "eighty"),
        ("port", "8_0"),
        ("port", "+80"),
        ("port", "٣"),
        ("port", None),
        ("port", math.nan),
        ("port", math.inf),
        ("body", "1 MB of it"),
        ("body", "1 ms"),
        ("body", [1]),
        ("body", "0.3 KiB"),
        ("idle", "-1 s"),
        ("idle", math.nan),
        ("idle", "nan"),
        ("quiet", "maybe"),
        ("quiet", None),
    ],
)
def test_refused_with_the_name_and_the_value(name, given):
    settings = Sample()
    before = settings.as_dict()
    with pytest.raises(SettingError, match=f"^{name}: ") as caught:
        setattr(settings, name, given)
    assert repr(given) in str(caught.value)
    assert settings.as_dict() == before


def test_an_unknown_name_is_refused_with_the_nearest():
    with pytest.raises(SettingError, match=r"Sample has no setting prot; .*port"):
        Sample(prot=80)
    with pytest.raises(SettingError, match=r"has no setting zzz$"):
        Sample().zzz = 1


def test_a_field_is_read_through_the_instance_dictionary():
    settings = Sample(port=5)
    assert settings.__dict__["port"] == 5
    settings.__dict__["port"] = 6
    assert settings.port == 6
    assert isinstance(Sample.port, Field)
    assert Sample.port.doc == "port"
    with pytest.raises(AttributeError):
        del settings.port


@given(st.integers(0, 2**40))
def test_sizes_read_back(size):
    assert Sample(body=str(size)).body == size
    assert Sample(body=f"{size} B").body == size


class Counted:
    calls = 0

    @lazy
    def answer(self):
        """The answer."""
        self.calls += 1
        return 42

    @lazy
    def fails(self):
        self.calls += 1
        raise ValueError("not today")


def test_lazy_computes_once_an_instance():
    thing, other = Counted(), Counted()
    assert (thing.answer, thing.answer, thing.calls) == (42, 42, 1)
    assert other.calls == 0
    assert other.answer == 42


def test_lazy_is_a_non_data_descriptor():
    thing = Counted()
    thing.answer = 7
    assert (thing.answer, thing.calls) == (7, 0)
    del thing.answer
    assert (thing.answer, thing.calls) == (42, 1)


def test_lazy_is_documented_and_seen_through_the_class():
    assert isinstance(Counted.answer, lazy)
    assert Counted.answer.__doc__ == "The answer."


def test_lazy_keeps_no_failure():
    thing = Counted()
    for expected in (1, 2):
        with pytest.raises(ValueError, match="not today"):
            thing.fails  # noqa: B018
        assert thing.calls == expected
