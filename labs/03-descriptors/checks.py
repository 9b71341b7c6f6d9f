"""The checks of lab 3: `fields`, rebuilt."""

from math import inf, nan
from typing import Any

from workshop.labs.checks import (
    Bench,
    Wrong,
    check,
    expect,
    expect_raises,
    expect_same,
    expect_true,
)

REFUSED = "refuse this"


def echo(bench: Bench, default=None):
    """A field whose check marks what it was given, so that `check` itself can wait."""

    class Echo(bench.fields.Field):
        def check(self, value):
            if value == REFUSED:
                raise bench.fields.SettingError(REFUSED)
            return ["checked", value]

    return Echo(default)


def group(**fields: Any) -> type:
    """A class with these fields, and nothing else."""
    return type("Group", (), fields)


def read(instance: object, name: str) -> Any:
    """The attribute's value; said in words where the field itself comes out."""
    value = getattr(instance, name)
    return "the field itself" if hasattr(value, "check") else value


@check(
    "A field keeps a value for each instance, under its own name",
    step=1,
    read="Checking an assignment",
    hints=[
        "One field stands in the class and serves all instances. Where is there a "
        "place that each instance has for itself?",
        "The name comes by __set_name__, once; keep it in self. The value belongs into "
        "the dictionary of the instance, under that name.",
        "__set_name__: self.name = name. __set__: instance.__dict__[self.name] = …",
    ],
)
def each_its_own(bench: Bench) -> None:
    first, second = bench.word(), bench.word()
    cls = group(**{first: echo(bench), second: echo(bench)})
    one, two = cls(), cls()
    values = bench.random.sample(range(100), 3)
    for instance, name, value in (
        (one, first, values[0]),
        (one, second, values[1]),
        (two, first, values[2]),
    ):
        try:
            setattr(instance, name, value)
        except RecursionError:
            raise Wrong(
                f"x.{name} = {value}\n  expected: the value is kept\n"
                "  got:      the field asks itself, until Python gives up\n"
                "setattr(x, name, value) is the same as the assignment: the class has "
                "a field of that name, and its __set__ is called again."
            ) from None
    said = f"one.{first} = {values[0]}; one.{second} = {values[1]}; "
    said += f"two.{first} = {values[2]}"
    for instance, label, name, value in (
        (two, "two", first, values[2]),
        (one, "one", second, values[1]),
        (one, "one", first, values[0]),
    ):
        got = read(instance, name)
        expect(
            f"{said}; then {label}.{name} (this field's check makes a list)",
            got,
            ["checked", value],
            _why_not_kept(got, value, values),
        )
    expect(
        f"{said}; the names in one's own dictionary",
        sorted(vars(one)),
        sorted([first, second]),
        "A read looks there, under the name of the attribute.",
    )


def _why_not_kept(got: Any, value: int, values: list[int]) -> str:
    if got == value:
        return "What is kept is what check returned, and not what it was given."
    if got == "the field itself":
        return (
            "Nothing was found in the instance's dictionary under this name, so the "
            "lookup handed out what the class has."
        )
    if got in [["checked", other] for other in values]:
        return (
            "Another assignment shows here. There is one field for all instances, and "
            "one instance for several fields."
        )
    return ""


@check(
    "What is refused changes nothing",
    step=1,
    read="Where an attribute lives",
    hints=[
        "The check may raise. What has happened by then must not matter.",
        "First check, then keep what came out. And let the error go on its way: who "
        "assigns wants to hear it.",
        "instance.__dict__[self.name] = self.check(value)",
    ],
)
def refused_changes_nothing(bench: Bench) -> None:
    name, value = bench.word(), bench.random.randrange(100)
    instance = group(**{name: echo(bench)})()
    setattr(instance, name, value)
    said = f"x.{name} = {value}, then x.{name} = {REFUSED!r}"
    why = "Whoever assigns wants to know."
    with expect_raises(bench.fields.SettingError, said, why):
        setattr(instance, name, REFUSED)
    expect(
        f"{said}, which check refuses; then x.{name}",
        read(instance, name),
        ["checked", value],
        "The old value is still good, and a server goes on with it.",
    )


def picky(bench: Bench, wants: str, **options: Any):
    """A field that raises the exceptions it is given, and refuses None."""

    class Picky(bench.fields.Field):
        def convert(self, value):
            if isinstance(value, Exception):
                raise value
            if value is None:
                raise TypeError("None")
            return (value,)

    Picky.wants = wants
    return Picky(None, **options)


@check(
    "A refusal says which setting, what was given, and what is wanted",
    step=2,
    read="A field refuses",
    hints=[
        "convert does the work and raises if it can't. check turns that into an error "
        "that a person can read.",
        "try: return self.convert(value). Which exceptions mean “not this value”, and "
        "which are a mistake in the program?",
        "except (ValueError, TypeError, OverflowError): raise SettingError("
        "f'{self.name}: {value!r} is not {self.wants}') from None",
    ],
)
def says_what_is_wrong(bench: Bench) -> None:
    name, wanted = bench.word(), f"a {bench.word()}"
    number = bench.random.randrange(100)
    field = picky(bench, wanted)
    instance = group(**{name: field})()
    expect(
        f"a field whose convert returns its value in a tuple; its check({number})",
        field.check(number),
        (number,),
        "The value as convert made it is the one to be kept.",
    )
    for kind in (ValueError, TypeError, OverflowError):
        value = kind(bench.word())
        said = f"x.{name} = v, and convert raises {kind.__name__}"
        why = "int() and float() refuse in these three ways; they mean the same to us."
        with expect_raises(bench.fields.SettingError, said, why) as caught:
            setattr(instance, name, value)
        message = str(caught[0])
        for what, part in (
            ("the setting's name", name),
            ("what was given, as repr shows it", repr(value)),
            ("what is wanted", wanted),
        ):
            expect_true(
                f"{said}: the message",
                part in message,
                f"one that says {what}: {part}",
                message,
                "Whoever starts the server has many settings, and sees this line only.",
            )
        expect_true(
            f"{said}: the message",
            "or none" not in message,
            "no word of none: this field is not optional",
            message,
        )
        expect_true(
            f"{said}: the traceback",
            caught[0].__suppress_context__,
            "the SettingError alone",
            f"the {kind.__name__} of convert as well, and that it happened meanwhile",
            "How we found out is of no use to the reader: raise … from None.",
        )
    with expect_raises(
        KeyError,
        f"x.{name} = v, and convert raises KeyError",
        "A KeyError in convert is a mistake in the program. Called a bad setting, it "
        "would be looked for in the wrong place.",
    ):
        setattr(instance, name, KeyError(name))


@check(
    "None is a value where it is allowed",
    step=2,
    read="A field refuses",
    hints=[
        "Where a limit is optional, None means that there is none, and so does the "
        "text that a command line can give.",
        "Look at self.optional before anything is converted. And a refusal must then "
        "tell that none would have been all right.",
        "if self.optional and (value is None or value == 'none'): return None; and in "
        "the message self.wants + (' or none' if self.optional else '')",
    ],
)
def none_where_allowed(bench: Bench) -> None:
    name, wanted = bench.word(), f"a {bench.word()}"
    optional = picky(bench, wanted, optional=True)
    strict = picky(bench, wanted)
    loose, tight = group(**{name: optional})(), group(**{name: strict})()
    for value in (None, "none"):
        expect(
            f"an optional field: check({value!r})",
            optional.check(value),
            None,
            "convert need not be asked: there is nothing to convert.",
        )
    expect(f"an optional field: check({wanted!r})", optional.check(wanted), (wanted,))
    expect("an optional field: check(0)", optional.check(0), (0,), "0 is a limit.")
    said = f"an optional field {name} whose convert refuses: the message"
    with expect_raises(bench.fields.SettingError, said) as caught:
        setattr(loose, name, ValueError("no"))
    expect_true(
        said,
        f"{wanted} or none" in str(caught[0]),
        f"one that offers both: {wanted} or none",
        str(caught[0]),
    )
    with expect_raises(
        bench.fields.SettingError,
        f"a field {name} that is not optional: x.{name} = None",
        "convert refuses None, and nothing says that it is allowed here.",
    ):
        setattr(tight, name, None)
    expect(
        "a field that is not optional: check('none')",
        strict.check("none"),
        ("none",),
        "It is a text like any other then, and convert has to decide.",
    )


def _given(instance: object, name: str, given: Any) -> str:
    field = vars(type(instance))[name]
    return f"{type(field).__name__} field, which wants {field.wants}, given {given!r}"


def expect_kept(bench: Bench, instance, name: str, given, wanted, why="") -> None:
    """Assign, read, and compare value and type."""
    said = _given(instance, name, given)
    shown = f"{wanted!r}, of type {type(wanted).__name__}"
    try:
        setattr(instance, name, given)
    except bench.fields.SettingError as error:
        raise Wrong(
            f"{said}\n  expected: {shown}\n  got:      SettingError: {error}"
        ) from error
    got = read(instance, name)
    expect_true(
        said,
        type(got) is type(wanted) and got == wanted,
        shown,
        f"{got!r}, of type {type(got).__name__}",
        why,
    )


def expect_refused(bench: Bench, instance, name: str, given: Any, why="") -> None:
    """Assign, and want a SettingError."""
    said = _given(instance, name, given)
    with expect_raises(bench.fields.SettingError, said, why):
        setattr(instance, name, given)


@check(
    "Text is text, and no means no",
    step=3,
    read="A number is more than `int(value)`",
    hints=[
        "A converter either returns a value of its type or raises ValueError.",
        "What is bool('no')? Compare words instead. They may be written in capitals, "
        "and True is a word too, once str has made one of it.",
        "word = str(value).lower(); if word not in YES + NO: raise ValueError; "
        "return word in YES",
    ],
)
def text_and_words(bench: Bench) -> None:
    fields, word = bench.fields, bench.word()
    group_ = group(text=fields.Text(word), flag=fields.Boolean(False))()
    for text in (word, "", "7"):
        expect_kept(bench, group_, "text", text, text)
    for value in (7, None, True, word.encode(), [word]):
        why = "str() would make a text of anything, and hide that it was none."
        expect_refused(bench, group_, "text", value, why)
    for yes, no in (("yes", "no"), ("on", "off"), ("true", "false"), ("1", "0")):
        for change in (str, str.upper, str.title):
            expect_kept(bench, group_, "flag", change(yes), True)
            expect_kept(
                bench,
                group_,
                "flag",
                change(no),
                False,
                "Every text but '' is true to bool().",
            )
    for value in (True, False):
        expect_kept(bench, group_, "flag", value, value)
    for value in (word, "", "y", "10", None, 2, [True]):
        why = "It is neither a word for yes nor one for no."
        expect_refused(bench, group_, "flag", value, why)


@check(
    "Numbers are of their type, within their bounds",
    step=3,
    read="A number is more than `int(value)`",
    hints=[
        "self.number is int or float, whichever this field is of. A number belongs to "
        "the type if converting it does not change its value.",
        "bool is a subclass of int: ask for it by name. NaN is not equal to itself, "
        "and neither below nor above any bound. Bounds are allowed values.",
        "if isinstance(value, bool) or value != self.number(value): raise ValueError; "
        "the same unless self.minimum <= value <= self.maximum; return "
        "self.number(value). A str goes through self.parse first, which is step 4.",
    ],
)
def numbers(bench: Bench) -> None:
    fields = bench.fields
    low = bench.random.randint(-50, 50)
    high = low + bench.random.randint(10, 50)
    between = bench.random.randint(low + 1, high - 1)
    group_ = group(
        whole=fields.Integer(low, minimum=low, maximum=high),
        real=fields.Number(low, minimum=low, maximum=high),
        any=fields.Integer(0),
        bit=fields.Number(0, maximum=1),
    )()
    for value in (low, between, high):
        why = f"The bounds are {low} and {high}, and belong to what is allowed."
        expect_kept(bench, group_, "whole", value, value, why)
        expect_kept(bench, group_, "real", value, float(value), why)
    expect_kept(
        bench, group_, "whole", float(between), between, "A whole number, and an int."
    )
    expect_kept(bench, group_, "real", between + 0.5, between + 0.5)
    for name in ("whole", "real"):
        for value in (low - 1, high + 1):
            why = f"The bounds are {low} and {high}."
            expect_refused(bench, group_, name, value, why)
        for value in (None, [between], nan):
            why = "NaN is neither below the minimum nor above the maximum."
            expect_refused(bench, group_, name, value, why if value is nan else "")
    why = "int() cuts off what stands behind the point, and says nothing."
    expect_refused(bench, group_, "whole", between + 0.5, why)
    for name, value in (("any", True), ("any", False), ("bit", True)):
        why = "True is 1 and False is 0 to Python, but port=True is a slip."
        expect_refused(bench, group_, name, value, why)
    expect_refused(bench, group_, "any", inf, "int(inf) raises OverflowError.")


@check(
    "A number may have a unit",
    step=4,
    read="A number is more than `int(value)`",
    hints=[
        "Small and capital letters mean the same, and blanks around it do no harm. "
        "What is left are a number and, perhaps after one blank, a word.",
        "re.fullmatch with two groups. Digits are [0-9]; a minus may stand before, and "
        "a point with more digits behind. The word may be empty: units has ''.",
        r"found = re.fullmatch(r'(-?[0-9]+(?:\.[0-9]+)?) ?([a-z]*)', "
        "text.strip().lower()), then float(found[1]) * self.units[found[2]]",
    ],
)
def units(bench: Bench) -> None:
    fields, count = bench.fields, bench.random.randint(2, 99)
    group_ = group(
        size=fields.Size(0),
        time=fields.Seconds(0),
        whole=fields.Integer(0, minimum=-100),
        real=fields.Number(0, minimum=-100),
    )()
    for name, text, wanted in (
        ("whole", f"{count}", count),
        ("whole", f"-{count}", -count),
        ("whole", f"{count}.0", count),
        ("whole", "0", 0),
        ("whole", f"{count}00", count * 100),
        ("real", f"{count}.05", float(f"{count}.05")),
        ("real", f"{count}.25", count + 0.25),
        ("real", f"-{count}.5", -count - 0.5),
        ("size", f"{count}", count),
        ("size", f"{count} B", count),
        ("size", f"{count} KiB", count * 1024),
        ("size", f"{count}kib", count * 1024),
        ("size", f"  {count} MIB ", count * 1024**2),
        ("size", f"{count} GiB", count * 1024**3),
        ("size", "1.5 KiB", 1536),
        ("time", f"{count}", float(count)),
        ("time", f"{count} s", float(count)),
        ("time", f"{count}ms", count * 0.001),
        ("time", f"{count} min", count * 60.0),
        ("time", "1.5 h", 5400.0),
    ):
        expect_kept(bench, group_, name, text, wanted)
    expect(
        f"Size(0).parse('{count} KiB')",
        fields.Size(0).parse(f"{count} KiB"),
        count * 1024.0,
    )


@check(
    "What is no number is refused",
    step=4,
    read="A number is more than `int(value)`",
    hints=[
        "int() and float() take more than one would think: underscores, a plus sign, "
        "digits of other scripts, nan and inf.",
        r"In a regular expression \d is every digit of Unicode. And the whole text "
        "must match, not only its beginning.",
        "if not found or found[2] not in self.units: raise ValueError",
    ],
)
def no_numbers(bench: Bench) -> None:
    fields, word = bench.fields, bench.word()
    group_ = group(
        size=fields.Size(0),
        time=fields.Seconds(0, minimum=-100),
        whole=fields.Integer(0, minimum=-100),
    )()
    for name in ("size", "time", "whole"):
        for text in (
            word,
            "",
            "8_0",
            "+80",
            "٣",
            "1e3",
            "0x10",
            "nan",
            "inf",
            "1.",
            ".5",
            "1 2",
            "1.2.3",
            "1,5",
            "--5",
            "5 %",
            f"5 {word}",
            f"{word} 5",
            "5 s 5",
        ):
            expect_refused(bench, group_, name, text)
    for name, text, why in (
        ("whole", "80 KiB", "A plain number has no units."),
        ("whole", "80.5", ""),
        ("size", "5 s", "A size has no seconds."),
        ("time", "5 KiB", "A time has no bytes."),
        ("time", "5  s", "One blank may stand between, and no more."),
        ("time", "5\ts", "A blank is a blank, and no tab."),
        ("size", "1 KB", "KB means 1000 to some and 1024 to others."),
        ("size", "0.3 KiB", "That is 307.2 bytes."),
        ("size", "-1", "The minimum is 0 if nobody says otherwise."),
    ):
        expect_refused(bench, group_, name, text, why)
    for text in (word, f"5 {word}"):
        with expect_raises(ValueError, f"Size(0).parse({text!r})"):
            fields.Size(0).parse(text)


@check(
    "A class knows its fields, those of its bases first",
    step=5,
    read="A group of settings",
    hints=[
        "The fields stand in the dictionaries of the class and of its bases: "
        "vars(some_class).",
        "cls.__mro__ goes from the class to object. Which end must come first, so that "
        "a subclass replaces what its base has?",
        "found = {}; for base in reversed(cls.__mro__): found |= vars(base); then keep "
        "the items that are Fields.",
    ],
)
def knows_its_fields(bench: Bench) -> None:
    fields = bench.fields
    a, b, c, d = (bench.word() for _ in range(4))
    made = {name: fields.Integer(0) for name in (a, b, c, d)}
    other = fields.Integer(1)
    base = type(
        "Base",
        (fields.Settings,),
        {a: made[a], "a_note": "no field", b: made[b], "a_call": lambda self: 1},
    )
    lower = type("Lower", (base,), {c: made[c], a: other, d: made[d]})
    without = type("Without", (lower,), {b: "no field any more"})
    expect(
        f"Base has the fields {a} and {b}: the names in Base.fields()",
        list(base.fields()),
        [a, b],
        "Only Fields, in the order in which they were written.",
    )
    expect(
        f"Lower(Base) has {c}, {a} once more, and {d}: the names in Lower.fields()",
        list(lower.fields()),
        [a, b, c, d],
        "Those of the bases come first, and a name keeps its place.",
    )
    for name, wanted in ((a, other), (b, made[b]), (c, made[c])):
        expect_same(
            f"Lower.fields()[{name!r}]",
            got=lower.fields()[name],
            wanted=wanted,
            why="What the subclass says replaces what its base has.",
        )
    expect_same("Base.fields() after that", got=base.fields()[a], wanted=made[a])
    expect(
        f"Without(Lower) has a text under {b}: the names in Without.fields()",
        list(without.fields()),
        [a, c, d],
        "The name means something else in this class, so the field is gone.",
    )


@check(
    "Defaults first, and no name that nobody knows",
    step=5,
    read="A group of settings",
    hints=[
        "Every field needs a value, or reading it would give the field itself. Where "
        "else can an assignment be stopped whose name has no field?",
        "__init__: what was given goes over the defaults, and each is assigned as "
        "anybody would assign it. __setattr__ is called for every assignment.",
        "__init__: for name, value in (defaults | values).items(): setattr(self, name, "
        "value). __setattr__: raise SettingError if name is not in self.fields(), with "
        "difflib.get_close_matches(name, self.fields(), 1) for a hint; else "
        "super().__setattr__(name, value).",
    ],
)
def defaults_and_names(bench: Bench) -> None:
    fields = bench.fields
    size, time = f"max_{bench.word()}", f"{bench.word()}_timeout"
    count = bench.random.randint(2, 99)
    cls = type(
        "Limits",
        (fields.Settings,),
        {size: fields.Size(f"{count} KiB"), time: fields.Seconds(7)},
    )
    try:
        plain = cls()
    except RecursionError:
        raise Wrong(
            "Limits(), which assigns the defaults\n  expected: the values are kept\n"
            "  got:      __setattr__ asks itself, until Python gives up\n"
            "setattr(self, name, value) is an assignment like any other, and comes "
            "back to __setattr__. The usual path is the base class's method."
        ) from None
    expect(
        f"{size} = Size('{count} KiB'), {time} = Seconds(7); Limits().as_dict()",
        {name: read(plain, name) for name in (size, time)},
        {size: count * 1024, time: 7.0},
        "A default goes through the same door as every other value.",
    )
    given = cls(**{time: "2 min"})
    expect(
        f"Limits({time}='2 min'): its two values",
        [read(given, name) for name in (size, time)],
        [count * 1024, 120.0],
        "What is given comes before what the class says.",
    )
    expect("limits.fields(), by an instance", list(plain.fields()), [size, time])
    setattr(plain, time, "3 min")
    expect(
        f"limits.{time} = '3 min'; limits.{time}",
        read(plain, time),
        180.0,
        "The field must be asked: it hears of it from object.__setattr__.",
    )
    expect(f"the other one's {time}", read(given, time), 120.0)
    slip = size[:-1] + "x"
    for said, act in (
        (f"limits.{slip} = 1", lambda: setattr(plain, slip, 1)),
        (f"Limits({slip}=1)", lambda: cls(**{slip: 1})),
    ):
        why = "It would become an attribute that nobody reads."
        with expect_raises(fields.SettingError, said, why) as caught:
            act()
        for part, what in (
            (slip, "the name that was written"),
            (size, "the one that was meant"),
            ("Limits", "the class"),
        ):
            expect_true(
                f"{said}: the message",
                part in str(caught[0]),
                f"one that names {what}: {part}",
                str(caught[0]),
            )
    expect(f"limits has an attribute {slip} now", hasattr(plain, slip), False)
    with expect_raises(fields.SettingError, "limits.qqqq = 1") as caught:
        plain.qqqq = 1
    expect_true(
        "limits.qqqq = 1: the message",
        size not in str(caught[0]) and time not in str(caught[0]),
        "no hint: nothing here looks like qqqq",
        str(caught[0]),
    )


def counted(bench: Bench, values: dict[str, Any]):
    """A class with a lazy attribute for each value, and a list of what was computed."""
    calls: list[str] = []

    def lazy_of(name: str, value: Any):
        def compute(self):
            calls.append(name)
            if isinstance(value, Exception):
                raise value
            return value

        return bench.fields.lazy(compute)

    body = {name: lazy_of(name, value) for name, value in values.items()}
    return type("Thing", (), body), calls


@check(
    "A lazy attribute is computed once for each instance",
    step=6,
    read="Remembering the answer",
    hints=[
        "After the first read the instance's own dictionary should answer. Then nobody "
        "needs to remember whether it has been computed.",
        "Keep the name that __set_name__ brings. In __get__ call self.compute with the "
        "instance, and leave the result where the next read finds it.",
        "value = instance.__dict__[self.name] = self.compute(instance); return value",
    ],
)
def computed_once(bench: Bench) -> None:
    names = [bench.word() for _ in range(5)]
    values = dict(
        zip(names, [bench.random.randrange(1, 99), "", 0, None, []], strict=True)
    )
    cls, calls = counted(bench, values)
    thing, other = cls(), cls()
    expect("what was computed before anybody read", calls, [], "That is the point.")
    for name, value in values.items():
        calls.clear()
        for _ in range(3):
            expect(f"thing.{name}", getattr(thing, name), value)
        expect(
            f"thing.{name} is {value!r}, read three times: how often it was computed",
            len(calls),
            1,
            "" if value else "Nothing, zero and empty are results like any other.",
        )
    calls.clear()
    expect(f"other.{names[0]}", getattr(other, names[0]), values[names[0]])
    expect(
        f"other.{names[0]}: how often it was computed for another instance",
        len(calls),
        1,
        "What one instance has computed, another must not be given.",
    )
    expect("the names in other's own dictionary", list(vars(other)), names[:1])


@check(
    "It steps aside: assigned to, deleted, failed, read through the class",
    step=6,
    read="Lazy, once more",
    hints=[
        "A descriptor without __set__ lets the instance's dictionary come first. Most "
        "of this check follows from that alone.",
        "Whoever reads through the class comes to __get__ with None for the instance. "
        "And what raises must leave nothing behind.",
        "if instance is None: return self",
    ],
)
def steps_aside(bench: Bench) -> None:
    fine, fails = bench.word(), bench.word()
    value = bench.random.randrange(99)
    cls, calls = counted(bench, {fine: value, fails: ValueError("not today")})
    descriptor = vars(cls)[fine]
    expect_same(
        f"Thing.{fine}, read through the class",
        got=getattr(cls, fine),
        wanted=descriptor,
        why="There is no instance to compute anything for.",
    )
    expect("what that computed", calls, [])
    thing = cls()
    setattr(thing, fine, "mine")
    expect(f"thing.{fine} = 'mine'; thing.{fine}", getattr(thing, fine), "mine")
    expect("how often it was computed", len(calls), 0)
    delattr(thing, fine)
    expect(f"del thing.{fine}; thing.{fine}", getattr(thing, fine), value)
    expect("how often it was computed", len(calls), 1)
    for _ in range(2):
        with expect_raises(ValueError, f"thing.{fails}, which raises ValueError"):
            getattr(thing, fails)
    expect(
        f"thing.{fails} read twice: how often it was tried",
        calls.count(fails),
        2,
        "A failure is no result. The next read may have more luck.",
    )
