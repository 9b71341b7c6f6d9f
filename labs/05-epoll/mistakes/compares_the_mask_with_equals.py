"""Asks `events == READ` where a mask may have other bits as well."""

CAUGHT_BY = "asks_with_select"
MESSAGE = """\
wrong: poll(0), now looked at for READ | WRITE
  expected: READ | WRITE
  got:      nothing
"""


class SelectPoller:
    def poll(self, timeout):
        reading = [fd for fd, events in self._events.items() if events == READ]
        writing = [fd for fd, events in self._events.items() if events == WRITE]
        readable, writable, _ = select.select(reading, writing, [], timeout)
        ready = dict.fromkeys(readable, READ)
        for fd in writable:
            ready[fd] = ready.get(fd, 0) | WRITE
        return list(ready.items())
