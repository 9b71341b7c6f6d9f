"""A name server at a loopback port."""

import socket
import struct

from dustdevil.loop import READ

V4, V6 = socket.AF_INET, socket.AF_INET6
TYPES = {1: V4, 28: V6}


class NameServer:
    """Answers A and AAAA from a table {name: (addresses, ttl)}, on our loop.

    `lose` is how many queries get no answer; `held` keeps queries until `release()`.
    """

    def __init__(self, loop, table):
        self.loop, self.table = loop, table
        self.asked, self.lose, self.hold, self.held = [], 0, False, []
        self.sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.sock.bind(("127.0.0.1", 0))
        self.sock.setblocking(False)
        self.address = f"127.0.0.1:{self.sock.getsockname()[1]}"
        loop.watch(self.sock.fileno(), READ, self.on_query)

    def close(self):
        self.loop.unwatch(self.sock.fileno())
        self.sock.close()

    def on_query(self, _):
        query, peer = self.sock.recvfrom(4096)
        if self.lose:
            self.lose -= 1
        elif self.hold:
            self.held.append((query, peer))
        else:
            self.answer(query, peer)

    def release(self):
        self.hold = False
        for query, peer in self.held:
            self.answer(query, peer)

    def answer(self, query, peer):
        end, labels = 12, []
        while query[end]:
            labels.append(query[end + 1 : end + 1 + query[end]].decode())
            end += 1 + query[end]
        [kind] = struct.unpack("!H", query[end + 1 : end + 3])
        question = query[12 : end + 5]
        name = ".".join(labels).lower()
        self.asked.append((name, kind))
        addresses, ttl = self.table.get(name, ([], 0))
        records = [
            b"\xc0\x0c" + struct.pack("!HHIH", kind, 1, ttl, len(packed)) + packed
            for family, host in addresses
            if family == TYPES[kind]
            for packed in [socket.inet_pton(family, host)]
        ]
        code = 0 if name in self.table else 3  # NXDOMAIN
        head = query[:2] + struct.pack("!HHHHH", 0x8180 | code, 1, len(records), 0, 0)
        self.sock.sendto(head + question + b"".join(records), peer)
