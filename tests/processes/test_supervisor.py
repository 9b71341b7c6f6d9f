"""What a master decides, without processes: its hands are a list of what they did."""

import pytest

from dustdevil.processes import Backoff, Supervisor, Worker
from dustdevil.processes.supervisor import TRIES


class Effects:
    """Does nothing, and notes what it was asked to do."""

    def __init__(self):
        self.now = 0.0
        self.done = []
        self.timers = []
        self.accepts = {}
        self.pids = 0
        self.no_room = 0

    def time(self):
        return self.now

    def later(self, delay, call, *args):
        self.timers.append((delay, call, args))

    def ring(self):
        """Make all the calls that wait for their time."""
        timers, self.timers = self.timers, []
        for _, call, args in timers:
            call(*args)

    def start(self, slot):
        if self.no_room:
            self.no_room -= 1
            raise BlockingIOError(11, "Resource temporarily unavailable")
        self.pids += 1
        self.done.append(f"start {self.pids} in {slot}")
        return Worker(self.pids, slot, self.now)

    def accept(self, worker, slots):
        self.accepts[worker.pid] = slots

    def leave(self, worker, handed_on):
        self.done.append(f"{'leave' if handed_on else 'finish'} {worker.pid}")

    def kill(self, worker):
        self.done.append(f"kill {worker.pid}")

    def serving(self, generation):
        self.done.append(f"generation {generation}")

    def ended(self):
        self.done.append("ended")

    def take(self):
        done, self.done = self.done, []
        return done


class Crew:
    """A supervisor with its effects, and workers named by their numbers."""

    def __init__(self, count=2, patient=False):
        self.effects = Effects()
        self.supervisor = Supervisor(count, self.effects, patient)

    def worker(self, pid):
        [worker] = [w for w in self.supervisor.workers if w.pid == pid]
        return worker

    def ready(self, *pids):
        for pid in pids:
            self.supervisor.ready(self.worker(pid))

    def ended(self, pid, failure=None, how="was killed by SIGKILL"):
        worker = self.worker(pid)
        worker.failure = failure
        self.supervisor.ended(worker, how)


@pytest.fixture
def crew():
    """Two workers, 1 and 2, that serve."""
    crew = Crew()
    crew.supervisor.reload()
    crew.ready(1, 2)
    crew.effects.take()
    return crew


def test_nobody_accepts_before_all_are_ready():
    crew = Crew(3)
    crew.supervisor.reload()
    crew.ready(3, 1)
    assert crew.effects.accepts == {}
    crew.ready(2)
    assert crew.effects.accepts == {1: [0], 2: [1], 3: [2]}
    started = ["start 1 in 0", "start 2 in 1", "start 3 in 2"]
    assert crew.effects.take() == [*started, "generation 1"]


def test_a_worker_that_was_killed_is_replaced_and_others_look_after_its_sockets(
    crew, caplog
):
    crew.ended(1)
    assert crew.effects.accepts[2] == [1, 0]
    assert crew.effects.timers[0][0] == 0  # the first time it need not wait
    crew.effects.ring()
    assert crew.effects.take() == ["start 3 in 0"]
    assert crew.effects.accepts[2] == [1, 0]
    crew.ready(3)
    assert crew.effects.accepts == {1: [0], 2: [1], 3: [0]}
    assert caplog.messages == [
        "worker 1 was killed by SIGKILL; another one starts in 0 s"
    ]


def test_orphaned_sockets_are_dealt_out_evenly():
    crew = Crew(5)
    crew.supervisor.reload()
    crew.ready(1, 2, 3, 4, 5)
    for pid in (5, 1, 3):
        crew.ended(pid)
    assert crew.effects.accepts[2] == [1, 0, 4]
    assert crew.effects.accepts[4] == [3, 2]


def test_the_pause_grows_and_is_forgotten_after_a_while():
    backoff = Backoff()
    pauses = [backoff.after(1) for _ in range(12)]
    assert pauses[:4] == [0, 0.1, 0.2, 0.4]
    assert pauses[-1] == Backoff.MOST
    assert [backoff.after(Backoff.HEALTHY + 1), backoff.after(0)] == [0, 0.1]
    backoff.crashes = 10_000
    assert backoff.after(0) == Backoff.MOST


def test_a_worker_that_crashes_again_and_again_waits_longer_each_time(crew):
    pauses = []
    for pid in (1, 3, 4, 5):
        crew.ended(pid)
        pauses.append(crew.effects.timers[0][0])
        crew.effects.ring()
        crew.ready(crew.effects.pids)
    assert pauses == [0, 0.1, 0.2, 0.4]


def test_a_reload_is_complete_before_the_old_ones_leave(crew, caplog):
    crew.supervisor.reload()
    crew.ready(4)
    assert crew.effects.take() == ["start 3 in 0", "start 4 in 1"]
    assert 4 not in crew.effects.accepts
    crew.ready(3)
    assert crew.effects.take() == ["leave 1", "leave 2", "generation 2"]
    assert (crew.effects.accepts[3], crew.effects.accepts[4]) == ([0], [1])
    crew.ended(1, how="ended with exit status 0")
    crew.ended(2, how="ended with exit status 0")
    assert crew.effects.timers == []
    assert caplog.messages == []


def test_a_reload_that_can_not_start_leaves_the_old_ones_at_work(crew, caplog):
    crew.supervisor.reload()
    crew.ready(4)
    for pid in (3, 5, 6)[:TRIES]:
        crew.ended(pid, ("Traceback: no", False), "ended with exit status 1")
        crew.effects.ring()
    assert "kill 4" in crew.effects.take()
    assert caplog.messages.count("Traceback: no") == 1
    assert caplog.messages[-1] == "the new workers can't start; the old ones go on"
    crew.ended(4)
    crew.ended(1)  # and are looked after as before
    crew.effects.ring()
    assert crew.effects.take() == [f"start {crew.effects.pids} in 0"]


def test_one_reload_after_another(crew):
    crew.supervisor.reload()
    crew.ready(3)
    crew.supervisor.reload()
    assert crew.effects.take()[2:] == [
        "kill 3",
        "kill 4",
        "start 5 in 0",
        "start 6 in 1",
    ]
    crew.ended(3)
    crew.ended(4)
    crew.ready(5, 6)
    assert crew.effects.take() == ["leave 1", "leave 2", "generation 3"]
    assert crew.effects.timers == []


def test_an_old_worker_that_dies_during_a_reload(crew):
    crew.supervisor.reload()
    crew.ended(1)
    crew.effects.ring()
    crew.ready(5)
    assert crew.effects.accepts[5] == [0]
    crew.ready(3, 4)
    assert crew.effects.take()[-3:] == ["leave 5", "leave 2", "generation 2"]


def test_the_first_workers_are_tried_again_but_not_for_ever(caplog):
    crew = Crew(1)
    crew.supervisor.reload()
    for pid in range(1, TRIES + 1):
        crew.ended(pid, ("Traceback: no", False), "ended with exit status 1")
        crew.effects.ring()
    starts = [f"start {pid} in 0" for pid in range(1, TRIES + 1)]
    assert crew.effects.take() == [*starts, "ended"]
    assert crew.supervisor.failure == ("no worker could be started", False)
    assert caplog.messages.count("Traceback: no") == 1


def test_what_will_never_start_is_tried_once(caplog):
    crew = Crew()
    crew.supervisor.reload()
    crew.ended(2, ("there is no module 'x'", True))
    crew.ended(1, ("there is no module 'x'", True))
    assert crew.effects.take() == ["start 1 in 0", "start 2 in 1", "kill 1", "ended"]
    assert crew.supervisor.failure == ("there is no module 'x'", True)
    assert caplog.messages == []


def test_a_patient_one_does_not_wait_for_a_module_that_never_was_there():
    crew = Crew(1, patient=True)
    crew.supervisor.reload()
    crew.ended(1, ("there is no module 'x'", True))
    assert crew.effects.take()[1:] == ["ended"]
    assert crew.supervisor.failure == ("there is no module 'x'", True)


def test_a_patient_one_waits_for_the_next_change(caplog):
    crew = Crew(1, patient=True)
    crew.supervisor.reload()
    crew.ended(1, ("SyntaxError", False))
    assert crew.effects.timers == []
    assert "SyntaxError" in caplog.messages
    crew.supervisor.reload()
    crew.ready(2)
    assert crew.effects.take() == ["start 1 in 0", "start 2 in 0", "generation 2"]


def test_the_end(crew):
    crew.supervisor.stop()
    assert crew.effects.take() == ["finish 1", "finish 2"]
    crew.ended(1)
    crew.effects.ring()
    crew.supervisor.reload()
    assert crew.effects.take() == []
    crew.ended(2)
    assert crew.effects.take() == ["ended"]
    assert crew.supervisor.failure is None


def test_the_end_in_the_middle_of_a_reload(crew):
    crew.supervisor.reload()
    crew.ready(3)
    crew.effects.take()
    crew.supervisor.stop()
    assert crew.effects.take() == ["finish 1", "finish 2", "kill 3", "kill 4"]


def test_the_end_comes_at_once_when_asked_twice(crew):
    crew.supervisor.stop()
    crew.effects.take()
    crew.supervisor.stop()
    assert sorted(crew.effects.take()) == ["kill 1", "kill 2"]


def test_no_room_for_a_process(crew, caplog):
    crew.effects.no_room = 1
    crew.ended(1)
    crew.effects.ring()
    assert "can't start a worker" in caplog.messages[-1]
    assert crew.effects.timers[0][0] >= 1
    crew.effects.ring()
    assert crew.effects.take() == ["start 3 in 0"]
