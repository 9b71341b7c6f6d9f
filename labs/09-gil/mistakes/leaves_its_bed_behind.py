"""Gets up when the time is over, and leaves its waiter in the queue."""

CAUGHT_BY = "too_late"
MESSAGE = """\
wrong: wait(6), and nobody notifies; waiters left in self._waiting
  expected: 0
  got:      1
A waiter in which nobody lies would get the next notification.
"""


class Condition:
    def wait(self, timeout=None):
        self._check_owned()
        waiter = Lock()
        waiter.acquire()
        self._waiting.append(waiter)
        held = self._give_up()
        try:
            waiter.acquire(timeout=-1 if timeout is None else max(timeout, 0))
        finally:
            self._take_back(held)
        return waiter not in self._waiting
