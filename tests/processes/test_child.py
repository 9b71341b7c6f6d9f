"""The contract of dustdevil.processes.child, with a pidfd and without."""

import gc
import os
import signal
import subprocess

import pytest

from dustdevil.coroutine import CancelledError
from dustdevil.loop import Loop
from dustdevil.processes import Finished, Process, on_exit, run_process
from dustdevil.processes import child as module
from dustdevil.stream import LimitExceeded
from dustdevil.sync import gather, timeout


@pytest.fixture(params=["pidfd", "looking"])
def loop(request, monkeypatch):
    if request.param == "pidfd":
        if not hasattr(os, "pidfd_open"):
            pytest.skip("only Linux has pidfds")

        def no_looking(*_):
            raise AssertionError("there are pidfds here")

        monkeypatch.setattr(module, "has_ended", no_looking)
    else:
        monkeypatch.delattr(os, "pidfd_open", raising=False)
        monkeypatch.setattr(module, "INTERVAL", 0.005)
    gc.collect()  # what earlier tests left open must not be closed meanwhile
    before = set(os.listdir("/proc/self/fd"))
    loop = Loop()
    yield loop
    loop.close()
    assert set(os.listdir("/proc/self/fd")) == before
    with pytest.raises(ChildProcessError):  # no child is left, not even a zombie
        os.waitpid(-1, os.WNOHANG)


def test_a_program_runs_to_its_end(loop):
    program = "read line; echo out $line; echo err >&2; exit 3"
    done = loop.run(run_process("sh", "-c", program, input=b"in\n"))
    assert done == Finished(3, b"out in\n", b"err\n")


def test_more_than_the_pipes_hold_goes_through(loop):
    data = os.urandom(1 << 20)
    assert loop.run(run_process("cat", input=data)).stdout == data


def test_a_program_that_does_not_read_its_input(loop):
    done = loop.run(run_process("true", input=bytes(1 << 20)))
    assert done.returncode == 0


def test_many_at_once_and_the_loop_goes_on(loop):
    async def main():
        # Each waits for a line that comes only when all of them run.
        programs = [Process("sh", "-c", f"read x; exit {n}") for n in range(5)]
        for process in programs:
            process.stdin.write(b"go\n")
        codes = await gather(*[wait(process) for process in programs])
        return codes

    async def wait(process):
        async with process:
            return await process.ended

    assert loop.run(main()) == [0, 1, 2, 3, 4]


def test_talking_to_a_program(loop):
    async def main():
        async with Process("cat") as process:
            answers = []
            for line in b"one\n", b"two\n":
                process.stdin.write(line)
                answers.append(await process.stdout.read_until(b"\n"))
            process.stdin.write_eof()
            return answers, await process.ended

    assert loop.run(main()) == ([b"one\n", b"two\n"], 0)


def test_a_signal_is_a_negative_return_code(loop):
    async def main():
        async with Process("cat") as process:
            process.signal(signal.SIGTERM)
            code = await process.ended
            process.signal(signal.SIGTERM)  # too late, and no error
            return code

    assert loop.run(main()) == -signal.SIGTERM


def test_a_signal_that_comes_before_we_know_of_the_end(loop):
    async def main():
        async with Process("true") as process:
            os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
            process.signal(signal.SIGTERM)  # subprocess polls, and so waits for it
            async with timeout(30):
                return await process.ended

    assert loop.run(main()) == 0


def test_leaving_the_block_kills(loop):
    async def main():
        async with Process("cat") as process:
            pass
        return process.ended.result()

    assert loop.run(main()) == -signal.SIGKILL


def test_cancelling_kills_and_waits(loop):
    async def main():
        async with timeout(0.01):
            await run_process("sleep", "3600")

    with pytest.raises(TimeoutError):
        loop.run(main())  # the fixture sees that no child is left


def test_a_flood_of_output_is_refused(loop):
    with pytest.raises(LimitExceeded, match="1000 bytes"):
        loop.run(run_process("yes", limit=1000))


def test_what_can_not_be_started_leaves_nothing(loop):
    with pytest.raises(FileNotFoundError, match="no-such-program"):
        loop.run(run_process("no-such-program"))


def test_options_are_those_of_subprocess(loop, tmp_path):
    async def main():
        command = "sh", "-c", "pwd; echo $NAME >&2"
        return await run_process(
            *command,
            cwd=tmp_path,
            env={"NAME": "value", "PATH": os.environ["PATH"]},
            stdin=subprocess.DEVNULL,
            stderr=subprocess.STDOUT,
        )

    assert loop.run(main()) == Finished(0, f"{tmp_path}\nvalue\n".encode(), b"")


def test_the_child_is_still_there_when_its_end_is_told(loop):
    with subprocess.Popen("true") as process:
        seen = []

        def callback():
            seen.append(os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT))
            loop.stop()

        on_exit(loop, process, callback)
        loop.run_forever()
    assert seen[0].si_pid == process.pid


def test_ended_can_be_waited_for_by_several_and_one_can_give_up(loop):
    async def main():
        async with Process("cat") as process:

            async def wait():
                return await process.ended

            tasks = [loop.spawn(wait()) for _ in range(3)]
            tasks[0].cancel()
            process.kill()
            with pytest.raises(CancelledError):
                await tasks[0]
            return [await task for task in tasks[1:]]

    assert loop.run(main()) == [-signal.SIGKILL] * 2
