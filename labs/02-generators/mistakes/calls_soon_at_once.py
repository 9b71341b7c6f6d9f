"""Takes call_soon() for a call."""

CAUGHT_BY = "calls_in_order"
MESSAGE = """\
wrong: what is called by call_soon itself
  expected: []
  got:      ['nidafega', 'liku', 'sukotufo', 'duteluse']
"""


class Scheduler:
    def call_soon(self, callback, *args):
        callback(*args)
