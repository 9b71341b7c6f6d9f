"""Takes LIMIT for the highest descriptor there is; it is the first one too many."""

CAUGHT_BY = "asks_with_select"
MESSAGE = """\
wrong: register of descriptor 1024
  expected: ValueError is raised
  got:      no exception
select() takes a bit mask with the bits 0 to 1023: below LIMIT.
"""


class SelectPoller:
    def register(self, fd, events, edge=False):
        if fd in self._events:
            raise FileExistsError(f"descriptor {fd} is registered already")
        if fd < 0 or fd > self.LIMIT:
            raise ValueError(f"select() takes no descriptor {fd}")
        self._set(fd, events, edge)
