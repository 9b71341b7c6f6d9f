"""Looks at the function and returns it as it was: `await` still refuses it."""

CAUGHT_BY = "decorates"
MESSAGE = """\
wrong: an async def that awaits a generator under @coroutine
  expected: it waits for the future that the generator yields
  got:      the exception TypeError("object generator can't be used in 'await' expression")
"""


def coroutine(function):
    if not isgeneratorfunction(function):
        raise TypeError(f"{function!r} has no yield in it")
    return function
