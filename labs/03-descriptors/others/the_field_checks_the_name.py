"""Goes to the field itself in Settings.__setattr__, and asks object for nothing; the
fields are those that the class really gives, whichever base they come from."""


class Settings:
    def __init__(self, /, **values):
        for name, field in self.fields().items():
            field.__set__(self, values.pop(name, field.default))
        for name, value in values.items():
            setattr(self, name, value)

    def __setattr__(self, name, value):
        field = self.fields().get(name)
        if field is None:
            raise SettingError(f"no {name} in {type(self).__name__}: {nearest(self, name)}")
        field.__set__(self, value)

    @classmethod
    def fields(cls):
        if cls is Settings:
            return {}
        names = {}
        for base in reversed(cls.mro()):
            names.update(dict.fromkeys(vars(base)))
        found = ((name, getattr(cls, name)) for name in names)
        return {name: thing for name, thing in found if isinstance(thing, Field)}


def nearest(settings, name):
    return " ".join(difflib.get_close_matches(name, settings.fields(), 1))
