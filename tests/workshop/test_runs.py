"""What the server keeps of runs, and how a page is told: no kernel, no socket."""

import json

import pytest

from workshop.livebook import client, runs
from workshop.livebook.client import Client, PageClient
from workshop.livebook.runs import Output, Runs
from workshop.livebook.wire import pack


def stream(text, name="stdout"):
    return {"name": name, "text": text}


def feed(output, *messages):
    for kind, content in messages:
        output.add(kind, content, len(pack(content)))
    return [(m["msg_type"], m["content"]) for m in output.messages()]


def display(text, id=None):
    transient = {"display_id": id} if id else {}
    return {"data": {"text/plain": text}, "metadata": {}, "transient": transient}


def test_text_that_continues_is_one_block():
    kept = feed(
        Output(),
        ("stream", stream("a")),
        ("stream", stream("b\n")),
        ("stream", stream("oh", "stderr")),
        ("stream", stream("c")),
    )
    assert [content["text"] for _, content in kept] == ["ab\n", "oh", "c"]


def test_only_the_newest_text_is_kept_from_the_beginning_of_a_line(monkeypatch):
    monkeypatch.setattr(runs, "TEXT", 1000)
    output = Output()
    total = 0
    for number in range(1000):
        text = f"line {number}\n"
        total += len(text)
        kept = feed(output, ("stream", stream(text)))
        assert len(kept[0][1]["text"]) <= 2000
        assert output.size <= 2000
    ((_, content),) = kept
    assert content["text"].startswith("line ")
    assert content["text"].endswith("line 999\n")
    assert output.cut_characters == total - len(content["text"])


def test_a_line_without_an_end_is_cut_as_well(monkeypatch):
    monkeypatch.setattr(runs, "TEXT", 1000)
    output = Output()
    for _ in range(100):
        kept = feed(output, ("stream", stream("x" * 100)))
    assert len(kept[0][1]["text"]) <= 2000
    assert output.cut_characters >= 8000


def test_only_the_newest_outputs_are_kept(monkeypatch):
    monkeypatch.setattr(runs, "BLOCKS", 3)
    output = Output()
    kept = feed(output, *[("display_data", display(str(n))) for n in range(10)])
    assert [content["data"]["text/plain"] for _, content in kept] == ["7", "8", "9"]
    assert output.cut_blocks == 7
    assert output.size == sum(block.size for block in output.blocks)


def test_large_outputs_push_out_older_ones_but_one_stays(monkeypatch):
    monkeypatch.setattr(runs, "BYTES", 1000)
    kept = feed(Output(), *[("display_data", display("x" * 5000))] * 3)
    assert len(kept) == 1


@pytest.mark.parametrize("wait", [False, True])
def test_clearing_forgets_at_once_or_with_the_next_output(wait):
    output = Output()
    kept = feed(output, ("stream", stream("1")), ("clear_output", {"wait": wait}))
    assert [content["text"] for _, content in kept] == (["1"] if wait else [])
    kept = feed(output, ("stream", stream("2")))
    assert [content["text"] for _, content in kept] == ["2"]


def test_a_display_is_changed_in_whichever_run_shows_it():
    known = Runs()
    one, two = known.ask("1", "a", ""), known.ask("2", "b", "")
    for run in (one, two):
        known.add(run, "display_data", display("old", "d"), 100)
    known.add(two, "update_display_data", display("new", "d"), 90)
    for run in (one, two):
        (message,) = run.output.messages()
        assert message["content"]["data"]["text/plain"] == "new"
        assert run.output.size == 90


def test_a_cell_has_one_run_and_what_is_under_way_is_never_forgotten(monkeypatch):
    monkeypatch.setattr(runs, "RUNS", 3)
    known = Runs()
    known.ask("1", "a", "").end("ok")
    known.ask("2", "a", "")
    assert [run.id for run in known] == ["2"]
    for number in range(3, 9):
        known.ask(str(number), f"cell {number}", "")
    assert len(known.active()) == 7


def test_all_runs_together_are_bounded(monkeypatch):
    monkeypatch.setattr(runs, "TOTAL", 10_000)
    monkeypatch.setattr(runs, "BYTES", 2000)
    known = Runs()
    for number in range(100):
        run = known.ask(str(number), f"cell {number}", "")
        known.add(run, "display_data", display("x" * 1000), 1000)
        run.end("ok")
    assert sum(run.output.size for run in known) <= 13_000
    assert run.whole()["outputs"]
    first = known.get("0")
    assert first.whole()["cut"]["outputs"] == 1


def test_a_run_is_done_when_reply_and_idle_are_here():
    for order in ("reply", "idle"), ("idle", "reply"):
        run = Runs().ask("1", "a", "")
        for part in order:
            assert run.state != "done"
            setattr(
                run, part, {"status": "error", "ename": "E"} if part == "reply" else 1
            )
            run.settle()
        assert (run.state, run.status, run.ename) == ("done", "error", "E")


# Mailboxes


def letter(kind, content, run=""):
    parts = ({"msg_id": "m", "msg_type": kind}, {"msg_id": run}, {}, content)
    return [pack(part) for part in parts]


def drain(mailbox):
    found = []
    while (each := mailbox._next()) is not None:
        found.append((json.loads(each.parts[0])["msg_type"], json.loads(each.parts[3])))
    return found


def test_a_program_that_falls_behind_loses_output_and_nothing_else(loop, monkeypatch):
    monkeypatch.setattr(client, "MOST", 20_000)
    mailbox = Client(loop)
    for number in range(1000):
        mailbox.deliver("iopub", letter("stream", stream(f"{number}\n")), "r", True)
        assert mailbox.waiting <= 20_000
    mailbox.deliver("iopub", letter("status", {"execution_state": "idle"}))
    for _ in range(300):
        mailbox.deliver("iopub", letter("display_data", display("x" * 100)), "r", True)
    mailbox.deliver("shell", letter("execute_reply", {"status": "ok"}))
    found = drain(mailbox)
    assert mailbox.waiting == 0
    kinds = [kind for kind, _ in found]
    assert "messages were lost" in found[0][1]["text"]
    lost = int(found[0][1]["text"].split()[0].strip("["))
    assert lost + kinds.count("stream") - 1 + kinds.count("display_data") == 1300
    assert kinds.count("status") == kinds.count("execute_reply") == 1


def test_a_page_that_falls_behind_is_told_the_runs_as_they_are(loop, monkeypatch):
    monkeypatch.setattr(client, "BEHIND", (1 << 20, 10))
    known = Runs()
    run = known.ask("r", "a", "")
    page = PageClient(loop, lambda id: letter("dustdevil_run", known.get(id).whole()))
    page.greet(letter("dustdevil_greeting", {}), known)
    assert [kind for kind, _ in drain(page)] == ["dustdevil_greeting", "dustdevil_run"]
    for number in range(5000):
        content = stream(f"{number}\n")
        known.add(run, "stream", content, 10)
        page.deliver("iopub", letter("stream", content, "r"), "r", True)
        page.deliver("iopub", letter("status", {"execution_state": "busy"}), "", True)
        page.deliver("shell", letter("complete_reply", {})) if number == 7 else None
        assert len(page._mail) <= 12
    found = drain(page)
    kinds = [kind for kind, _ in found]
    assert kinds.count("dustdevil_run") == 1
    assert kinds.count("complete_reply") == 1
    ((_, told),) = [each for each in found if each[0] == "dustdevil_run"]
    assert told["outputs"][0]["content"]["text"].endswith("4998\n4999\n")
    # What comes after that is only what is new.
    page.deliver("iopub", letter("stream", stream("more"), "r"), "r", True)
    assert drain(page) == [("stream", stream("more"))]


def test_nothing_is_told_twice(loop):
    known = Runs()
    run = known.ask("r", "a", "")
    page = PageClient(loop, lambda id: letter("dustdevil_run", known.get(id).whole()))
    page.greet(letter("dustdevil_greeting", {}), known)
    known.add(run, "stream", stream("once\n"), 10)
    page.deliver("iopub", letter("stream", stream("once\n"), "r"), "r", True)
    found = drain(page)
    texts = [
        out["content"]["text"] for _, told in found for out in told.get("outputs", ())
    ]
    assert texts == ["once\n"]
    assert "stream" not in [kind for kind, _ in found]
