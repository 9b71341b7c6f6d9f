"""Goes on while there is anything in the queue, and so never comes back."""

CAUGHT_BY = "calls_in_order"
MESSAGE = """\
wrong: a call that asks for itself again, and another; calls made in one turn
  expected: [1, 'notodo']
  got:      [1, 'notodo', 2, 3, 4, 5, 6, 7, 8, 9]
A call that is always ready must not keep the sockets from being looked at: what is added during a turn waits for the next one.
"""


class Scheduler:
    def run_ready(self):
        while self.ready:
            callback, args = self.ready.popleft()
            try:
                callback(*args)
            except Exception as error:
                self.on_error(error, callback)
