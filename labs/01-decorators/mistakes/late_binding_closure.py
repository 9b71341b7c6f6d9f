"""Makes the layers in a loop, and believes that each remembers its own round.

A closure keeps variables. When a request comes, all the layers see what the last
round left in them.
"""

CAUGHT_BY = "onion"
MESSAGE = """\
wrong: barugeki, zeka, sepenutu, nesurodu declared with @router.use; a request comes in
  expected: each calls the next one inward, the last one the handler
  got:      one that calls itself, until Python gives up
A closure keeps the variable and not its value: functions made in a loop all see the last round's. Each layer needs a function call of its own.
"""


class Router:
    def wrap(self, handler):
        for middleware in reversed(self.middleware):
            handler = lambda request: middleware(request, handler)
        return handler
