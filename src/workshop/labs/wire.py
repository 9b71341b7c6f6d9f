"""A client for the checks that writes down what went over the wire."""

import socket


class Client:
    """A blocking TCP connection that remembers its bytes, in both directions."""

    def __init__(self, address: tuple[str, int], name: str, by_hand: str) -> None:
        self.name, self.by_hand = name, by_hand
        self.exchange: list[tuple[str, bytes]] = []
        self.sock = socket.create_connection(address)

    def send(self, data: bytes) -> None:
        """Send all of `data`."""
        self.exchange.append(("sent", data))
        self.sock.sendall(data)

    def receive(self, size: int, seconds: float = 1.0) -> bytes:
        """Return `size` bytes, or what came before the end or the time limit."""
        self.sock.settimeout(seconds)
        data = b""
        try:
            while len(data) < size and (more := self.sock.recv(size - len(data))):
                data += more
            ending = b"" if len(data) == size else b" [connection closed]"
        except TimeoutError:
            ending = f" [nothing more in {seconds:g} s]".encode()
        except ConnectionResetError:
            ending = b" [connection reset]"
        self.exchange.append(("received", data + ending))
        return data

    def close(self) -> None:
        self.sock.close()

    def transcript(self) -> list[str]:
        """One line for what went over the wire at a time."""
        return [f"{self.name} {way}: {shorten(data)}" for way, data in self.exchange]


def shorten(data: bytes, limit: int = 120) -> str:
    """`data` as a bytes literal, with the middle left out if it is long."""
    if len(data) <= limit:
        return repr(data)
    half = limit // 2
    return f"{data[:half]!r} … {data[-half:]!r} ({len(data):,} bytes)"
