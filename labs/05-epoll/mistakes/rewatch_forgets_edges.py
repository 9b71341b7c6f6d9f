"""Passes on the new events, and not that the descriptor is watched for edges."""

CAUGHT_BY = "watches"
MESSAGE = """\
wrong: watch(303, READ), watch(768, WRITE, edge=True), rewatch(303, READ | WRITE), rewatch(768, READ); what the poller is told
  expected: [('register', 303, 1, False), ('register', 768, 4, True), ('modify', 303, 5, False), ('modify', 768, 1, True)]
  got:      [('register', 303, 1, False), ('register', 768, 4, True), ('modify', 303, 5, False), ('modify', 768, 1, False)]
The last entry says whether edges are asked for; rewatch does not change it.
"""


class Loop:
    def rewatch(self, fd, events):
        self.poller.modify(fd, events)
