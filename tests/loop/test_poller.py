"""The contract of dustdevil.loop.poller: the same answers from every poller."""

import os
import select
import socket
from types import SimpleNamespace

import pytest

from dustdevil.loop import (
    ERROR,
    HANGUP,
    RDHUP,
    READ,
    WRITE,
    EpollPoller,
    KqueuePoller,
    SelectPoller,
    default_poller,
)
from dustdevil.loop import poller as module

POLLERS = [EpollPoller, SelectPoller] if hasattr(select, "epoll") else [SelectPoller]


@pytest.fixture(params=POLLERS, ids=lambda cls: cls.__name__)
def poller(request):
    poller = request.param()
    yield poller
    poller.close()


@pytest.fixture
def epoll():
    poller = EpollPoller()
    yield poller
    poller.close()


@pytest.fixture
def pair():
    a, b = socket.socketpair()
    a.setblocking(False)
    b.setblocking(False)
    yield a, b
    a.close()
    b.close()


def fill(sock):
    """Send until the kernel takes no more."""
    try:
        while True:
            sock.send(bytes(65536))
    except BlockingIOError:
        pass


def test_nothing_is_ready(poller, pair):
    poller.register(pair[0].fileno(), READ)
    assert poller.poll(0) == []


def test_bytes_make_it_readable_until_they_are_read(poller, pair):
    a, b = pair
    poller.register(a.fileno(), READ)
    b.send(b"0123456789")
    assert poller.poll(1) == [(a.fileno(), READ)]
    assert a.recv(3) == b"012"
    assert poller.poll(0) == [(a.fileno(), READ)]
    assert a.recv(100) == b"3456789"
    assert poller.poll(0) == []


def test_room_makes_it_writable(poller, pair):
    a, b = pair
    poller.register(a.fileno(), READ | WRITE)
    assert poller.poll(1) == [(a.fileno(), WRITE)]
    b.send(b"x")
    assert poller.poll(1) == [(a.fileno(), READ | WRITE)]
    fill(a)
    assert poller.poll(0) == [(a.fileno(), READ)]


def test_modify_changes_the_question(poller, pair):
    a, b = pair
    poller.register(a.fileno(), WRITE)
    poller.modify(a.fileno(), READ)
    assert poller.poll(0) == []
    b.send(b"x")
    assert poller.poll(0) == [(a.fileno(), READ)]
    poller.modify(a.fileno(), 0)
    assert poller.poll(0) == []


def test_unregistered_is_not_reported(poller, pair):
    a, b = pair
    poller.register(a.fileno(), READ)
    b.send(b"x")
    poller.unregister(a.fileno())
    assert poller.poll(0) == []
    poller.register(a.fileno(), READ)
    assert poller.poll(0) == [(a.fileno(), READ)]


def test_end_of_file_is_readable(poller, pair):
    a, b = pair
    poller.register(a.fileno(), READ)
    b.shutdown(socket.SHUT_WR)
    [(fd, events)] = poller.poll(1)
    assert fd == a.fileno()
    assert events & READ
    assert a.recv(1) == b""


def test_mistakes_are_errors(poller, pair):
    fd = pair[0].fileno()
    with pytest.raises(FileNotFoundError):
        poller.modify(fd, READ)
    with pytest.raises(FileNotFoundError):
        poller.unregister(fd)
    poller.register(fd, READ)
    with pytest.raises(FileExistsError):
        poller.register(fd, READ)


def test_select_says_what_it_can_not(pair):
    poller = SelectPoller()
    with pytest.raises(ValueError, match="below 1024, not 4000"):
        poller.register(4000, READ)
    with pytest.raises(ValueError, match="no edge triggering"):
        poller.register(pair[0].fileno(), READ, edge=True)


needs_epoll = pytest.mark.skipif(not hasattr(select, "epoll"), reason="Linux has epoll")


@needs_epoll
def test_an_edge_is_reported_once(epoll, pair):
    a, b = pair
    epoll.register(a.fileno(), READ, edge=True)
    b.send(b"0123456789")
    assert epoll.poll(1) == [(a.fileno(), READ)]
    a.recv(3)
    assert epoll.poll(0) == []
    b.send(b"x")
    assert epoll.poll(1) == [(a.fileno(), READ)]
    epoll.modify(a.fileno(), READ, edge=False)
    assert epoll.poll(0) == [(a.fileno(), READ)]
    assert epoll.poll(0) == [(a.fileno(), READ)]


@needs_epoll
def test_rdhup_is_told_without_reading(epoll, pair):
    a, b = pair
    epoll.register(a.fileno(), RDHUP)
    assert epoll.poll(0) == []
    b.send(b"unread")
    b.shutdown(socket.SHUT_WR)
    assert epoll.poll(1) == [(a.fileno(), RDHUP)]
    b.close()
    [(_, events)] = epoll.poll(1)
    assert events & RDHUP
    assert events & HANGUP


@needs_epoll
def test_the_bits_are_the_systems():
    assert (READ, WRITE) == (select.EPOLLIN, select.EPOLLOUT)
    assert (ERROR, HANGUP) == (select.EPOLLERR, select.EPOLLHUP)
    assert select.EPOLLRDHUP == RDHUP
    assert select.EPOLLET == module.EDGE


def test_the_default_is_the_best_there_is(monkeypatch):
    chosen = default_poller()
    assert isinstance(chosen, POLLERS[0])
    chosen.close()
    monkeypatch.delattr(select, "epoll", raising=False)
    monkeypatch.delattr(select, "kqueue", raising=False)
    assert isinstance(default_poller(), SelectPoller)


class FakeKqueue:
    """Answers like kqueue(2) from a pipe's real state, where there is no kqueue."""

    def __init__(self):
        self.filters = {}

    def control(self, changes, most, timeout=None):
        for change in changes or ():
            key = change.ident, change.filter
            if change.flags & module.select.KQ_EV_DELETE:
                del self.filters[key]
            else:
                self.filters[key] = change.flags
        if not most:
            return []
        return [
            SimpleNamespace(ident=fd, filter=kind, flags=self.eof(fd, kind))
            for fd, kind in self.filters
            if self.is_ready(fd, kind)
        ][:most]

    def eof(self, fd, kind):
        peeked = kind == "read" and socket.socket(fileno=os.dup(fd))
        if not peeked:
            return 0
        with peeked:
            last = peeked.recv(1, socket.MSG_PEEK) == b""
        return module.select.KQ_EV_EOF if last else 0

    def is_ready(self, fd, kind):
        readable, writable, _ = select.select([fd], [fd], [], 0)
        return bool(readable if kind == "read" else writable)

    def close(self):
        pass


@pytest.fixture
def kqueue(monkeypatch):
    fake = SimpleNamespace(
        kqueue=FakeKqueue,
        kevent=lambda fd, filter, flags: SimpleNamespace(
            ident=fd, filter=filter, flags=flags
        ),
        KQ_FILTER_READ="read",
        KQ_FILTER_WRITE="write",
        KQ_EV_ADD=1,
        KQ_EV_DELETE=2,
        KQ_EV_CLEAR=32,
        KQ_EV_ERROR=0x4000,
        KQ_EV_EOF=0x8000,
    )
    monkeypatch.setattr(module, "select", fake)
    return KqueuePoller()


def test_kqueue_keeps_two_filters_a_descriptor(kqueue, pair):
    a, b = pair
    fd = a.fileno()
    with pytest.raises(FileNotFoundError):
        kqueue.modify(fd, READ)
    kqueue.register(fd, READ | WRITE)
    with pytest.raises(FileExistsError):
        kqueue.register(fd, READ)
    assert kqueue.poll(0) == [(fd, WRITE)]
    b.send(b"x")
    assert kqueue.poll(0) == [(fd, READ | WRITE)]
    kqueue.modify(fd, READ | RDHUP, edge=True)
    assert kqueue._kqueue.filters == {(fd, "read"): 1 | 32}
    assert kqueue.poll(0) == [(fd, READ)]
    a.recv(1)
    b.shutdown(socket.SHUT_WR)
    assert kqueue.poll(0) == [(fd, READ | RDHUP)]
    kqueue.unregister(fd)
    assert kqueue.poll(0) == []
    assert kqueue._kqueue.filters == {}
