"""A client for the checks that writes down what went over the wire."""

import socket


class Client:
    """A blocking TCP connection that remembers its bytes, in both directions."""

    def __init__(self, address: tuple[str, int], by_hand: str) -> None:
        self.by_hand = by_hand.format(port=address[1])
        self.exchange: list[tuple[str, bytes]] = []
        self.sock = socket.create_connection(address)

    def send(self, data: bytes) -> None:
        """Send all of `data`."""
        self.exchange.append(("sent", data))
        self.sock.sendall(data)

    def receive(self, size: int, seconds: float = 2.0) -> bytes:
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
        """One line for each direction of each exchange, then the command line."""
        lines = [f"{way}: {shorten(data)}" for way, data in self.exchange]
        return [*lines, f"by hand: {self.by_hand}"]


def shorten(data: bytes, limit: int = 120) -> str:
    """`data` as a bytes literal, with the middle left out if it is long."""
    if len(data) <= limit:
        return repr(data)
    half = limit // 2
    return f"{data[:half]!r} … {data[-half:]!r} ({len(data):,} bytes)"
