"""Looks a callback up without asking whether it is still there."""

CAUGHT_BY = "one_turn"
MESSAGE = """\
wrong: 253 and 815 are ready, and each one's callback unwatches the other
  expected: only 253 is called
  got:      KeyError: 815
After unwatch() nobody wants to hear of that descriptor; it may be closed.
at turn: on_ready = self._watched[fd]
"""


class Loop:
    def turn(self):
        for fd, events in self.poller.poll(self._patience()):
            on_ready = self._watched[fd]
            try:
                on_ready(events)
            except Exception as error:
                self.on_error(error, on_ready)
        self._release_timers()
        self.run_ready()
