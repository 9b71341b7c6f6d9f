"""Takes the lock back only when nothing goes wrong."""

CAUGHT_BY = "too_late"
MESSAGE = """\
wrong: Ctrl-C comes while wait() sleeps; afterwards
  expected: the lock is held again, and no waiter is left
  got:      the lock is held: no, waiters left: 1
The with statement around wait() will give the lock back, whatever happened.
"""


class Condition:
    def wait(self, timeout=None):
        self._check_owned()
        waiter = Lock()
        waiter.acquire()
        self._waiting.append(waiter)
        held = self._give_up()
        waiter.acquire(timeout=-1 if timeout is None else max(timeout, 0))
        self._take_back(held)
        notified = waiter not in self._waiting
        if not notified:
            self._waiting.remove(waiter)
        return notified
