"""WSGI (PEP 3333): applications that are functions, and wait as long as they like.

Flask, Django and most of what came before `async def` is a function that returns when
the response is there. It may block, so it runs in a thread, and what it is called with
and what it returns go over the border between the thread and the loop.

environ     a request as the dictionary that WSGI asks for
gateway     WSGI applications on our server
dispatch    several applications under one
"""

from dustdevil import homes, lazy_names

HOMES = homes(
    environ="BASE Environ make_environ",
    gateway="App ClientGone WSGI",
    dispatch="mount",
)

__all__ = sorted(HOMES)
__getattr__ = lazy_names(__name__, HOMES)
