"""Which file descriptors are ready: one question, three system calls.

A poller is told which descriptors to watch and for what, and then answers, at each
call, which of them are ready. Linux has epoll for this, the BSDs and macOS have
kqueue, and every system has select. Here all three have the same interface, and the
loop does not know which one it uses.

The bits are epoll's own, so on Linux nothing needs to be translated.
"""

import select
from typing import Protocol

READ = 0x001  # EPOLLIN: bytes to read, a connection to accept, or end of file
WRITE = 0x004  # EPOLLOUT: room in the send buffer, or a connect that has ended
ERROR = 0x008  # EPOLLERR: reported whether asked for or not
HANGUP = 0x010  # EPOLLHUP: both directions are closed; reported always, too
RDHUP = 0x2000  # EPOLLRDHUP: the peer will send no more; only where asked for
EDGE = 1 << 31  # EPOLLET: report changes of readiness, not readiness

Ready = list[tuple[int, int]]


class Poller(Protocol):
    """What all three offer: `events` are READ, WRITE and RDHUP, or'ed together."""

    def register(self, fd: int, events: int, edge: bool = False) -> None:
        """Watch a descriptor from now on.

        With `edge`, it is reported when it becomes ready; without, as long as it is.
        Raises FileExistsError for one that is registered, OSError for a closed one,
        ValueError if the poller has no edges.
        """

    def modify(self, fd: int, events: int, edge: bool = False) -> None:
        """Ask for other events; FileNotFoundError if it is not registered."""

    def unregister(self, fd: int) -> None:
        """Stop watching; FileNotFoundError if it is not registered."""

    def poll(self, timeout: float | None) -> Ready:
        """Wait until one is ready, at most `timeout` seconds (None: without limit).

        Returns the ready descriptors, each with the events it is ready for.
        """

    def close(self) -> None:
        """Free what the poller holds in the kernel."""


class EpollPoller:
    """Linux: the kernel keeps the list and returns the ready ones only, epoll(7)."""

    def __init__(self) -> None:
        self._epoll = select.epoll()

    def register(self, fd: int, events: int, edge: bool = False) -> None:
        self._epoll.register(fd, events | EDGE if edge else events)

    def modify(self, fd: int, events: int, edge: bool = False) -> None:
        self._epoll.modify(fd, events | EDGE if edge else events)

    def unregister(self, fd: int) -> None:
        self._epoll.unregister(fd)

    def poll(self, timeout: float | None) -> Ready:
        return self._epoll.poll(timeout)

    def close(self) -> None:
        self._epoll.close()


class KqueuePoller:
    """The BSDs and macOS: reading and writing are two filters, kqueue(2)."""

    def __init__(self) -> None:
        self._kqueue = select.kqueue()
        self._events: dict[int, tuple[int, bool]] = {}

    def register(self, fd: int, events: int, edge: bool = False) -> None:
        if fd in self._events:
            raise FileExistsError(f"descriptor {fd} is registered already")
        self._change(fd, (0, edge), (events, edge))

    def modify(self, fd: int, events: int, edge: bool = False) -> None:
        self._change(fd, self._known(fd), (events, edge))

    def unregister(self, fd: int) -> None:
        self._change(fd, self._known(fd), (0, False))
        del self._events[fd]

    def _known(self, fd: int) -> tuple[int, bool]:
        if fd not in self._events:
            raise FileNotFoundError(f"descriptor {fd} is not registered")
        return self._events[fd]

    def _change(self, fd: int, old: tuple[int, bool], new: tuple[int, bool]) -> None:
        changes = []
        for bit, kind in (READ, select.KQ_FILTER_READ), (WRITE, select.KQ_FILTER_WRITE):
            if new[0] & bit:
                # Adding a filter that is there replaces it.
                flags = select.KQ_EV_ADD | (select.KQ_EV_CLEAR if new[1] else 0)
                changes.append(select.kevent(fd, kind, flags))
            elif old[0] & bit:
                changes.append(select.kevent(fd, kind, select.KQ_EV_DELETE))
        self._kqueue.control(changes, 0)
        self._events[fd] = new

    def poll(self, timeout: float | None) -> Ready:
        ready: dict[int, int] = {}
        max_events = max(1, 2 * len(self._events))
        for event in self._kqueue.control(None, max_events, timeout):
            bits = READ if event.filter == select.KQ_FILTER_READ else WRITE
            if event.flags & select.KQ_EV_EOF:
                # On the reading side: the peer has closed its half. On the writing
                # side: the peer doesn't read any more.
                asked = self._events[event.ident][0]
                bits |= asked & RDHUP if bits == READ else HANGUP
            if event.flags & select.KQ_EV_ERROR:
                bits |= ERROR
            ready[event.ident] = ready.get(event.ident, 0) | bits
        return list(ready.items())

    def close(self) -> None:
        self._kqueue.close()


class SelectPoller:
    """Every system: the whole list goes into the kernel at each call, select(2)."""

    LIMIT = 1024  # FD_SETSIZE: the bit mask that select() takes has no more bits

    def __init__(self) -> None:
        self._events: dict[int, int] = {}

    def register(self, fd: int, events: int, edge: bool = False) -> None:
        if fd in self._events:
            raise FileExistsError(f"descriptor {fd} is registered already")
        if not 0 <= fd < self.LIMIT:
            raise ValueError(f"select() takes descriptors below {self.LIMIT}, not {fd}")
        self._set(fd, events, edge)

    def modify(self, fd: int, events: int, edge: bool = False) -> None:
        if fd not in self._events:
            raise FileNotFoundError(f"descriptor {fd} is not registered")
        self._set(fd, events, edge)

    def _set(self, fd: int, events: int, edge: bool) -> None:
        if edge:
            raise ValueError("select() sees levels only: it has no edge triggering")
        self._events[fd] = events

    def unregister(self, fd: int) -> None:
        if self._events.pop(fd, None) is None:
            raise FileNotFoundError(f"descriptor {fd} is not registered")

    def poll(self, timeout: float | None) -> Ready:
        reading = [fd for fd, events in self._events.items() if events & (READ | RDHUP)]
        writing = [fd for fd, events in self._events.items() if events & WRITE]
        readable, writable, _ = select.select(reading, writing, [], timeout)
        ready = dict.fromkeys(readable, READ)
        for fd in writable:
            ready[fd] = ready.get(fd, 0) | WRITE
        return list(ready.items())

    def close(self) -> None:
        self._events.clear()


def default_poller() -> Poller:
    """Return the best poller of this system."""
    if hasattr(select, "epoll"):
        return EpollPoller()
    if hasattr(select, "kqueue"):
        return KqueuePoller()
    return SelectPoller()
