"""Makes the call at once, in the thread that asks for it."""

CAUGHT_BY = "wakes"
MESSAGE = """\
wrong: what is called, and whether in the loop's thread
  expected: [('fufapavi', True)]
  got:      [('fufapavi', False)]
Two threads would be at work on the loop's data at the same time.
"""


class Loop:
    def call_from_thread(self, callback, *args):
        callback(*args)
        self._wake()
