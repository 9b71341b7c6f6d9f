"""Rounds to the nearest power of two, down as well as up."""

CAUGHT_BY = "rounds_up"
MESSAGE = """\
wrong: size_class(4097)
  expected: 8192
  got:      4096
One byte more does not fit.
"""


def size_class(size):
    lower = 1 << (size.bit_length() - 1)
    nearest = lower if size - lower < 2 * lower - size else 2 * lower
    return max(SMALLEST, nearest)
