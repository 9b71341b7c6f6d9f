"""python demos/lookup.py NAME...: look names up, side by side, in coroutines.

The note of 2013 did this with Tornado's CaresResolver, for one name: while it waited,
the loop was free, and had nothing to do. Here all names are asked for at once, and
each is printed when its answer is there.
"""

import argparse
import sys
from time import monotonic

from dustdevil import Loop, gather
from dustdevil.resolver import Resolver


async def look_up(resolver: Resolver, name: str) -> bool:
    """Print the addresses of a name, or why there are none; say whether there are."""
    started = monotonic()
    try:
        addresses = await resolver.resolve(name, 0)
    except OSError as error:
        print(error.strerror, file=sys.stderr, flush=True)
        return False
    took = (monotonic() - started) * 1000
    shown = ", ".join(address.host for address in addresses)
    print(f"{name}: {shown} ({took:.1f} ms)", flush=True)
    return True


async def look_up_all(names: list[str], servers: list[str]) -> bool:
    """Look all of them up; say whether each has an address."""
    resolver = Resolver(servers)
    try:
        return all(await gather(*[look_up(resolver, name) for name in names]))
    finally:
        resolver.close()


def main(arguments: list[str] | None = None) -> int:
    """Run the command; its exit code is 1 if a name has no address."""
    parser = argparse.ArgumentParser(description="Look names up, all at once.")
    parser.add_argument("names", nargs="+", metavar="NAME")
    parser.add_argument(
        "--server",
        action="append",
        default=[],
        metavar="ADDRESS[:PORT]",
        help="a name server to ask; can be given again (default: the system's)",
    )
    options = parser.parse_args(arguments)
    loop = Loop()
    try:
        return 0 if loop.run(look_up_all(options.names, options.server)) else 1
    finally:
        loop.close()


if __name__ == "__main__":
    sys.exit(main())
