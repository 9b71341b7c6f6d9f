"""The flag set in the code object; the queue of a turn exchanged for an empty one."""

import inspect


class Scheduler:
    def run_ready(self):
        calls = list(self.ready)
        self.ready.clear()
        for number, (callback, args) in enumerate(calls, 1):
            try:
                callback(*args)
            except Exception as error:
                self.on_error(error, callback)
            except BaseException:
                self.ready.extendleft(reversed(calls[number:]))
                raise


def coroutine(function):
    if not isgeneratorfunction(function):
        raise TypeError(f"{function!r} has no yield in it")
    flags = function.__code__.co_flags | inspect.CO_ITERABLE_COROUTINE
    function.__code__ = function.__code__.replace(co_flags=flags)
    return function
