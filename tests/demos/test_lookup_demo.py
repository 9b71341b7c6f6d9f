"""The demo that looks names up, as a program, with a name server of ours."""

import re
import socket
import subprocess
import sys
import threading
from contextlib import contextmanager

import pytest

from dustdevil.loop import Loop
from support.name_server import NameServer
from support.places import ROOT

pytest.importorskip("pycares")

PROGRAM = ROOT / "demos" / "lookup.py"


@contextmanager
def name_server(table):
    loop = Loop()
    server = NameServer(loop, table)
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    try:
        yield server.address
    finally:
        loop.call_from_thread(loop.stop)
        thread.join()
        server.close()
        loop.close()


def run(*arguments):
    return subprocess.run(
        [sys.executable, PROGRAM, *arguments],
        capture_output=True,
        text=True,
        timeout=30,
    )


def test_names_are_looked_up_side_by_side():
    table = {
        "one.test": ([(socket.AF_INET, "10.0.0.1")], 60),
        "two.test": ([(socket.AF_INET, "10.0.0.2"), (socket.AF_INET6, "fd00::2")], 60),
    }
    with name_server(table) as address:
        done = run("one.test", "two.test", "localhost", "10.1.1.1", "--server", address)
        assert (done.returncode, done.stderr) == (0, "")
        lines = sorted(re.sub(r" \([\d.]+ ms\)", "", done.stdout).splitlines())
        assert lines[:2] == ["10.1.1.1: 10.1.1.1", lines[1]]
        assert re.fullmatch(r"localhost: .*(127\.0\.0\.1|::1).*", lines[1])
        assert lines[2] == "one.test: 10.0.0.1"
        assert set(lines[3].removeprefix("two.test: ").split(", ")) == {
            "10.0.0.2",
            "fd00::2",
        }
        done = run("one.test", "none.test", "--server", address)
    assert done.returncode == 1
    assert "one.test: 10.0.0.1" in done.stdout
    assert done.stderr.startswith("can't look up 'none.test': ")
    assert done.stderr.count("\n") == 1


def test_it_wants_a_name():
    done = run()
    assert done.returncode == 2
    assert "NAME" in done.stderr
