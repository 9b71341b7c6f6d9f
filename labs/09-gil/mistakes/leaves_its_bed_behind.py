"""Gets up when the time is over, and leaves its bed in the queue."""

CAUGHT_BY = "too_late"
MESSAGE = """\
wrong: wait(6), and nobody notifies; beds left in self._waiting
  expected: 0
  got:      1
A bed in which nobody lies would get the next notification.
"""


class Condition:
    def wait(self, timeout=None):
        self._check_owned()
        bed = Lock()
        bed.acquire()
        self._waiting.append(bed)
        held = self._give_up()
        try:
            bed.acquire(timeout=-1 if timeout is None else max(timeout, 0))
        finally:
            self._take_back(held)
        return bed not in self._waiting
