"""Believes that to be woken is to have what it waited for."""

CAUGHT_BY = "looks_again"
MESSAGE = """\
wrong: wait_for() of what comes true after the third notification
  expected: 'vema'
  got:      []
"""


class Condition:
    def wait_for(self, predicate, timeout=None):
        if not predicate():
            self.wait(timeout)
        return predicate()
