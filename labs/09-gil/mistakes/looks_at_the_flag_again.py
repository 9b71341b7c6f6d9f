"""Was woken, and looks at a flag that may be down again."""

CAUGHT_BY = "flag"
MESSAGE = """\
wrong: wait(); another thread calls set() and clear() while it sleeps
  expected: True
  got:      False
It was set, and we were woken for it. That it is down again is news for those who come now.
"""


class Event:
    def wait(self, timeout=None):
        with self._cond:
            if not self._up:
                self._cond.wait(timeout)
            return self._up
