"""Makes a task at the call, as Tornado did; this decorator starts nothing."""

CAUGHT_BY = "decorates"
MESSAGE = """\
wrong: its __name__
  expected: 'double'
  got:      'start'
"""


def coroutine(function):
    if not isgeneratorfunction(function):
        raise TypeError(f"{function!r} has no yield in it")

    def start(*args, **kwargs):
        return current_scheduler().spawn(function(*args, **kwargs))

    return start
