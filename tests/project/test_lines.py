"""`make lines`: what the book has of the stack, and the minimal server."""

import json

from workshop import cli, lines, listings


def test_what_is_counted_is_what_is_imported(tmp_path, monkeypatch):
    folder = tmp_path / "dustdevil"
    for name, text in {
        "__init__": "",
        "http/__init__": '"""HTTP."""\n',
        "http/server": "from dustdevil import base\nfrom dustdevil.loop.turn import f",
        "http/client": "import socket\n",
        "loop/__init__": "",
        "loop/turn": "def f():\n    from dustdevil.late import g\n",
        "late": "g = 1\n",
        "base": "",
        "other": "from dustdevil.http.server import base\n",
    }.items():
        file = folder / f"{name}.py"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    monkeypatch.setattr(listings, "package_folder", lambda: folder)
    counted = {lines.module_of(file) for file in lines.minimal_server()}
    assert counted == {"", "http", "http.server", "loop", "loop.turn", "late", "base"}


def test_the_command_prints_both_shares_and_the_minimal_server(tmp_path, capsys):
    cell = {
        "cell_type": "code",
        "id": "a",
        "source": "show('loop.Loop.turn', 'loop.Timer')\n"
        "show('loop.Poller', only='head')",
    }
    (tmp_path / "1.ipynb").write_text(json.dumps({"cells": [cell]}))
    assert cli.main(["lines", str(tmp_path), "--missing"]) == 0
    printed = capsys.readouterr().out
    table = printed.split("\n\n")[0].splitlines()
    rows = {line.split()[0]: line.split()[1:] for line in table}
    loop = next(f for f in listings.files() if f.name == "eventloop.py")
    assert rows["loop.eventloop"][:2] == [
        f"{lines.count(loop)}/{lines.count(loop)}",
        "100%",
    ]
    assert rows["loop.eventloop"][2].startswith("3/")  # turn, and Timer's two
    assert rows["loop.poller"][2].startswith("0/")
    assert rows["all"][1] == "100%"
    missing = table[table.index(next(r for r in table if "loop.eventloop" in r)) + 1]
    assert "Loop._patience" in missing
    assert "Loop.turn" not in missing
    total = sum(map(lines.count, lines.minimal_server()))
    assert f"{total:,} lines:" in printed
