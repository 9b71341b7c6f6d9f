"""Begins to count anew with every notification."""

CAUGHT_BY = "looks_again"
MESSAGE = """\
wrong: wait_for(never, 7), notified in vain every 2 s, three times; seconds until it gives up
  expected: 7
  got:      13.0
The timeout is for the whole, and not for each attempt.
"""


class Condition:
    def wait_for(self, predicate, timeout=None):
        while not (answer := predicate()):
            if not self.wait(timeout):
                return predicate()
        return answer
