"""Takes a function without a yield, and the mistake shows up much later."""

CAUGHT_BY = "decorates"
MESSAGE = """\
wrong: @coroutine on a lambda
  expected: TypeError is raised
  got:      no exception
There is no yield in it. Whoever decorates it has made a mistake, and is best told while the program starts.
"""


def coroutine(function):
    return awaitable_generator(function)
