"""Takes calls from the end at which they are put in: a stack, and no queue."""

CAUGHT_BY = "calls_in_order"
MESSAGE = """\
wrong: call_soon for nidafega, liku, sukotufo, duteluse and for two arguments at once; one turn
  expected: ['nidafega', 'liku', 'sukotufo', 'duteluse', ('nidafega', 'liku')]
  got:      [('nidafega', 'liku'), 'duteluse', 'sukotufo', 'liku', 'nidafega']
Whoever came first is called first.
"""


class Scheduler:
    def run_ready(self):
        for _ in range(len(self.ready)):
            callback, args = self.ready.pop()
            try:
                callback(*args)
            except Exception as error:
                self.on_error(error, callback)
