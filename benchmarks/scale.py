"""How ours and its peers take it when there is much of everything: `make bench-scale`.

    python benchmarks/scale.py                         everything, as `make bench-scale`
    python benchmarks/scale.py --connections 1000 --only ours,nginx --skip chat

Ten thousand connections that ask for nothing (idle.py): what memory each holds, how
long requests beside them take, and what it costs to accept one more. A hundred thousand
timers (timers.py): what one costs among them. Ten thousand listeners of the chat
(demos/chat/crowd.py): whether one message reaches all of them, and when.
"""

import argparse
import json
import os
import resource
import subprocess
import sys
import time
from pathlib import Path
from statistics import median
from typing import Any

import idle
from machine import SERVER_CORE, Failed, about, compile_c, pinned
from peers import BUILD, HERE, PYTHON, SOURCE

SCENARIOS = "idle", "timers", "chat"
NAMES = [peer.name for peer in idle.PEERS]
SPARE = 200  # descriptors for all but the many connections

TIMERS = "import json, timers; print(json.dumps(timers.measure({})))"
CHAT = "import json; from demos.chat.crowd import crowd; print(json.dumps(crowd({})))"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--connections", type=int, default=10_000, help="that are idle")
    parser.add_argument("--timers", type=int, default=100_000, help="that are pending")
    parser.add_argument("--listeners", type=int, default=10_000, help="of the chat")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=2, help="of one round")
    parser.add_argument("--rate", type=float, default=1000, help="requests a second")
    parser.add_argument("--only", default="", help=f"of {','.join(NAMES)}")
    parser.add_argument("--skip", default="", help=f"of {','.join(SCENARIOS)}")
    parser.add_argument("--realtime", action="store_true", help="before all others")
    parser.add_argument("--save", metavar="FOLDER", nargs="?", type=Path,
                        const=HERE / "results", help="default: benchmarks/results",
                        )  # fmt: skip
    options = parser.parse_args()
    options.only = chosen(parser, "--only", options.only, NAMES) or NAMES
    options.skip = chosen(parser, "--skip", options.skip, SCENARIOS)
    try:
        results = measure(options)
    except Failed as error:
        print(f"scale: {error}", file=sys.stderr)
        return 2
    report = as_markdown(results)
    print(report)
    if options.save:
        options.save.mkdir(exist_ok=True)
        (options.save / "scale.json").write_text(json.dumps(results, indent=1) + "\n")
        (options.save / "scale.md").write_text(report)
    return 0


def chosen(parser, option: str, text: str, known) -> list[str]:
    """The names in "one,other"; an error, and the end, where one is unknown."""
    names = [name for name in text.split(",") if name]
    for name in names:
        if name not in known:
            parser.error(f"{option} {name}: there are {', '.join(known)}")
    return names


def measure(options: argparse.Namespace) -> dict:
    """Everything that is not skipped, as JSON takes it."""
    BUILD.mkdir(exist_ok=True)
    if options.realtime:
        come_first()
    results: dict = {"rounds": options.rounds, "seconds": options.seconds}
    if "idle" not in options.skip:
        raise_limit(int(options.connections * 1.1) + SPARE)  # our ends of two servers'
        tool = compile_c(HERE / "ask.c", "ask")
        results |= {"connections": options.connections, "rate": options.rate}
        results["idle"] = {}
        how = options.connections, options.rounds, options.seconds, options.rate
        for peer in idle.PEERS:
            if peer.name not in options.only:
                continue
            if lacking := peer.missing():
                print(f"without {peer.name}: {', '.join(lacking)} is not here")
                continue
            print(f"{peer.name}, {options.connections:,} connections ...", flush=True)
            results["idle"][peer.name] = idle.measure(peer, tool, *how)
    if "timers" not in options.skip:
        print(f"{options.timers:,} timers ...", flush=True)
        results["timers"] = among_timers(options.timers, options.rounds)
    if "chat" not in options.skip:
        raise_limit(options.listeners + SPARE)
        results["chat"] = chat(options.listeners, options.rounds)
    # At the end, since the load average should be that of the run.
    results["about"] = {"date": time.strftime("%Y-%m-%d"), **about()}
    if options.realtime:
        results["about"]["scheduling"] = "real-time"
    return results


def raise_limit(least: int) -> None:
    """Let this process, and all that it starts, open so many descriptors."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and hard < least:
        raise Failed(
            f"{least:,} descriptors are needed, and only {hard:,} may be open: raise "
            "the hard limit (ulimit -Hn), or take fewer --connections and --listeners"
        )
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, least), hard))


def come_first() -> None:
    """Have this process, and all that it starts, run before all others, sched(7)."""
    try:
        os.sched_setscheduler(0, os.SCHED_RR, os.sched_param(1))
    except PermissionError:
        raise Failed("--realtime is for root, or who has CAP_SYS_NICE") from None


def run(program: str, core: int | None = None) -> dict[str, Any]:
    """Run a program in a process of its own; the JSON that it prints."""
    done = subprocess.run(
        [PYTHON, "-c", program],
        env={**os.environ, "PYTHONPATH": f"{SOURCE}:{HERE}:{HERE.parent}"},
        capture_output=True,
        text=True,
        preexec_fn=None if core is None else pinned(core),
    )
    if done.returncode:
        raise Failed(done.stderr.strip().rpartition("\n")[2] or "a program failed")
    return json.loads(done.stdout)


def medians(found: list[dict[str, float]]) -> dict[str, float]:
    """The median of each number."""
    return {name: median(one[name] for one in found) for name in found[0]}


def among_timers(most: int, rounds: int) -> dict[str, dict[str, dict[str, float]]]:
    """What `timers.measure` found, in the middle of the rounds."""
    found = []
    for turn in range(rounds):
        print(f"  round {turn + 1} of {rounds}", flush=True)
        found.append(run(TIMERS.format(most), SERVER_CORE))
    return {
        whose: {
            pending: medians([one[whose][pending] for one in found])
            for pending in found[0][whose]
        }
        for whose in found[0]
    }


def chat(listeners: int, rounds: int) -> dict[str, float]:
    """What the chat's crowd tells; who heard, of the worst round."""
    found = []
    for turn in range(rounds):
        print(f"chat, {listeners:,} listeners, {turn + 1} of {rounds} ...", flush=True)
        found.append(run(CHAT.format(listeners)))
    return medians(found) | {"heard": min(one["heard"] for one in found)}


# The report


def as_markdown(results: dict) -> str:
    """The results as tables to read."""
    about_machine = ", ".join(f"{k} {v}" for k, v in results["about"].items())
    lines = ["# Much of everything", ""]
    lines += [f"Medians of {results['rounds']} rounds. {about_machine}.", ""]
    if "idle" in results:
        lines += idle_tables(results)
    if "timers" in results:
        lines += timer_table(results["timers"])
    if "chat" in results:
        lines += chat_table(results["chat"])
    return "\n".join(lines)


def idle_tables(results: dict) -> list[str]:
    """What idle connections cost, the lightest first."""
    peers = sorted(results["idle"].items(), key=lambda item: item[1]["KiB"])
    lines = [
        f"## {results['connections']:,} idle connections",
        "",
        "Each asked once and was answered: what it adds to the resident memory of the "
        f"server. Latencies on 64 other connections at {results['rate']:,.0f} requests "
        f"a second, open loop, in rounds of {results['seconds']:g} s: at a server "
        "without idle connections, and beside them.",
        "",
        "| | KiB each | p50 µs alone | beside | p99 µs alone | beside | × |",
        "|---|---:|---:|---:|---:|---:|---:|",
    ]
    for name, of in peers:
        p50, p99 = of["p50"], of["p99"]
        lines.append(
            f"| {name} | {of['KiB']:.2f} | {p50['alone']:.0f} | {p50['beside']:.0f} "
            f"| {p99['alone']:.0f} | {p99['beside']:.0f} "
            f"| {p99['beside'] / p99['alone']:.2f} |"
        )
    open_already = idle.sizes(results["connections"])
    lines += [
        "",
        "## One connection more",
        "",
        "CPU µs of the server for a connection that comes, asks once and goes, when so "
        "many are open already.",
        "",
        "| | " + " | ".join(f"{size:,}" for size in open_already) + " |",
        "|---|" + "---:|" * len(open_already),
    ]
    for name, of in peers:
        costs = (f"{of['accept'][str(size)]:.0f}" for size in open_already)
        lines.append(f"| {name} | {' | '.join(costs)} |")
    return [*lines, ""]


def timer_table(results: dict) -> list[str]:
    """What a timer costs, ours beside asyncio's."""
    lines = [
        "## Timers",
        "",
        "CPU ns to set one, to cancel one, and to call one that is due, when so many "
        "are pending. Cancelled ones are cleared out when they are many: the longest "
        "such pause, in ms.",
        "",
        "| | pending | set | cancel | call | longest ms |",
        "|---|---:|---:|---:|---:|---:|",
    ]
    for whose, sizes in results.items():
        for pending, of in sizes.items():
            costs = f"{of['add']:.0f} | {of['cancel']:.0f} | {of['fire']:.0f}"
            lines.append(
                f"| {whose} | {int(pending):,} | {costs} | {of['longest ms']:.1f} |"
            )
    return [*lines, ""]


def chat_table(of: dict) -> list[str]:
    """How one message reached the listeners."""
    return [
        "## The chat: one message to many long polls",
        "",
        "Memory and CPU are the server's. Seconds from sending the message to the "
        "first and to the last who heard it; their clients are one process of our own.",
        "",
        "| listeners | heard it | KiB each | first, s | last, s | CPU s |",
        "|---:|---:|---:|---:|---:|---:|",
        f"| {of['listeners']:,.0f} | {of['heard']:,} | {of['KiB each']:.2f} "
        f"| {of['first']:.2f} | {of['last']:.2f} | {of['cpu']:.2f} |",
        "",
    ]


if __name__ == "__main__":
    sys.exit(main())
