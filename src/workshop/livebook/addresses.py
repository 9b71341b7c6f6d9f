"""Names and addresses: which of them stand for this machine alone, and where we are.

Apart from security.py because the command's options are checked with it before any
module of the stack is imported.
"""

import ipaddress
import socket
from typing import NamedTuple


class Place(NamedTuple):
    """Where the book is served."""

    host: str  # as of --host
    port: int
    base: str  # the path, "" or such as "/dd"
    tls: bool

    def __str__(self) -> str:
        """The address for a browser, which can't open "all addresses"."""
        host = socket.gethostname() if is_everywhere(self.host) else self.host
        host = f"[{host}]" if ":" in host else host
        return f"{'https' if self.tls else 'http'}://{host}:{self.port}{self.base}/"


def is_address(name: str) -> bool:
    """Whether it is an IP address and not a name."""
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


def is_loopback(name: str) -> bool:
    """Whether it stands for this machine, reached from itself."""
    if is_address(name):
        return ipaddress.ip_address(name).is_loopback
    return name.lower() == "localhost"


def is_everywhere(name: str) -> bool:
    """Whether to listen at it is to listen at all addresses of this machine."""
    return not name or (is_address(name) and ipaddress.ip_address(name).is_unspecified)


def without_port(host: str) -> str:
    """The name or address in a Host header, in small letters, without brackets."""
    name, colon, port = host.rpartition(":")
    return (name if colon and port.isdigit() else host).strip("[]").lower()
