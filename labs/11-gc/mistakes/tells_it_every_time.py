"""Does not remember what it has told."""

CAUGHT_BY = "watches"
MESSAGE = """\
wrong: the third look: the other one is told
  expected: 1
  got:      2
"""


class LeakWatch:
    def _leftovers(self):
        return [
            thing
            for thing in gc.get_objects()
            if type(thing) is self.kind and self.over(thing)
        ]
