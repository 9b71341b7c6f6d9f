"""Settles equal times with a number that goes down."""

CAUGHT_BY = "timers"
MESSAGE = """\
wrong: call_later(28, 13, 10, 49, 31, 11), now at 100 seconds; a, b, c all at 89
  expected: ['after 10', 'after 11', 'after 13', 'after 28', 'after 31', 'after 49', 'a', 'b', 'c']
  got:      ['after 10', 'after 11', 'after 13', 'after 28', 'after 31', 'after 49', 'c', 'b', 'a']
Timers of the same moment are called in the order they were made.
"""


class Loop:
    def call_at(self, when, callback, *args):
        timer = Timer(self, when, callback, args)
        heapq.heappush(self._timers, (when, -next(self._order), timer))
        return timer
