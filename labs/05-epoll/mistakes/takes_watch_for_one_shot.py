"""Takes a callback out when it is called, as if watch() were for one time only."""

CAUGHT_BY = "echo_server"
MESSAGE = """\
wrong: what client 2 gets back
  expected: b'poli\\n'
  got:      b''
"""


class Loop:
    def turn(self):
        for fd, events in self.poller.poll(self._patience()):
            on_ready = self._watched.pop(fd, None)
            if on_ready is not None:
                try:
                    on_ready(events)
                except Exception as error:
                    self.on_error(error, on_ready)
        self._release_timers()
        self.run_ready()
