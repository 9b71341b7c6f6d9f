"""Counts the cancelled timer, and believes that forget_timer() takes it out."""

CAUGHT_BY = "timers"
MESSAGE = """\
wrong: call_later(28, 13, 10, 49, 31, 11), now at 100 seconds; a, b, c all at 89
  expected: ['after 10', 'after 11', 'after 13', 'after 28', 'after 31', 'after 49', 'a', 'b', 'c']
  got:      ['after 10', 'after 11', 'after 13', 'cancelled', 'after 28', 'after 31', 'after 49', 'a', 'b', 'c']
A cancelled timer's call was made.
"""


class Timer:
    def cancel(self):
        self._loop.forget_timer()
