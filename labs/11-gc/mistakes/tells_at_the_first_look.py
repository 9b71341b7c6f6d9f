"""Tells what is over at once, though it may be on its way out."""

CAUGHT_BY = "watches"
MESSAGE = """\
wrong: the first look, with one object that is over
  expected: []
  got:      ['Node is over, and is kept by list of 2']
"""


class LeakWatch:
    def look(self):
        found = [ref(thing) for thing in self._leftovers()]
        self._told.update(one() for one in found)
        said = [explain(one) for one in found]
        for words in said:
            log.warning("%s", words)
        return said
