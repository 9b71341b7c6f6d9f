"""Wakes all who sleep, however many were asked for."""

CAUGHT_BY = "in_order"
MESSAGE = """\
wrong: pigazivu, taga, kabu, lizami, ratirute, kozaro sleep, in this order; woken by notify()
  expected: ['pigazivu']
  got:      ['pigazivu', 'taga', 'kabu', 'lizami', 'ratirute', 'kozaro']
"""


class Condition:
    def notify(self, n=1):
        self._check_owned()
        while self._waiting:
            self._waiting.popleft().release()
