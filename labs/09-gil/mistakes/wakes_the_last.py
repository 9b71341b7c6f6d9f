"""Takes the waiters from the wrong end."""

CAUGHT_BY = "in_order"
MESSAGE = """\
wrong: pigazivu, taga, kabu, lizami, ratirute, kozaro sleep, in this order; woken by notify()
  expected: ['pigazivu']
  got:      ['kozaro']
"""


class Condition:
    def notify(self, n=1):
        self._check_owned()
        for _ in range(min(n, len(self._waiting))):
            self._waiting.pop().release()
