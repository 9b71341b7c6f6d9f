"""Always stops, even where the result is there already."""

CAUGHT_BY = "waits"
MESSAGE = """\
wrong: `await` on a future that is done
  expected: 'zuvo'
  got:      'it stopped, and handed out a Future'
"""


class Future:
    def __await__(self):
        return (yield self)
