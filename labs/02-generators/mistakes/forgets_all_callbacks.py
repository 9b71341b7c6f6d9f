"""Empties the list, where one callback was to be taken back."""

CAUGHT_BY = "taken_back"
MESSAGE = """\
wrong: callbacks mumuno, bilile, kuti; remove_done_callback(bilile); who is called
  expected: ['mumuno', 'kuti']
  got:      []
"""


class Future:
    def remove_done_callback(self, callback):
        found = callback in self._callbacks
        self._callbacks.clear()
        return found
