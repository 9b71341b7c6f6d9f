"""Calls the class anew for each of its methods.

What get() keeps in self is then out of sight for post().
"""

CAUGHT_BY = "a_class_answers"
MESSAGE = """\
wrong: how many objects of the class were made for three methods
  expected: 1
  got:      3
What one request leaves in self, the next one should find.
"""


def handlers_of(handler, methods):
    if isinstance(handler, type):
        if methods is not None:
            raise ValueError("a class says by its methods what it does")
        found = {
            method: getattr(handler(), method.lower())
            for method in METHODS
            if hasattr(handler, method.lower())
        }
        if not found:
            raise ValueError("no get(), post(), … in this class")
        return found
    wanted = ["GET"] if methods is None else [method.upper() for method in methods]
    if not set(wanted) <= set(METHODS):
        raise ValueError(f"unknown methods in {wanted}")
    return dict.fromkeys(wanted, handler)
