"""An extension in C, and the same in Python: what is worth writing twice.

A few functions are called for every request or every byte, do nothing but look at
bytes, and are many times as fast in C: reading the head of a request, unmasking a
WebSocket frame, a signature of 64 bits. Each has a twin in Python that says what the C
must mean, and serves where there is no compiler. The rest of the stack asks here, and
does not know which of the two answers.

pure        the functions in Python
choice      which of the two serves, and why
_speedups   the functions in C
"""

from dustdevil import homes, lazy_names

HOMES = homes(
    pure="Fields Found framing_fields",
    choice="STATUS apply_mask fs64 split_head",
)

__all__ = sorted(HOMES)
__getattr__ = lazy_names(__name__, HOMES)
