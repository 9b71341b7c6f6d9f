"""The benchmark of many connections, with few of them: is each part of it there?"""

import json
import resource
import shutil
import subprocess
import sys
from functools import partial

import pytest

from support.places import ROOT

BENCHMARKS = ROOT / "benchmarks"
sys.path.insert(0, str(BENCHMARKS))

import scale  # noqa: E402
import timers  # noqa: E402
from idle import Crowd, sizes  # noqa: E402
from machine import Failed, Server  # noqa: E402
from peers import Peer, ours  # noqa: E402

CONNECTIONS, LISTENERS, TIMERS, SERVER = 100, 50, 1000, "hello_dustdevil:app"
pytestmark = pytest.mark.skipif(
    sys.platform != "linux", reason="reads memory and processor time as Linux has them"
)


def run(*options, **more):
    """`make bench-scale`, in a process of its own."""
    command = [sys.executable, BENCHMARKS / "scale.py", *map(str, options)]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, **more)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Where the results of a run are."""
    if not (shutil.which("cc") or shutil.which("gcc")):
        pytest.skip("no C compiler here, and the load generator is in C")
    folder = tmp_path_factory.mktemp("results")
    much = "--connections", CONNECTIONS, "--listeners", LISTENERS, "--timers", TIMERS
    less = "--rounds", 1, "--seconds", 0.3, "--rate", 300, "--only", "ours"
    done = run(*much, *less, "--save", folder)
    assert done.returncode == 0, done.stderr
    # It tells how far it is, and then what is in the file too.
    assert "round 1 of 1" in done.stdout
    assert (folder / "scale.md").read_text() in done.stdout
    return folder


@pytest.fixture
def results(folder):
    return json.loads((folder / "scale.json").read_text())


def test_what_an_idle_connection_holds(results):
    assert list(results["idle"]) == ["ours"]
    assert 0 < results["idle"]["ours"]["KiB"] < 10


def test_how_long_requests_take_alone_and_beside_idle_ones(results):
    of = results["idle"]["ours"]
    for where in "alone", "beside":
        assert 0 < of["p50"][where] <= of["p99"][where]


def test_what_one_connection_more_costs(results):
    accept = results["idle"]["ours"]["accept"]
    assert list(accept) == ["0", "10", "100"]
    assert all(cost > 0 for cost in accept.values())


def test_what_a_timer_costs_ours_and_theirs(results):
    assert list(results["timers"]) == ["ours", "asyncio"]
    for of in results["timers"].values():
        assert list(of) == ["10", "100", "1000"]
        for costs in of.values():
            assert list(costs) == ["add", "cancel", "fire", "longest ms"]
            assert all(cost > 0 for cost in costs.values())


@pytest.mark.parametrize("kind", [timers.Ours, timers.Theirs])
def test_timers_are_cancelled_and_called(kind):
    one, called = kind(), []
    late = [one.loop.call_later(0, called.append, n) for n in range(3)]
    assert timers.cancelling(one, late) > 0
    assert timers.firing(one, 5) > 0
    assert not called
    one.close()


def test_one_message_reaches_all_who_listen(results):
    chat = results["chat"]
    assert chat["heard"] == chat["listeners"] == LISTENERS
    assert 0 < chat["first"] <= chat["last"]
    assert chat["KiB each"] > 0


def test_the_report_has_every_part(folder, results):
    report = (folder / "scale.md").read_text()
    titles = [line for line in report.splitlines() if line.startswith("#")]
    assert titles == [
        "# Much of everything",
        "## 100 idle connections",
        "## One connection more",
        "## Timers",
        "## The chat: one message to many long polls",
    ]
    assert results["about"]["python"] in report
    assert f"| 50 | 50 | {results['chat']['KiB each']:.2f} |" in report


def test_a_message_that_one_did_not_hear_is_told(monkeypatch):
    heard = iter([LISTENERS, LISTENERS - 1, LISTENERS])
    monkeypatch.setattr(scale, "run", lambda _: {"heard": next(heard)})
    assert scale.chat(LISTENERS, 3)["heard"] == LISTENERS - 1


def test_a_server_that_lets_idle_connections_go_is_found_out():
    scale.BUILD.mkdir(exist_ok=True)
    hasty = Peer("hasty", ours(SERVER, "--idle-timeout", "0.05"))
    with Server(hasty) as server:
        crowd = Crowd(server)
        crowd.grow(1)
        assert crowd.socks[0].recv(1) == b""
        with pytest.raises(Failed, match="hasty let an idle connection go"):
            crowd.check()
        crowd.close()


def test_the_accepts_are_counted_at_none_a_tenth_and_all():
    assert sizes(10_000) == [0, 1000, 10_000]


def test_too_few_descriptors_is_one_clear_line():
    few = partial(resource.setrlimit, resource.RLIMIT_NOFILE, (64, 64))
    done = run("--only", "ours", preexec_fn=few)
    assert done.returncode == 2
    [line] = done.stderr.splitlines()
    assert line.startswith("scale: 11,200 descriptors are needed, and only 64 may be")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--only", "nobody"), "--only nobody: there are nginx, ours, ours + C,"),
        (("--skip", "lunch"), "--skip lunch: there are idle, timers, chat"),
    ],
)
def test_a_wrong_name_is_told(options, message):
    done = run(*options)
    assert done.returncode == 2
    assert message in done.stderr
