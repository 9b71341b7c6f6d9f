"""Takes bit_length() of the size itself: a size that is a power of two gets the next."""

CAUGHT_BY = "rounds_up"
MESSAGE = """\
wrong: size_class(4096)
  expected: 4096
  got:      8192
A request that is just a block's size needs no larger one.
"""


def size_class(size):
    return max(SMALLEST, 1 << size.bit_length())
