"""Takes the first descriptor of the report and leaves the others for later."""

CAUGHT_BY = "one_turn"
MESSAGE = """\
wrong: one turn; 253, 815, 645 are ready, one timer is due
  expected: [(253, 1), (815, 1), (645, 1), 'call', 'timer']
  got:      [(253, 1), 'call', 'timer']
The report of poll() is a list, and everybody in it is ready.
"""


class Loop:
    def turn(self):
        for fd, events in self.poller.poll(self._patience())[:1]:
            try:
                self._watched[fd](events)
            except Exception as error:
                self.on_error(error, fd)
        self._release_timers()
        self.run_ready()
