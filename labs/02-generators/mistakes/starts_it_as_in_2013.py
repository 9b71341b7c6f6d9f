"""Makes a task at the call, as Tornado did; this decorator starts nothing."""

CAUGHT_BY = "decorates"
MESSAGE = """\
wrong: a generator under @coroutine is called, and nobody awaits it; what happens
  expected: ['a turn later']
  got:      ['begun', 'a turn later']
In 2013 the call started it. Here it begins when somebody awaits it, or gives it to spawn().
"""


def coroutine(function):
    if not isgeneratorfunction(function):
        raise TypeError(f"{function!r} has no yield in it")

    def start(*args, **kwargs):
        return current_scheduler().spawn(function(*args, **kwargs))

    return start
