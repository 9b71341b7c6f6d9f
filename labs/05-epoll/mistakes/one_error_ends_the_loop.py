"""Lets the exception of one connection's callback end the loop of all."""

CAUGHT_BY = "one_turn"
MESSAGE = """\
wrong: 253 and 645 are ready; the callback of 253 divides by zero
  expected: on_error() is told, and the turn goes on
  got:      the exception ends the loop, and with it every connection
at turn: self._watched[fd](events)
"""


class Loop:
    def turn(self):
        for fd, events in self.poller.poll(self._patience()):
            if fd in self._watched:
                self._watched[fd](events)
        self._release_timers()
        self.run_ready()
