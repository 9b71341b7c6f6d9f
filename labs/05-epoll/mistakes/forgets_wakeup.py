"""Puts the call into the queue, and believes that a sleeping loop looks at it."""

CAUGHT_BY = "wakes"
MESSAGE = """\
wrong: call_from_thread() while the loop sleeps in poll()
  expected: poll() returns at once
  got:      it slept on, until we gave up waiting after 2 s
call_soon() only makes the queue longer. A byte must come for the poller to notice.
"""


class Loop:
    def call_from_thread(self, callback, *args):
        self.call_soon(callback, *args)
