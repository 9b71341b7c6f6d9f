"""Calls the next layer first and tells the middleware afterwards."""

CAUGHT_BY = "onion"
MESSAGE = """\
wrong: barugeki, zeka, sepenutu, nesurodu declared in this order; what runs for a request
  expected: ['barugeki in', 'zeka in', 'sepenutu in', 'nesurodu in', 'handler', 'nesurodu out', 'sepenutu out', 'zeka out', 'barugeki out']
  got:      ['handler', 'nesurodu in', 'nesurodu out', 'sepenutu in', 'sepenutu out', 'zeka in', 'zeka out', 'barugeki in', 'barugeki out']
The handler ran before any middleware was asked whether it may.
"""


def layer(middleware, inner):
    def call(request):
        answer = inner(request)
        return middleware(request, lambda _: answer)

    return call
