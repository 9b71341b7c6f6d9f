"""Never sleeps: poll(0) is quick, so why not ask all the time?"""

CAUGHT_BY = "patience"
MESSAGE = """\
wrong: _patience(), when nothing is ready, and no timer is set
  expected: None
  got:      0
A loop that never sleeps keeps a core busy and does nothing with it.
"""


class Loop:
    def _patience(self):
        return 0
