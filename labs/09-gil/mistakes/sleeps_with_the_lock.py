"""Keeps the lock while it sleeps: nobody can come in to wake it."""

CAUGHT_BY = "one_step"
MESSAGE = """\
wrong: wait(), while it sleeps: another thread takes the lock
  expected: it is free
  got:      it is still held
Whoever sleeps with the lock can't be woken: nobody else gets in.
"""


class Condition:
    def wait(self, timeout=None):
        self._check_owned()
        waiter = Lock()
        waiter.acquire()
        self._waiting.append(waiter)
        waiter.acquire(timeout=-1 if timeout is None else max(timeout, 0))
        notified = waiter not in self._waiting
        if not notified:
            self._waiting.remove(waiter)
        return notified
