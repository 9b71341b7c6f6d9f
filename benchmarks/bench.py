"""Ours and its peers, side by side in one run.

    python benchmarks/bench.py                         everything, as `make bench`
    python benchmarks/bench.py --rounds 3 --only ours,tornado --skip echo,tasks
    make bench BEFORE=v1                               and ours as it was at that commit

The server has one core and the load generator another. Every server is up during the
whole run, and is asked in turns, in rounds: what disturbs the machine disturbs all of
them, and the median of the rounds counts. At these speeds the load generator is often
the first to be full. So what we compare is the *server's CPU time per request*, user
and system, as the kernel counts it for the process and all its children.

wrk sends the same few bytes again and again, which flatters a server that remembers. So
a second scenario asks as a browser does, with thirteen headers, some of which change
from request to request: no memory helps there.
"""

import argparse
import json
import sys
import time
from pathlib import Path
from statistics import median

import tasks
from load import REQUEST, Measured, answer_size, ask, wrk
from machine import Failed, about, compile_c, need, running
from peers import APPS, ECHO, HELLO, HERE, Peer, before

SCENARIOS = "hello", "browser", "echo", "latency", "tasks"

# A WebSocket's handshake; then a text message of 13 bytes, masked with zeros.
OPENING = (
    b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: Upgrade\r\n"
    b"Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
    b"Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"
)
MESSAGE = b"\x81\x8d\x00\x00\x00\x00Hello, world!"
ECHOED = len(b"\x81\x0dHello, world!")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=2, help="of one round")
    parser.add_argument("--only", default="", help="peers, by name: ours,tornado")
    parser.add_argument("--skip", default="", help=f"of {', '.join(SCENARIOS)}")
    parser.add_argument("--before", type=Path, help="an older checkout, its C built")
    parser.add_argument("--save", action="store_true", help="into benchmarks/results")
    options = parser.parse_args()
    only = {name for name in options.only.split(",") if name}
    skip = {name for name in options.skip.split(",") if name}
    try:
        peers = HELLO + (before(options.before.resolve()) if options.before else [])
        results = measure(peers, options.rounds, options.seconds, only, skip)
    except Failed as error:
        print(f"bench: {error}", file=sys.stderr)
        return 2
    report = as_markdown(results)
    print(report)
    if options.save:
        save(results, report)
    return 0


def measure(
    hello: list[Peer], rounds: int, seconds: float, only: set[str], skip: set[str]
) -> dict:
    """Everything that is not skipped, as JSON takes it; `hello`: who says that."""
    need("wrk", "wrk")
    compile_c(APPS / "epoll.c", "epoll")
    tool = compile_c(HERE / "ask.c", "ask")
    results: dict = {"rounds": rounds, "seconds": seconds}

    def chosen(peers: list[Peer]) -> list[Peer]:
        return [peer for peer in peers if not only or peer.name in only]

    print("hello ...", flush=True)
    with running(chosen(hello)) as servers:
        for name, script in ("hello", None), ("browser", HERE / "browser.lua"):
            if name not in skip:

                def one(server, script=script):
                    return wrk(server, seconds, script)

                results[name] = in_rounds(servers, one, rounds)
        if "latency" not in skip:
            pair = {k: v for k, v in servers.items() if k in LATENCY}
            results["latency"] = latency(pair, tool, rounds, seconds)
    if "echo" not in skip:
        print("echo ...", flush=True)
        with running(chosen(ECHO)) as servers:

            def one(server):
                return ask(server, tool, seconds, 0, MESSAGE, ECHOED, OPENING)

            results["echo"] = in_rounds(servers, one, rounds)
    if "tasks" not in skip:
        print("tasks ...", flush=True)
        results["tasks"] = tasks.measure(rounds)
    # At the end, since the load average should be that of the run.
    results["about"] = {"date": time.strftime("%Y-%m-%d"), **about()}
    return results


def in_rounds(servers: dict, one, rounds: int) -> dict[str, dict[str, float]]:
    """Measure each server once a round; return the medians, after a round to warm."""
    found: dict[str, list[Measured]] = {name: [] for name in servers}
    for turn in range(rounds + 1):
        for name, server in servers.items():
            measured = one(server)
            if turn:
                found[name].append(measured)
        print(f"  round {turn} of {rounds}", flush=True)
    return {name: medians(measured) for name, measured in found.items()}


def medians(measured: list[Measured]) -> dict[str, float]:
    """The median of each number, without those that were not taken."""
    names = [name for name in ("rate", "cpu", "p50", "p99") if vars(measured[0])[name]]
    return {
        name: round(median(getattr(m, name) for m in measured), 2) for name in names
    }


LATENCY = "ours", "ours + C", "uvicorn uvloop"


def latency(servers: dict, tool: Path, rounds: int, seconds: float) -> dict:
    """p50 and p99 at half of what uvicorn can do, the same rate for all.

    Without uvicorn, at half of what the slowest can.
    """
    sizes = {name: answer_size(server) for name, server in servers.items()}

    def at(rate: float):
        def one(server):
            size = sizes[server.peer.name]
            return ask(server, tool, seconds, rate, REQUEST, size)

        return one

    full = in_rounds(servers, at(0), 1)
    slowest = min(result["rate"] for result in full.values())
    most = full.get("uvicorn uvloop", {"rate": slowest})["rate"]
    found = in_rounds(servers, at(most / 2), rounds)
    return {"rate": round(most / 2), "peers": found}


def as_markdown(results: dict) -> str:
    """The results as tables to read."""
    about_machine = ", ".join(f"{k} {v}" for k, v in results["about"].items())
    how = f"Medians of {results['rounds']} rounds of {results['seconds']:g} s."
    lines = ["# Side by side", "", f"{how} {about_machine}.", ""]
    titles = {
        "hello": "13-byte response, 64 keep-alive connections",
        "browser": "the same, thirteen headers that change with every request",
        "echo": "WebSocket echo, 13 bytes, 64 connections",
    }
    for name, title in titles.items():
        if name in results:
            lines += table(title, results[name])
    if "latency" in results:
        rate, peers = results["latency"]["rate"], results["latency"]["peers"]
        title = f"Latency at {rate:,} requests/s, open loop (half of uvicorn's most)"
        lines += [f"## {title}", "", "| | p50 µs | p99 µs |", "|---|---:|---:|"]
        lines += [
            f"| {n} | {m['p50']:.0f} | {m['p99']:.0f} |" for n, m in peers.items()
        ]
        lines.append("")
    if "tasks" in results:
        lines += ["## Tasks, ns of CPU", "", "| | ours | asyncio |", "|---|---:|---:|"]
        for what, of in results["tasks"].items():
            lines.append(f"| {what} | {of['ours']:.0f} | {of['asyncio']:.0f} |")
        lines.append("")
    return "\n".join(lines)


def table(title: str, results: dict[str, dict[str, float]]) -> list[str]:
    """A table of peers, the cheapest first; `× ours` is their cost against ours."""
    ours = results.get("ours", {}).get("cpu")
    lines = [f"## {title}", "", "| | per second | server CPU µs | × ours |"]
    lines += ["|---|---:|---:|---:|"]
    for name, of in sorted(results.items(), key=lambda item: item[1]["cpu"]):
        ratio = f"{of['cpu'] / ours:.2f}" if ours else ""
        lines.append(f"| {name} | {of['rate']:,.0f} | {of['cpu']:.1f} | {ratio} |")
    return [*lines, ""]


def save(results: dict, report: str) -> None:
    """Keep the results, for the book to print."""
    folder = HERE / "results"
    folder.mkdir(exist_ok=True)
    (folder / "bench.json").write_text(json.dumps(results, indent=1) + "\n")
    (folder / "bench.md").write_text(report + "\n")


if __name__ == "__main__":
    sys.exit(main())
