"""Believes that the kernel keeps EPOLLET: modify replaces all the bits."""

CAUGHT_BY = "asks_with_epoll"
MESSAGE = """\
wrong: poll(0), modify(fd, WRITE, edge=True), asked again
  expected: nothing
  got:      WRITE
"""


class EpollPoller:
    def modify(self, fd, events, edge=False):
        self._epoll.modify(fd, events)
