"""Takes the callback back and says nothing."""

CAUGHT_BY = "taken_back"
MESSAGE = """\
wrong: callbacks mumuno, bilile, kuti; remove_done_callback(bilile)
  expected: True
  got:      None
"""


class Future:
    def remove_done_callback(self, callback):
        if callback in self._callbacks:
            self._callbacks.remove(callback)
