"""Has room for one middleware: each declaration takes the place of the one before."""

CAUGHT_BY = "onion"
MESSAGE = """\
wrong: barugeki, zeka, sepenutu, nesurodu declared in this order; what runs for a request
  expected: ['barugeki in', 'zeka in', 'sepenutu in', 'nesurodu in', 'handler', 'nesurodu out', 'sepenutu out', 'zeka out', 'barugeki out']
  got:      ['nesurodu in', 'handler', 'nesurodu out']
"""


class Router:
    def use(self, middleware):
        self.middleware = [middleware]
        return middleware
