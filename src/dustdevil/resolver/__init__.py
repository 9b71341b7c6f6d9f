"""Names: looked up without stopping the loop, and connected to.

getaddrinfo(3) blocks, for seconds where a name server does not answer. Either a library
that speaks DNS on our loop's sockets does the work, or a thread waits. A name often
stands for several addresses, some of which do not answer, so that connecting to it is a
race with head starts (RFC 8305).

lookup      the two ways to ask: c-ares on the loop, getaddrinfo in a thread
names       the resolver with its cache, and connecting to a name
"""

from dustdevil import homes, lazy_names

HOMES = homes(
    lookup="Answer choose_lookup",
    names="Address Resolver alternate connect race to_ascii",
)

__all__ = sorted(HOMES)
__getattr__ = lazy_names(__name__, HOMES)
