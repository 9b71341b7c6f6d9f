"""The same module in another hand: loops for comprehensions, vars() for __dict__,
exceptions where the reference has conditions."""


class Field:
    def __set_name__(self, owner, name):
        self.owner, self.name = owner, name

    def __set__(self, instance, value):
        kept = self.check(value)
        vars(instance).update({self.name: kept})

    def check(self, value):
        if self.optional and value in (None, "none"):
            return None
        problem = f"{self.name}: {value!r} is not {self.wants}"
        if self.optional:
            problem += " or none"
        try:
            value = self.convert(value)
        except (ArithmeticError, ValueError, TypeError):
            raise SettingError(problem) from None
        return value


class Text:
    def convert(self, value):
        return "".join(value) if type(value) is str else refuse()


class Boolean:
    def convert(self, value):
        for words, meaning in ((YES, True), (NO, False)):
            if str(value).casefold() in words:
                return meaning
        raise ValueError(value)


class Number:
    def convert(self, value):
        if value is True or value is False:
            raise TypeError
        number = self.parse(value) if isinstance(value, str) else value
        converted = self.number(number)
        if converted == number and self.maximum >= converted >= self.minimum:
            return converted
        raise ValueError

    def parse(self, text):
        word = text.strip().lower()
        digits = word.rstrip("abcdefghijklmnopqrstuvwxyz")
        unit = word[len(digits) :]
        digits = digits.removesuffix(" ")
        whole, point, rest = digits.removeprefix("-").partition(".")
        for part in (whole, rest) if point else (whole,):
            if not (part.isascii() and part.isdigit()):
                raise ValueError(text)
        try:
            return self.units[unit] * float(digits)
        except KeyError:
            raise ValueError(text) from None


class Settings:
    def __init__(self, **values):
        for name in self.fields():
            if name not in values:
                setattr(self, name, self.fields()[name].default)
        for name in values:
            setattr(self, name, values[name])

    def __setattr__(self, name, value):
        known = list(self.fields())
        try:
            known.index(name)
        except ValueError:
            near = difflib.get_close_matches(name, known, n=1)
            near = f" (perhaps {near[0]})" if near else ""
            raise SettingError(f"{name} in {type(self).__name__}?{near}") from None
        object.__setattr__(self, name, value)

    @classmethod
    def fields(cls):
        found = {}
        for base in cls.__mro__[::-1]:
            for name in vars(base):
                found[name] = getattr(cls, name)
        return {n: f for n, f in found.items() if isinstance(f, Field)}


class lazy:
    def __set_name__(self, owner, name):
        self.key = name

    def __get__(self, instance, owner):
        if not instance and instance is None:
            return self
        setattr(instance, self.key, self.compute(instance))
        return vars(instance)[self.key]


def refuse():
    raise ValueError
