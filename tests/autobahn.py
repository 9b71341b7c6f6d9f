"""Autobahn's fuzzing client against our WebSockets, every case: `make autobahn`.

The suite is the judge that WebSocket implementations have in common: some five hundred
cases, from an empty frame to megabytes of compressed fragments. It is a program for
Python 2.7, so it gets a folder of its own and an interpreter that the caller names:

    make autobahn PYTHON2=python2.7
    make autobahn PYTHON2=python2.7 CASES="12.* 13.*"

The exit code is 0 if every case passed. The report is in build/autobahn/report.
"""

import argparse
import json
import shutil
import subprocess
import sys
import threading
from collections import Counter
from pathlib import Path

from dustdevil.http import Server
from dustdevil.loop import Loop
from dustdevil.web import Application
from dustdevil.websocket import websocket
from support.places import ROOT

BUILD = ROOT / "build" / "autobahn"
SUITE = "autobahntestsuite==0.8.2"
WSTEST = """
import site, sys
site.addsitedir(sys.argv.pop(1))
from autobahntestsuite.wstest import run
run()
"""
# Where the standard leaves a choice, Autobahn reports what was chosen: INFORMATIONAL.
# NON-STRICT is a choice that it would rather not see.
PASSED = {"OK", "INFORMATIONAL"}

app = Application()


@app.get("/")
@websocket(max_frame="16 MiB", max_message="16 MiB")
async def echo(request, ws):
    async for message in ws:
        await ws.send(message)


def install(python: str) -> Path:
    """Put the suite into its folder, once; return that. Exits where it can't be had."""
    folder = BUILD / "suite"
    check = [python, "-c", "import sys; sys.exit(sys.version_info[:2] != (2, 7))"]
    if not shutil.which(python) or subprocess.run(check).returncode:
        sys.exit(
            f"Autobahn's suite needs Python 2.7, and {python!r} is none:"
            " name one with make autobahn PYTHON2=/path/to/python2.7"
        )
    if not (folder / "installed").exists():
        print(f"Installing {SUITE} (once) ...", flush=True)
        pip = [python, "-m", "pip", "install", "--quiet", "--target", str(folder)]
        if subprocess.run([*pip, SUITE]).returncode:
            sys.exit(f"{SUITE} could not be installed")
        (folder / "installed").touch()
    return folder


def run(python: str, suite: Path, cases: list[str]) -> dict[str, str]:
    """Serve, and let the fuzzing client loose; return what it says to each case."""
    loop = Loop()
    server = Server(app, loop=loop)
    url = f"ws://127.0.0.1:{server.listen(port=0)}"
    server.start()
    report = BUILD / "report"
    shutil.rmtree(report, ignore_errors=True)
    spec = BUILD / "spec.json"
    spec.write_text(
        json.dumps(
            {
                "outdir": str(report),
                "servers": [{"agent": "dustdevil", "url": url}],
                "cases": cases,
                "exclude-cases": [],
                "exclude-agent-cases": {},
            }
        )
    )
    command = [python, "-c", WSTEST, str(suite), "-m", "fuzzingclient", "-s", str(spec)]

    def judge() -> None:
        try:
            subprocess.run(command, stdout=subprocess.DEVNULL, cwd=BUILD)
        finally:
            loop.call_from_thread(loop.stop)

    thread = threading.Thread(target=judge)
    thread.start()
    loop.run_forever()
    thread.join()
    loop.run(server.stop(1))
    loop.close()
    index = report / "index.json"
    if not index.exists():
        sys.exit("the suite wrote no report")
    found = json.loads(index.read_text())["dustdevil"]
    return {
        case: max((said["behavior"], said["behaviorClose"]), key=worst)
        for case, said in found.items()
    }


def worst(behaviour: str) -> int:
    """The order in which of two verdicts the second one counts."""
    order = ["OK", "INFORMATIONAL", "NON-STRICT", "UNIMPLEMENTED"]
    return order.index(behaviour) if behaviour in order else len(order)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--python2", default="python2.7")
    parser.add_argument("cases", nargs="*", default=["*"])
    options = parser.parse_args()
    BUILD.mkdir(parents=True, exist_ok=True)
    suite = install(options.python2)
    verdicts = run(options.python2, suite, options.cases or ["*"])
    failed = {case: said for case, said in verdicts.items() if said not in PASSED}
    for case, said in failed.items():
        print(f"{case}: {said}")
    counts = Counter(verdicts.values())
    print(
        f"{len(verdicts)} cases: "
        + ", ".join(f"{count} {said}" for said, count in counts.most_common())
    )
    return 1 if failed or not verdicts else 0


if __name__ == "__main__":
    sys.exit(main())
