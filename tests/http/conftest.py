"""Fixtures of the tests of HTTP."""

import pytest


@pytest.fixture(params=["c", "python"])
def running(request, monkeypatch):
    """Start servers: `running(application, **settings)`.

    Once with heads read in C, as it stands in the source, and once in Python.
    """
    # Imported here, and not before --stack has put somebody's modules in place.
    from dustdevil.http import parser
    from dustdevil.speedups import pure
    from support.extension import compiled_once
    from support.serving import Running

    functions = compiled_once() if request.param == "c" else pure
    monkeypatch.setattr(parser, "split_head", functions.split_head)
    started = []

    def start(application, tls=None, **settings):
        started.append(Running(application, tls, **settings))
        return started[-1]

    yield start
    for one in started:
        if one.thread.is_alive():
            one.stop()
        one.loop.close()
