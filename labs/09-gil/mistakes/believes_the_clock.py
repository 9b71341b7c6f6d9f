"""Was too late by the clock, and does not look whether somebody woke it after all."""

CAUGHT_BY = "too_late"
MESSAGE = """\
wrong: wait(1): the time is up, and before the lock is ours again somebody notifies; it returns
  expected: True
  got:      False
Whoever notified believes that one thread was woken. It is for us to say so.
"""


class Condition:
    def wait(self, timeout=None):
        self._check_owned()
        waiter = Lock()
        waiter.acquire()
        self._waiting.append(waiter)
        held = self._give_up()
        notified = False
        try:
            notified = waiter.acquire(timeout=-1 if timeout is None else max(timeout, 0))
        finally:
            self._take_back(held)
            if waiter in self._waiting:
                self._waiting.remove(waiter)
        return notified
