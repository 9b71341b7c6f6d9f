"""Garbage collection: who frees objects that hold each other, and when.

An object whose count of references comes to zero is freed at once. Objects in a cycle
hold each other's counts up, and something has to look for them. That look stops
everything else for as long as it takes, so a server chooses when: not during a request,
but before the loop goes to sleep.

cycles      how cycles are found, and what keeps an object that should be gone
policy      the server's collector: freeze, collect when idle, measure the pauses
"""

from dustdevil import homes, lazy_names

HOMES = homes(
    cycles="Graph LeakWatch Step shortest_cycle trial_deletion",
    policy="Collector IdlePoller freeze",
)

__all__ = sorted(HOMES)
__getattr__ = lazy_names(__name__, HOMES)
