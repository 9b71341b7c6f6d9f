"""Makes the ready calls first; what the descriptors bring waits for a turn more."""

CAUGHT_BY = "one_turn"
MESSAGE = """\
wrong: one turn; 253, 815, 645 are ready, one timer is due
  expected: [(253, 1), (815, 1), (645, 1), 'call', 'timer']
  got:      ['call', 'timer', (253, 1), (815, 1), (645, 1)]
poll() comes first: what its callbacks make ready is called at once.
"""


class Loop:
    def turn(self):
        self._release_timers()
        self.run_ready()
        for fd, events in self.poller.poll(self._patience()):
            on_ready = self._watched.get(fd)
            if on_ready is not None:
                try:
                    on_ready(events)
                except Exception as error:
                    self.on_error(error, on_ready)
