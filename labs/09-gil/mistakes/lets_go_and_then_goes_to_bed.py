"""Gives the lock up first, and hangs up its waiter then."""

CAUGHT_BY = "one_step"
MESSAGE = """\
wrong: wait(); another thread notifies the moment the lock is free
  expected: it goes on
  got:      it sleeps for ever
The notification came before there was a waiter, and is lost. Hang up the waiter before you give up the lock.
"""


class Condition:
    def wait(self, timeout=None):
        self._check_owned()
        held = self._give_up()
        waiter = Lock()
        waiter.acquire()
        self._waiting.append(waiter)
        try:
            waiter.acquire(timeout=-1 if timeout is None else max(timeout, 0))
        finally:
            self._take_back(held)
            notified = waiter not in self._waiting
            if not notified:
                self._waiting.remove(waiter)
        return notified
