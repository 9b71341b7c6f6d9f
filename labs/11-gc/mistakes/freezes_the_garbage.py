"""Freezes first and collects then: the garbage is frozen, too, and stays for ever."""

CAUGHT_BY = "freezes"
MESSAGE = """\
wrong: a cycle that was garbage before freeze()
  expected: collected
  got:      still there, and frozen: now it will never be collected
"""


def freeze():
    gc.freeze()
    gc.collect()
    return gc.get_freeze_count()
