"""What the collector's policy does to the slowest requests.

    python benchmarks/collector.py [SECONDS [ROUNDS]]

A server holds a heap of a million objects that live for ever, as a large application
does. Each request makes some garbage in cycles, and keeps something for a while, in a
cache of sessions from which the oldest falls out. A client sends requests at a fixed
rate, on one connection, and takes the time from the moment when a request was due:
one that had to wait behind another has waited, too. Rounds with the interpreter's own
way and with `Collector` take turns.

The first table is for a server that is idle most of the time, the second for one that
never is: eight clients send their next request as soon as they have an answer.
"""

import gc
import multiprocessing
import os
import platform
import socket
import statistics
import sys
import time
from collections import OrderedDict
from contextlib import nullcontext

from dustdevil import Application, Loop, Server
from dustdevil.collector import Collector

HEAP = 1_000_000  # objects that were there before the first request
GARBAGE = 50  # objects in cycles, a request
SESSION = 200  # objects that a request leaves in the cache
SESSIONS = 300  # requests that the cache remembers
RATE = 300  # requests a second
GREEDY = 8  # clients that do not wait
REQUEST = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"


class Node:
    def __init__(self, other=None):
        self.other = other


def serve(pipe, policy):
    heap = [Node([number]) for number in range(HEAP // 2)]
    sessions = OrderedDict()
    app = Application()
    count = 0

    @app.get("/")
    async def handle(request):
        nonlocal count
        count += 1
        for _ in range(GARBAGE // 2):
            node = Node()
            node.other = Node(node)
        sessions[count] = [[number] for number in range(SESSION)]
        if len(sessions) > SESSIONS:
            sessions.popitem(last=False)
        return f"{len(heap)} objects"

    loop = Loop()
    server = Server(app, loop=loop)
    port = server.listen("127.0.0.1", 0)
    server.start()
    loop.watch(pipe.fileno(), 1, lambda events: loop.stop())
    collector = Collector(loop)
    # The other way gets the histogram too, and nothing else.
    with collector if policy else observing(collector):
        pipe.send(port)
        started = time.process_time()
        loop.run_forever()
        used = time.process_time() - started
    pauses = [(histogram.count, histogram.max) for histogram in collector.pauses]
    pipe.send((count, used, pauses))


def observing(collector):
    gc.collect()
    gc.callbacks.append(collector._on_collection)
    return nullcontext()


def ask(port, seconds, rate, out):
    """Latencies in seconds, from when a request was due, or sent where rate is None."""
    latencies = []
    with socket.create_connection(("127.0.0.1", port)) as sock:
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, True)
        due = time.perf_counter()
        end = due + seconds
        while due < end:
            wait = due - time.perf_counter()
            if wait > 0:
                time.sleep(wait)
            sock.sendall(REQUEST)
            sock.recv(4096)
            now = time.perf_counter()
            latencies.append(now - due)
            due = due + 1 / rate if rate else now
    out.put(latencies)


def measure(policy, seconds, clients, rate):
    here, there = multiprocessing.Pipe()
    server = multiprocessing.Process(target=serve, args=(there, policy))
    server.start()
    port = here.recv()
    out = multiprocessing.Queue()
    askers = [
        multiprocessing.Process(target=ask, args=(port, seconds, rate, out))
        for _ in range(clients)
    ]
    for asker in askers:
        asker.start()
    latencies = sorted(one for _ in askers for one in out.get())
    for asker in askers:
        asker.join()
    here.send("stop")
    count, used, pauses = here.recv()
    server.join()
    row = [1e3 * latencies[int(q * len(latencies))] for q in (0.5, 0.99, 0.999)]
    row += [1e3 * latencies[-1], 1e6 * used / count, count / seconds]
    return row, pauses


HEADER = ["p50 ms", "p99 ms", "p99.9 ms", "max ms", "CPU us/req", "req/s"]


def compare(title, seconds, rounds, clients, rate):
    print(f"\n{title}\n")
    print(f"{'':22}" + "".join(f"{name:>12}" for name in HEADER))
    rows = {False: [], True: []}
    pauses = {}
    for _ in range(rounds):
        for policy in rows:
            row, pauses[policy] = measure(policy, seconds, clients, rate)
            rows[policy].append(row)
    for policy, name in (False, "the interpreter's way"), (True, "with Collector"):
        medians = [
            statistics.median(column) for column in zip(*rows[policy], strict=True)
        ]
        print(f"{name:22}" + "".join(f"{value:12.2f}" for value in medians))
    for policy, name in (False, "the interpreter's way"), (True, "with Collector"):
        told = ", ".join(f"{n} up to {1e3 * most:.1f} ms" for n, most in pauses[policy])
        print(f"last round, {name}, generations 0 to 2: {told}")


def main():
    seconds = float(sys.argv[1]) if len(sys.argv) > 1 else 10
    rounds = int(sys.argv[2]) if len(sys.argv) > 2 else 5
    print(
        f"Python {platform.python_version()}, {os.cpu_count()} cores, load "
        f"{os.getloadavg()[0]:.1f}; medians of {rounds} rounds of {seconds:g} s; "
        f"heap of {HEAP:,} objects"
    )
    compare(f"{RATE} requests a second", seconds, rounds, 1, RATE)
    compare(f"{GREEDY} clients that never wait", seconds, rounds, GREEDY, None)


if __name__ == "__main__":
    main()
