"""Kernels on our loop, without a web server: pages are played by a list of messages."""

import errno
import json
import os
import signal
import sys
from pathlib import Path

import pytest
import zmq
from hypothesis import given
from hypothesis import strategies as st
from jupyter_client.kernelspec import KernelSpec
from jupyter_server.services.kernels.connection import base as reference

from dustdevil.sync import sleep, timeout
from support.kernels import Page, has_ended, read_message
from workshop.livebook import (
    channel,
    client,
    kernel,
    link,
    process,
    reporter,
    runs,
    wire,
)
from workshop.livebook.kernels import Kernels, TooManyKernels

# Messages

header = st.fixed_dictionaries({"msg_id": st.text(), "msg_type": st.text()})
parts = st.builds(
    lambda header, rest, buffers: [*map(wire.pack, [header, *rest]), *buffers],
    header,
    st.tuples(*[st.dictionaries(st.text(), st.text() | st.integers())] * 3),
    st.lists(st.binary(), max_size=3),
)
protocols = st.sampled_from([None, wire.V1])


@given(parts, st.sampled_from(wire.CHANNELS), protocols)
def test_what_is_encoded_can_be_decoded(parts, channel, protocol):
    message = wire.encode(channel, parts, protocol)
    assert wire.decode(message, protocol) == (channel, json.loads(parts[0]), parts)


@given(parts)
def test_encoded_as_jupyter_server_does(parts):
    v1 = wire.encode("iopub", parts, wire.V1)
    assert v1 == reference.serialize_msg_to_ws_v1(parts, "iopub")
    default = read_message(wire.encode("iopub", parts, None), None)
    assert default["channel"] == "iopub"
    assert default["msg_id"] == default["header"]["msg_id"]
    assert [default[name] for name in wire.NAMES] == [*map(json.loads, parts[:4])]
    assert default["buffers"] == parts[4:]


@given(st.binary() | st.text(), protocols)
def test_what_is_no_message_is_refused(garbage, protocol):
    with pytest.raises(wire.WireError):
        wire.decode(garbage, protocol)


@given(parts, protocols, st.data())
def test_a_damaged_message_is_refused_or_read(parts, protocol, data):
    message = wire.encode("shell", parts, protocol)
    message = message.encode() if isinstance(message, str) else message
    place = data.draw(st.integers(0, len(message) - 1))
    damaged = message[:place] + data.draw(st.binary(max_size=9)) + message[place + 1 :]
    try:
        channel, header, read = wire.decode(damaged, protocol)
    except wire.WireError:
        return
    assert channel in wire.CHANNELS
    assert len(read) >= 4
    assert isinstance(header["msg_id"], str)


@pytest.mark.parametrize(
    "message",
    [
        "[" * 100_000,
        "[]",
        '{"channel": "shell"}',
        '{"channel": ["shell"], "header": {"msg_id": "1", "msg_type": "x"}}',
        '{"channel": "shell", "header": {"msg_id": 1, "msg_type": "x"}}',
        b"\xff\xff\xff\xff" * 9,
    ],
)
def test_hostile_messages_are_refused(message):
    with pytest.raises(wire.WireError):
        wire.decode(message, None)


# The edge-triggered descriptor


@pytest.fixture
def pair(loop, tmp_path):
    """A PAIR socket of the test's, and a channel connected to it."""
    context = zmq.Context()
    far = context.socket(zmq.PAIR)
    far.linger = 0
    far.bind(f"ipc://{tmp_path}/pair")
    got = []
    near = channel.Channel(
        loop, context, zmq.PAIR, f"ipc://{tmp_path}/pair", b"us", got.append
    )
    yield far, near, got
    near.close()
    context.destroy(linger=0)


def test_all_that_came_together_is_read(loop, pair):
    far, _, got = pair

    async def test():
        far.poll(5000, zmq.POLLOUT)
        for number in range(1000):
            far.send(b"%d" % number)
            if number % 100 == 0:
                await sleep(0.001)
        async with timeout(10):
            while len(got) < 1000:
                await sleep(0.001)

    loop.run(test())
    assert got == [[b"%d" % number] for number in range(1000)]


def test_sending_does_not_swallow_what_came(loop, pair):
    far, near, got = pair

    async def test():
        for number in range(200):
            far.send(b"%d" % number)
            far.poll(0)
            near.send([b"from us"])
            assert far.recv() == b"from us"
            async with timeout(10):
                while len(got) <= number:
                    await sleep(0)

    loop.run(test())


# A kernel's life


def test_a_cell_runs_and_the_page_hears_of_it(play, kernels):
    async def test(started, connect):
        page = connect()
        request = page.run("print(6 * 7)\n'last'")
        reply = await page.answer(request)
        assert reply["status"] == "ok"
        assert page.text(request) == "42\n"
        (result,) = page.find("execute_result", request)
        assert result["content"]["data"]["text/plain"] == "'last'"
        assert page.states()[0] == "starting"
        await page.until(lambda: started.state == "idle")

    play(test)


def test_nothing_is_asked_before_we_hear_what_is_published(play, kernels, monkeypatch):
    def late(loop, context, kind, *rest):
        # The subscription reaches the kernel long after the requests could.
        monkeypatch.setattr(channel, "RETRY", 1500 if kind == zmq.SUB else 20)
        return channel.Channel(loop, context, kind, *rest)

    monkeypatch.setattr(link, "Channel", late)

    async def test(started, connect):
        page = connect()
        request = page.run("print('heard')")
        await page.answer(request)
        assert page.text(request) == "heard\n"

    play(test)


def test_ending_a_kernel_lets_its_cell_clean_up(play, tmp_path, monkeypatch):
    monkeypatch.setattr(kernel, "STOP", 20)

    async def test(started, connect):
        page = connect()
        mark = tmp_path / "cleaned"
        request = page.run(
            f"try:\n    print('go', flush=True)\n    while True: pass\n"
            f"finally: open({str(mark)!r}, 'w').close()"
        )
        await page.until(lambda: page.text(request))
        await started.stop("test")
        assert mark.exists()

    play(test)


def test_an_endless_loop_is_interrupted(play):
    async def test(started, connect):
        page = connect()
        request = page.run("print('go', flush=True)\nwhile True: pass")
        await page.until(lambda: page.text(request))
        assert started.state == "busy"
        started.interrupt()
        reply = await page.answer(request)
        assert reply["ename"] == "KeyboardInterrupt"

    play(test)


def test_busy_means_busy_although_the_control_channel_is_idle(play):
    async def test(started, connect):
        page = connect()
        request = page.run("print('go', flush=True)\nwhile True: pass")
        await page.until(lambda: page.text(request))
        asked = page.ask("kernel_info_request", {}, "control")
        await page.answer(asked, "kernel_info_reply")
        assert started.state == "busy"
        started.interrupt()
        await page.answer(request)
        assert started.state == "idle"

    play(test)


def test_interrupting_a_kernel_that_starts_does_not_end_it(play):
    async def test(started, connect):
        page = connect(runs=True)
        early = page.run("open('not there')", cell="early")
        await page.until(lambda: page.runs(early))
        assert not started.link.ready
        started.interrupt()
        assert (await page.told(early))["status"] == "aborted"
        assert (await page.told(page.run("1")))["status"] == "ok"

    play(test)


def test_restart_gives_a_new_process_under_the_same_id(play, kernels):
    async def test(started, connect):
        page = connect()
        await page.answer(page.run("x = 1"))
        former = started.process.pid
        await started.restart()
        assert started.process.pid != former
        assert kernels.get(started.id) is started
        reply = await page.answer(page.run("x"))
        assert reply["ename"] == "NameError"
        assert "restarting" not in page.states(), "that is said of one that died"

    play(test)


def test_two_restarts_at_once_are_one(play, loop):
    async def test(started, connect):
        first = loop.spawn(started.restart())
        second = loop.spawn(started.restart())
        await first
        pid = started.process.pid
        await second
        assert started.process.pid == pid

    play(test)


def test_restart_ends_an_endless_loop(play):
    async def test(started, connect):
        page = connect()
        request = page.run(
            "print('go', flush=True)\n"
            "while True:\n"
            "    try:\n"
            "        while True: pass\n"
            "    except KeyboardInterrupt: pass"
        )
        await page.until(lambda: page.text(request))
        await started.restart()
        assert (await page.answer(page.run("1")))["status"] == "ok"

    play(test)


@pytest.mark.parametrize("pidfd", [True, False])
def test_a_killed_kernel_is_dead_and_can_be_started_anew(play, monkeypatch, pidfd):
    if not pidfd:
        monkeypatch.delattr(os, "pidfd_open")

    async def test(started, connect):
        page = connect(runs=True)
        await page.told(page.run("1"))
        os.kill(started.process.pid, signal.SIGKILL)
        await page.until(lambda: page.states()[-1] == "dead")
        assert (
            started.model()["reason"] == "The kernel was ended by the signal SIGKILL."
        )
        late = connect("another")
        await late.until(lambda: late.states() == ["dead"])
        await started.restart()
        assert (await page.told(page.run("1")))["status"] == "ok"
        assert "reason" not in started.model()

    play(test)


def test_for_programs_a_process_that_dies_is_replaced(play, monkeypatch):
    monkeypatch.setattr(kernel, "REPLACED", 2)

    async def test(started, connect):
        program = connect()
        for number in (1, 2):
            await program.answer(program.run("1"))
            program.run("import os; os._exit(3)")
            await program.until(
                lambda n=number: program.states().count("restarting") == n
            )
            late = connect(f"late-{number}")
            assert (await late.answer(late.run("1")))["status"] == "ok"
            assert "restarting" not in late.states()
        program.run("import os; os._exit(3)")
        await program.until(lambda: program.states()[-1:] == ["dead"])
        assert "exit code 3" in started.reason

    play(test)


def test_where_a_page_is_connected_too_its_reader_decides(play):
    async def test(started, connect):
        page, program = connect("page", runs=True), connect("program")
        await program.answer(program.run("1"))
        program.run("import os; os._exit(3)")
        await page.until(lambda: page.states()[-1:] == ["dead"])
        await program.until(lambda: program.states()[-1:] == ["dead"])

    play(test)


def test_a_kernel_that_exits_says_so(play):
    async def test(started, connect):
        page = connect(runs=True)
        page.run("import os; os._exit(3)")
        await page.until(lambda: page.states()[-1:] == ["dead"])
        assert "exit code 3" in started.reason

    play(test)


def test_a_kernel_that_cannot_start_says_why(play, kernels, monkeypatch):
    broken = KernelSpec(argv=[sys.executable, "-c", "import no_such_module"])
    monkeypatch.setattr(kernels, "spec", lambda name: broken)

    async def test(started, connect):
        page = connect()
        await page.until(lambda: page.states()[-1:] == ["dead"])
        assert "No module named 'no_such_module'" in started.reason

    play(test)


def test_a_kernel_that_never_answers_is_given_up(play, kernels, monkeypatch):
    silent = KernelSpec(argv=[sys.executable, "-c", "import time; time.sleep(600)"])
    monkeypatch.setattr(kernels, "spec", lambda name: silent)
    monkeypatch.setattr(kernel, "START", 0.2)

    async def test(started, connect):
        page = connect()
        await page.until(lambda: page.states()[-1:] == ["dead"])
        assert started.reason.startswith("The kernel did not answer within")

    play(test)


def test_a_program_that_is_not_there(kernels, monkeypatch):
    missing = KernelSpec(argv=["/no/such/program"])
    monkeypatch.setattr(kernels, "spec", lambda name: missing)
    with pytest.raises(FileNotFoundError):
        kernels.start()
    assert len(kernels) == 0


def test_a_kernel_of_the_same_name_elsewhere_is_not_taken(loop, tmp_path, monkeypatch):
    folder = tmp_path / "kernels" / "python3"
    folder.mkdir(parents=True)
    spec = {"argv": ["/no/such/python"], "display_name": "x", "language": "x"}
    (folder / "kernel.json").write_text(json.dumps(spec))
    monkeypatch.setenv("JUPYTER_PATH", str(tmp_path))
    kernels = Kernels(loop, tmp_path)
    assert process.command(kernels.spec("python3"), Path("x"))[0] == sys.executable
    kernels.kill()


def test_when_no_descriptors_are_left_nothing_is_left_behind(
    loop, kernels, monkeypatch
):
    def fail(*arguments):
        raise zmq.ZMQError(errno.EMFILE)

    for place in ((zmq.Context, "socket"), (process, "launch_kernel")):
        with monkeypatch.context() as patch:
            patch.setattr(*place, fail if place[0] is zmq.Context else no_descriptors)
            with pytest.raises(OSError, match="Too many open files"):
                kernels.start()
        assert [path.name for path in kernels.homes.folder.iterdir()] == ["lock"]
        assert len(kernels) == 0


def no_descriptors(*arguments, **options):
    raise OSError(errno.EMFILE, os.strerror(errno.EMFILE))


@pytest.mark.parametrize("end", ["restart", "kill"])
def test_what_a_cell_started_ends_with_its_kernel(play, end):
    async def test(started, connect):
        page = connect()
        request = page.run(
            "import subprocess; print(subprocess.Popen(['sleep', '600']).pid)"
        )
        await page.answer(request)
        child = int(page.text(request))
        assert Path(f"/proc/{child}").exists()
        if end == "restart":
            await started.restart()
        else:
            os.kill(started.process.pid, signal.SIGKILL)
        await page.until(lambda: has_ended(child))

    play(test)


def test_nothing_secret_reaches_the_kernel(monkeypatch):
    monkeypatch.setenv("SOME_TOKEN", "x")
    monkeypatch.setenv("db_password", "x")
    monkeypatch.setenv("HARMLESS", "x")
    environment = process.environment(KernelSpec(argv=[]))
    assert "HARMLESS" in environment
    assert not {"SOME_TOKEN", "db_password"} & set(environment)


def test_its_sockets_are_in_a_folder_of_its_own(play):
    async def test(started, connect):
        home = started.link.file.parent
        assert home.stat().st_mode & 0o077 == 0
        page = connect()
        await page.answer(page.run("1"))
        await started.stop("test")
        assert not home.exists()

    play(test)


def test_it_works_in_the_folder_of_its_page(kernels, tmp_path):
    (tmp_path / "book").mkdir()
    assert kernels.folder("book/05-epoll.ipynb") == tmp_path / "book"
    assert kernels.folder("/book/x") == tmp_path / "book"
    for path in ("", "x", "nowhere/x", "../../x", "book/../../../x", "\0/x", "a" * 999):
        assert kernels.folder(path) == tmp_path


# Pages


@pytest.mark.parametrize("protocol", [None, wire.V1])
def test_buffers_travel_both_ways(play, protocol):
    async def test(started, connect):
        page = connect(protocol=protocol)
        code = """
            from comm import create_comm
            c = create_comm(target_name="t", data={}, buffers=[b"\\x00\\xff", b"abc"])
            print(c.comm_id)
            c.on_msg(lambda m: print(bytes(m["buffers"][0])))
        """
        request = page.run("\n".join(line.strip() for line in code.splitlines()))
        await page.answer(request)
        (opened,) = page.find("comm_open")
        assert [bytes(buffer) for buffer in opened["buffers"]] == [b"\x00\xff", b"abc"]
        header = {"msg_id": "m", "msg_type": "comm_msg", "session": "s", "version": "5"}
        content = {"comm_id": page.text(request).strip(), "data": {}}
        sent = [*map(wire.pack, (header, {}, {}, content)), b"\x01\xfe"]
        page.outbox.put_now(wire.encode("shell", sent, protocol))
        await page.until(lambda: r"b'\x01\xfe'" in page.text())

    play(test)


def test_two_pages_hear_all_but_each_only_its_own_replies(play):
    async def test(started, connect):
        one, two = connect("one"), connect("two")
        request = one.run("print('hello')")
        await one.answer(request)
        await two.until(lambda: two.text(request) == "hello\n")
        await one.answer(one.run("1"))
        assert two.find("execute_reply") == []
        assert started.model()["connections"] == 2

    play(test)


def test_input_is_asked_of_the_page_that_runs_the_cell(play):
    async def test(started, connect):
        one, two = connect("one"), connect("two")
        request = one.run("print(input('name? ')[::-1])")
        await one.until(lambda: one.find("input_request"))
        one.ask("input_reply", {"value": "abc", "status": "ok"}, "stdin")
        await one.answer(request)
        assert one.text(request) == "cba\n"
        assert two.find("input_request") == []

    play(test)


FLOODS = {
    "short lines": "while True: print('OK')",
    "long lines": "while True: print('x' * 100_000)",
    "one line": "while True: print('x', end='')",
    "clearing": (
        "from IPython.display import clear_output\n"
        "for i in count(): clear_output(wait=True); print(i)"
    ),
    "displays": "for i in count(): display(i)",
}


@pytest.mark.parametrize("reads", [True, False])
@pytest.mark.parametrize("flood", FLOODS)
def test_a_flood_is_stopped_whether_the_page_reads_or_not(play, flood, reads):
    async def test(started, connect):
        page, other = connect(runs=True), connect("program")
        await other.answer(other.run("from itertools import count"))
        page.reads = other.reads = reads
        request = page.run(FLOODS[flood])
        await page.until(lambda: started.state == "busy")
        before = memory(os.getpid())
        run = started.runs.get(request)
        for _ in range(100):
            await sleep(0.02)
            assert started.clients["one"].waiting <= client.BEHIND[0] + (1 << 20)
            assert started.clients["program"].waiting <= client.MOST + (1 << 20)
            assert run.output.size <= 2 * runs.BYTES
            assert len(run.output.blocks) <= runs.BLOCKS
        if not reads:  # a page of this test keeps all that it reads
            assert memory(os.getpid()) - before < 100_000
        started.interrupt()
        await page.until(lambda: run.state == "done")
        assert run.ename == "KeyboardInterrupt"
        page.reads = other.reads = True
        told = await page.told(request)
        assert (told["state"], told["ename"]) == ("done", "KeyboardInterrupt")
        await other.answer(other.run("1"))

    play(test)


def memory(pid):
    """The resident memory of a process, in KiB."""
    status = Path(f"/proc/{pid}/status").read_text()
    return int(status.split("VmRSS:")[1].split()[0])


def test_a_page_that_comes_back_gets_what_it_missed(play):
    async def test(started, connect):
        page = connect()
        request = page.run("import time\nprint('a')\ntime.sleep(.5)\nprint('b')")
        await page.until(lambda: page.text(request))
        page.disconnect()
        await page.until(lambda: started.connections == 0)
        await page.until(lambda: started.state == "idle")
        again = connect()
        assert (await again.answer(request))["status"] == "ok"
        assert again.text(request) == "b\n"

    play(test)


def test_a_page_is_told_how_much_was_lost_while_it_was_away(play, monkeypatch):
    monkeypatch.setattr(client, "MOST", 20_000)

    async def test(started, connect):
        page = connect()
        request = page.run(
            "import time; time.sleep(.3)\nfor i in range(500): display(i)"
        )
        await page.until(lambda: page.find("status", request))
        page.disconnect()
        await page.until(lambda: started.connections == 0)
        await page.until(lambda: started.state == "idle")
        assert started.clients["one"].waiting <= 20_000
        again = connect()
        await again.answer(request)
        shown = again.find("display_data", request)
        assert shown[-1]["content"]["data"]["text/plain"] == "499"
        assert "messages were lost" in again.text(request)

    play(test)


def test_a_page_that_stays_away_is_forgotten(play, monkeypatch):
    monkeypatch.setattr(kernel, "GRACE", 0.05)

    async def test(started, connect):
        page = connect()
        await page.until(lambda: started.connections == 1)
        page.disconnect()
        await page.until(lambda: not started.clients)

    play(test)


def test_a_second_connection_takes_the_place_of_the_first(play):
    async def test(started, connect):
        one = connect("same")
        await one.answer(one.run("1"))
        two = connect("same")
        await two.answer(two.run("2"))
        assert one.left is not None
        assert started.connections == 1

    play(test)


def test_a_page_that_talks_nonsense_is_let_go(play):
    async def test(started, connect):
        page = connect()
        page.outbox.put_now("nonsense")
        await page.until(lambda: page.left)
        assert page.left[0] == 1007
        await page.until(lambda: started.connections == 0)

    play(test)


@pytest.mark.parametrize("part", [2, 3])
def test_a_request_whose_parts_are_no_objects_ends_only_its_connection(play, part):
    async def test(started, connect):
        page, other = connect("one"), connect("two")
        header = {"msg_id": "x", "msg_type": "execute_request", "session": "s"}
        parts = [wire.pack(each) for each in (header, {}, {}, {"code": "1"})]
        parts[part] = b"[1]"
        page.outbox.put_now(wire.encode("shell", parts, None))
        await page.until(lambda: page.left)
        assert page.left[0] == 1007
        await other.answer(other.run("1"))

    play(test)


def test_what_was_on_its_way_to_the_first_reaches_the_second(play):
    async def test(started, connect):
        first = connect("same")
        await first.answer(first.run("1"))
        first.reads = first.says_goodbye = False
        request = first.run("print('all of it')")
        await first.until(lambda: started.clients["same"].waiting)
        second = connect("same")
        second.reads = False
        await second.until(lambda: first.left)
        before = len(first.got)
        first.reads = True
        await second.until(lambda: len(first.got) > before)
        second.reads = True
        await second.answer(request)
        assert second.find("execute_input", request)
        assert second.text(request) == "all of it\n"

    play(test)


# Runs: what pages of this book are told


def shown(run):
    return "".join(m["content"].get("text", "") for m in run["outputs"])


def test_a_page_is_told_how_a_run_goes_on(play):
    async def test(started, connect):
        page = connect(runs=True)
        request = page.run("print('hello')\n1 / 0", cell="cell-7")
        told = await page.told(request)
        assert page.runs(request)[0]["state"] == "queued"
        assert (told["cell"], told["status"]) == ("cell-7", "error")
        assert (told["ename"], told["count"]) == ("ZeroDivisionError", 1)
        assert told["asked"] <= told["began"] <= told["ended"] <= told["now"]
        assert page.text(request) == "hello\n"

    play(test)


def test_a_page_that_comes_back_is_told_all_that_happened(play):
    async def test(started, connect):
        page = connect(runs=True)
        done = page.run("print('one')", cell="a")
        asked = page.run("print('two')\nname = input('who? ')\nprint(name)", cell="b")
        await page.told(done)
        await page.until(lambda: started.runs.get(asked).question)
        page.disconnect()
        await page.until(lambda: started.connections == 0)
        again = connect("another", runs=True)
        (greeting,) = await again.greeted()
        assert greeting["runs"] == [done, asked]
        assert greeting["execution_state"] == "busy"
        assert shown(await again.told(done)) == "one\n"
        running = await again.told(asked, "running")
        assert shown(running) == "two\n"
        assert running["question"]["prompt"] == "who? "
        assert started.answer(running["question"]["id"], "Ada")
        await again.told(asked)
        assert again.text(asked) == "who? Ada\nAda\n"

    play(test)


def test_an_answer_is_taken_once(play):
    async def test(started, connect):
        page, tab = connect(runs=True), connect("tab", runs=True)
        request = page.run("print([input('first? '), input('second? ')])")
        run = started.runs
        await page.until(lambda: run.get(request) and run.get(request).question)
        first = run.get(request).question["id"]
        assert started.answer(first, "1")
        assert not started.answer(first, "1")
        await page.until(lambda: run.get(request).question)
        assert not started.answer(first, "1")
        assert started.answer(run.get(request).question["id"], "2")
        await tab.told(request)
        assert "['1', '2']" in tab.text(request)
        assert tab.runs(request)[-1]["question"] is None

    play(test)


def test_of_a_password_not_even_the_length_is_shown(play):
    async def test(started, connect):
        page = connect(runs=True)
        request = page.run("import getpass\nx = getpass.getpass('secret? ')\nlen(x)")
        await page.until(
            lambda: page.runs(request) and page.runs(request)[-1]["question"]
        )
        question = page.runs(request)[-1]["question"]
        assert question["password"]
        started.answer(question["id"], "hunter2")
        await page.told(request)
        assert page.text(request) == "secret? \n"
        assert not any("hunter2" in json.dumps(message) for message in page.got)

    play(test)


def test_a_request_that_is_sent_twice_runs_once(play):
    async def test(started, connect):
        page = connect(runs=True)
        await page.told(page.run("n = 0", cell="z"))
        request = page.run("n += 1; print(n)", id="same")
        page.run("n += 1; print(n)", id="same")
        await page.told(request)
        last = page.run("print(n)", cell="c")
        await page.told(last)
        assert page.text(last) == "1\n"

    play(test)


@pytest.mark.parametrize("end", ["killed", "restarted"])
def test_a_run_that_cannot_go_on_is_said_to_be_over(play, end):
    async def test(started, connect):
        page = connect(runs=True)
        request = page.run("print('on', flush=True)\nwhile True: pass")
        await page.until(lambda: page.text(request))
        if end == "killed":
            os.kill(started.process.pid, signal.SIGKILL)
        else:
            await started.restart()
        told = await page.told(request)
        assert told["status"] == {"killed": "dead"}.get(end, end)
        if end == "killed":
            late = page.run("1", cell="b")
            assert (await page.told(late))["status"] == "dead"

    play(test)


def test_the_last_words_of_a_process_are_not_taken_for_the_next_ones(play):
    async def test(started, connect):
        page = connect(runs=True)
        await page.told(page.run("1"))
        restarting = started.loop.spawn(started.restart())
        await page.until(lambda: "restarting" in page.states())
        refused = page.run("2", cell="b")
        assert (await page.told(refused))["status"] == "restarted"
        await restarting
        await page.until(lambda: page.states()[-1] == "idle")
        said = [message["content"] for message in page.find("status")]
        after = said[page.states().index("restarting") + 1 :]
        assert {content["python"] for content in after} == {2}
        assert (await page.told(page.run("3", cell="c")))["status"] == "ok"

    play(test)


EARLY = """
import time
end = time.time() + 8
while time.time() < end: pass
print('to the end')
"""


@pytest.mark.parametrize("pause", [0, 0.005, 0.02, 0.05])
def test_a_stop_right_after_the_request_is_not_lost(play, pause):
    async def test(started, connect):
        page = connect(runs=True)
        await page.told(page.run("1"))
        request = page.run(EARLY, cell="b")
        await page.told(request, "queued")
        await sleep(pause)
        started.interrupt()
        told = await page.told(request)
        assert (told["status"], told["ename"]) == ("error", "KeyboardInterrupt")
        assert "to the end" not in page.text(request)
        assert (await page.told(page.run("2", cell="c")))["status"] == "ok"

    play(test)


def test_a_stop_before_the_kernel_reads_the_request_is_not_lost(play):
    async def test(started, connect):
        page = connect(runs=True)
        await page.told(page.run("1"))
        started.process.signal(signal.SIGSTOP)
        request = page.run(EARLY, cell="b")
        await page.told(request, "queued")
        started.interrupt()
        started.process.signal(signal.SIGCONT)
        assert (await page.told(request))["ename"] == "KeyboardInterrupt"

    play(test)


def test_a_run_whose_reply_never_comes_ends_all_the_same(play, monkeypatch):
    monkeypatch.setattr(reporter, "REPLY", 0.2)

    async def test(started, connect):
        page = connect(runs=True)
        # What an interrupt does that hits the kernel's own code, behind the cell's.
        request = page.run(
            "kernel = get_ipython().kernel\nkept = kernel.finish_metadata\n"
            "def fail(*args, **kwargs):\n"
            "    kernel.finish_metadata = kept\n    raise KeyboardInterrupt\n"
            "kernel.finish_metadata = fail"
        )
        assert (await page.told(request))["status"] == "error"
        assert (await page.told(page.run("2", cell="c")))["status"] == "ok"

    play(test)


def test_what_an_earlier_python_has_shown_is_told_as_such(play):
    async def test(started, connect):
        page = connect(runs=True)
        request = page.run("print('from before')")
        await page.told(request)
        await started.restart()
        again = connect("another", runs=True)
        (greeting,) = await again.greeted()
        told = await again.told(request)
        assert (greeting["python"], told["python"]) == (2, 1)
        assert shown(told) == "from before\n"

    play(test)


def test_what_a_program_runs_is_known_to_pages_but_not_what_it_runs_silently(play):
    async def test(started, connect):
        page, program = connect("page", runs=True), connect("program")
        silent = program.run("1", silent=True, cell="")
        request = program.run("print('from afar')", cell="cell-3")
        await page.told(request)
        assert page.text(request) == "from afar\n"
        assert page.runs(silent) == []
        assert program.find("dustdevil_run") == []

    play(test)


# All kernels


def test_the_number_is_bounded(loop, kernels):
    async def test():
        pages = [Page() for _ in range(3)]
        for page in pages:
            loop.spawn(kernels.start().serve(page, "s"))
        with pytest.raises(TooManyKernels, match="3 kernels are running"):
            kernels.start()
        for page in pages:
            await page.answer(page.run("1"))
        longest = next(iter(kernels))
        for page in pages:
            page.disconnect()
            await page.until(
                lambda page=page: page.outbox._items == type(page.outbox._items)()
            )
        async with timeout(5):
            while any(k.connections for k in kernels):
                await sleep(0.005)
        fourth = kernels.start()
        assert len(kernels) == 3
        assert longest not in list(kernels)
        assert fourth in list(kernels)

    loop.run(test())


def test_an_unused_kernel_is_culled_and_a_used_one_is_not(loop, tmp_path):
    kernels = Kernels(loop, tmp_path, limit=3, idle=0.4)

    async def test():
        page = Page()
        used, unused = kernels.start(), kernels.start()
        loop.spawn(used.serve(page, "s"))
        await page.answer(page.run("1"))
        async with timeout(20):
            while unused in list(kernels):
                await sleep(0.01)
        await unused.process.ended
        await sleep(0.8)
        assert list(kernels) == [used]
        await kernels.close()

    loop.run(test())
    kernels.kill()


def test_closing_ends_every_process(loop, tmp_path):
    kernels = Kernels(loop, tmp_path)

    async def test():
        page = Page()
        young, busy = kernels.start(), kernels.start()
        loop.spawn(busy.serve(page, "s"))
        request = page.run("print('go', flush=True)\nwhile True: pass")
        await page.until(lambda: page.text(request))
        await kernels.close()
        assert young.process.ended.done()
        assert busy.process.ended.done()
        with pytest.raises(TooManyKernels):
            kernels.start()

    loop.run(test())
    kernels.kill()


def test_kill_needs_no_loop(loop, tmp_path):
    kernels = Kernels(loop, tmp_path)
    pid = kernels.start().process.pid
    kernels.kill()
    assert has_ended(pid)
