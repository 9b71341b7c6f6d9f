"""Looks the callbacks up before it calls any: one may unwatch the next."""

CAUGHT_BY = "one_turn"
MESSAGE = """\
wrong: 253 and 815 are ready, and each one's callback unwatches the other
  expected: [253]
  got:      [253, 815]
After unwatch() nobody wants to hear of that descriptor; it may be closed.
"""


class Loop:
    def turn(self):
        ready = self.poller.poll(self._patience())
        calls = [(self._watched[fd], events) for fd, events in ready]
        for on_ready, events in calls:
            try:
                on_ready(events)
            except Exception as error:
                self.on_error(error, on_ready)
        self._release_timers()
        self.run_ready()
