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
        bed = Lock()
        bed.acquire()
        self._waiting.append(bed)
        bed.acquire(timeout=-1 if timeout is None else max(timeout, 0))
        notified = bed not in self._waiting
        if not notified:
            self._waiting.remove(bed)
        return notified
