"""Wraps in order of declaration, so that the last one declared ends up outside."""

CAUGHT_BY = "onion"
MESSAGE = """\
wrong: barugeki, zeka, sepenutu, nesurodu declared in this order; what runs for a request
  expected: ['barugeki in', 'zeka in', 'sepenutu in', 'nesurodu in', 'handler', 'nesurodu out', 'sepenutu out', 'zeka out', 'barugeki out']
  got:      ['nesurodu in', 'sepenutu in', 'zeka in', 'barugeki in', 'handler', 'barugeki out', 'zeka out', 'sepenutu out', 'nesurodu out']
What is put round the handler last ends up outside.
"""


class Router:
    def wrap(self, handler):
        for middleware in self.middleware:
            handler = layer(middleware, handler)
        return handler
