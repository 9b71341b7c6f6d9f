"""Keeps the line of step() at the front of every traceback."""

CAUGHT_BY = "begins_with_the_users_line"
MESSAGE = """\
wrong: the functions in the traceback of a failed task of outer()
  expected: ['outer', 'inner']
  got:      ['step', 'outer', 'inner']
outer() awaits inner(), which fails.
"""


def trimmed(error):
    return error
