"""Leaves a callback with a future that has called its callbacks already."""

CAUGHT_BY = "set_once"
MESSAGE = """\
wrong: and in the next turn
  expected: ['fazukitu']
  got:      []
It is too late to wait, not to call.
"""


class Future:
    def add_done_callback(self, callback):
        self._callbacks.append(callback)
