"""Forgets that there is a smallest block."""

CAUGHT_BY = "rounds_up"
MESSAGE = """\
wrong: size_class(1)
  expected: 512
  got:      1
No block is smaller than SMALLEST.
"""


def size_class(size):
    return 1 << (size - 1).bit_length()
