"""Writes WRITE over READ where a descriptor is ready for both."""

CAUGHT_BY = "asks_with_select"
MESSAGE = """\
wrong: poll(0), now looked at for READ | WRITE
  expected: READ | WRITE
  got:      WRITE
"""


class SelectPoller:
    def poll(self, timeout):
        reading = [fd for fd, events in self._events.items() if events & READ]
        writing = [fd for fd, events in self._events.items() if events & WRITE]
        readable, writable, _ = select.select(reading, writing, [], timeout)
        ready = dict.fromkeys(readable, READ)
        ready.update(dict.fromkeys(writable, WRITE))
        return list(ready.items())
