"""Remembers what it has seen in an ordinary list, and so keeps it from going."""

CAUGHT_BY = "watches"
MESSAGE = """\
wrong: one that is over in one look, and gone before the next
  expected: []
  got:      ['Node is over, and is kept by list of 1 ← LeakWatch ← cell']
"""


class LeakWatch:
    def look(self):
        found = self._leftovers()
        late = [thing for thing in found if thing in self._seen]
        self._seen = found
        self._told.update(late)
        said = [explain(ref(thing)) for thing in late]
        for words in said:
            log.warning("%s", words)
        return said
