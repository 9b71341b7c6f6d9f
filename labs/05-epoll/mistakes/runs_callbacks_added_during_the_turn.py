"""Works until the queue is empty; a call that adds a call keeps it full."""

CAUGHT_BY = "one_turn"
MESSAGE = """\
wrong: a call that does call_soon() of itself, again and again; calls in one turn
  expected: 1: what comes up in a turn waits for the next
  got:      1000
As long as calls make calls, nobody looks at the sockets.
"""


class Loop:
    def turn(self):
        for fd, events in self.poller.poll(self._patience()):
            on_ready = self._watched.get(fd)
            if on_ready is not None:
                try:
                    on_ready(events)
                except Exception as error:
                    self.on_error(error, on_ready)
        self._release_timers()
        while self.ready:
            self.run_ready()
