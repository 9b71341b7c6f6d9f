"""Does it pay to read into blocks of our own, rather than let recv() allocate?

    python benchmarks/buffers.py [--save]

Four ways to read what a socket has, as a stream does it: at most 64 KiB a call, and
in the end an object of type bytes, which is what a protocol takes.

    recv          sock.recv(65536): CPython allocates 64 KiB, and shrinks that
    one buffer    recv_into() a buffer that stays, and a copy of what came
    block         allocate a block, recv_into(), a copy, release
    block, kept   the same without the copy, for who can work on a memoryview

Processor time, in microseconds a read; sending is not counted. Rounds take turns, and
the median counts. Then the memory that stays after a burst of 20,000 buffers from 500
to 30,000 bytes, bytearrays or blocks, of which none is kept, or some are; and what is
left of it after malloc_trim(0), by which the C library gives back what it can.
"""

import ctypes
import gc
import multiprocessing
import os
import platform
import random
import socket
import sys
from pathlib import Path
from statistics import median
from time import process_time

from dustdevil.memory import Allocator

CHUNK = 65536
SIZES = (100, 1500, 16384, 65536)
READS, ROUNDS = 500, 21
BURST = 20_000
SURVIVORS = {
    "none kept": lambda number: False,
    "1 in 100 kept": lambda number: number % 100 == 0,
    "last 200 kept": lambda number: number >= BURST - 200,
}
RESULT = Path(__file__).parent / "results" / "buffers.txt"

allocator = Allocator()
buffer = memoryview(bytearray(CHUNK))


def recv(sock):
    return sock.recv(CHUNK)


def one_buffer(sock):
    count = sock.recv_into(buffer)
    return bytes(buffer[:count])


def block(sock):
    with allocator.allocate(CHUNK) as block:
        count = sock.recv_into(block.view)
        return bytes(block.view[:count])


def block_kept(sock):
    block = allocator.allocate(CHUNK)
    sock.recv_into(block.view)
    block.release()


WAYS = {"recv": recv, "one buffer": one_buffer, "block": block}
WAYS["block, kept"] = block_kept


def time_of(read, size):
    """Microseconds of processor time a read of so many bytes."""
    ours, theirs = socket.socketpair()
    data = bytes(size)
    used = 0.0
    with ours, theirs:
        ours.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 * CHUNK)
        for _ in range(READS):
            theirs.sendall(data)
            start = process_time()
            read(ours)
            used += process_time() - start
    return 1e6 * used / READS


def resident(statm):
    """KiB of memory that this process holds; takes none from malloc to find out."""
    return int(os.pread(statm, 100, 0).split()[1]) * os.sysconf("SC_PAGE_SIZE") // 1024


def burst(allocate, survives, out):
    """What a burst leaves, in KiB: at its height, after it, trimmed, and in use."""
    chance = random.Random(1)
    gc.collect()
    statm = os.open("/proc/self/statm", os.O_RDONLY)
    before = resident(statm)
    # Nothing but buffers may come to lie at the end of the heap, or it could not
    # shrink: no list that is moved as it grows, and no file that is opened meanwhile.
    held = [None] * BURST
    for number in range(BURST):
        held[number] = allocate(chance.choice((500, 2000, 8000, 30000)))
    height = resident(statm) - before
    for number, one in enumerate(held):
        if not survives(number):
            held[number] = None
            if hasattr(one, "release"):
                one.release()
    del one
    after = resident(statm) - before
    ctypes.CDLL(None).malloc_trim(0)
    trimmed = resident(statm) - before
    in_use = sum(len(one) for one in held if one) // 1024
    out.put((height, after, trimmed, in_use))
    out.close()
    out.join_thread()
    os._exit(0)


def touched(size):
    data = bytearray(size)
    data[::1024] = b"x" * len(data[::1024])
    return data


def touched_block(size):
    block = allocator.allocate(size)
    block.view[:] = bytes(size)
    return block


def report():
    yield f"Python {platform.python_version()}, {os.cpu_count()} cores, "
    yield f"load {os.getloadavg()[0]:.1f}\n\n{'bytes':>8}"
    yield "".join(f"{name:>14}" for name in WAYS) + "    ratios to recv\n"
    for size in SIZES:
        times = {name: [] for name in WAYS}
        for _ in range(ROUNDS):
            for name, way in WAYS.items():
                times[name].append(time_of(way, size))
        each = [median(some) for some in times.values()]
        yield f"{size:8}" + "".join(f"{one:14.2f}" for one in each)
        yield "    " + " ".join(f"{one / each[0]:.2f}" for one in each) + "\n"
    yield "\nMiB of a burst                height      after    trimmed     in use\n"
    for which, survives in SURVIVORS.items():
        for name, allocate in ("bytearrays", touched), ("blocks", touched_block):
            out = multiprocessing.Queue()
            arguments = allocate, survives, out
            process = multiprocessing.Process(target=burst, args=arguments)
            process.start()
            told = "".join(f"{one / 1024:11.1f}" for one in out.get())
            process.join()
            yield f"{name + ', ' + which:25}{told}\n"


def main():
    text = ""
    for piece in report():
        print(piece, end="", flush=True)
        text += piece
    if "--save" in sys.argv:
        RESULT.parent.mkdir(exist_ok=True)
        RESULT.write_text(text)


if __name__ == "__main__":
    main()
