"""The event loop: one thread that waits for many things at once.

A thread that calls recv(2) sleeps until that one socket has data. The kernel can also
be asked about thousands of descriptors in one call, and answers with those that are
ready. A loop asks, calls what was waiting, and asks again; between two questions it
looks at its timers and at what other threads have left for it. All else in this
package's neighbours is a callback of this loop, or a coroutine that one of them steps.

poller      the question: epoll, kqueue or select behind one face
eventloop   the turns of the loop: callbacks, timers, other threads, signals
"""

from dustdevil import homes, lazy_names

HOMES = homes(
    poller="ERROR EpollPoller HANGUP KqueuePoller Poller RDHUP READ Ready SelectPoller "
    "WRITE default_poller",
    eventloop="Loop OnReady Timer running_loop until_ready",
)

__all__ = sorted(HOMES)
__getattr__ = lazy_names(__name__, HOMES)
